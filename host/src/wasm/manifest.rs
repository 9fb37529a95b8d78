//! `plugin.toml`: what a plugin says of itself. Its copy in the component, the custom section
//! `wardline:manifest`, is the one in force.
//!
//! Takes TOML text, gives a checked [`Manifest`]. Knows no component: whether the two agree is
//! checked in `inspect`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::grants::Capability;
use super::inspect::World;
use crate::base::{Error, Result};

/// The custom section of a component that holds the manifest.
pub const SECTION: &str = "wardline:manifest";

/// A manifest longer than this is refused: nothing that is meant for people is.
const BYTES_MAX: usize = 256 << 10;

/// A reason stands in a line of the log.
const REASON_BYTES_MAX: usize = 256;

/// What a plugin says of itself. Unknown keys are errors.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// Kebab-case, `analyzer-motion`.
    pub id: String,
    /// Of the plugin, `1.2.3`.
    pub version: String,
    /// An SPDX expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// One line.
    #[serde(default)]
    pub description: String,
    /// Which kind of plugin it is.
    pub world: World,
    /// The version of the contract it was written for, `0.1` or `0.1.0`.
    pub api: String,
    /// What it wants beyond the free imports.
    #[serde(default, rename = "capability", skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<Wish>,
    /// What it may use.
    #[serde(default)]
    pub limits: Limits,
    /// A JSON Schema with defaults; a property may be marked `secret = true`.
    #[serde(default = "no_params")]
    pub params: Value,
    /// What the host does when it fails.
    #[serde(default)]
    pub on_fault: OnFault,
    /// Snapshots of which schema versions it can load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Inputs and the events that they should give, for `wardline plugin test`.
    #[serde(default, rename = "test", skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<BTreeMap<String, Value>>,
}

/// A wish for what must be granted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Wish {
    /// What.
    pub name: Capability,
    /// For the person who grants it.
    pub reason: String,
}

/// What an instance may use. Deadlines can only be shortened here.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Over all memories and tables, `64MiB` or a number of bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory: Option<Size>,
    /// Of every call but `init`, in milliseconds of processor time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline_ms: Option<u64>,
}

/// Bytes, as people write them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Size {
    Bytes(u64),
    Text(String),
}

/// What the host does when the plugin fails.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OnFault {
    /// Whether the camera records everything while the plugin is down. The operator has the last
    /// word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_open: Option<bool>,
}

/// Snapshots.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct State {
    /// Schema versions that it can load.
    pub schemas: Vec<u32>,
}

fn no_params() -> Value {
    serde_json::json!({ "type": "object", "additionalProperties": false })
}

impl Limits {
    /// Bytes over all memories and tables, where the manifest says so.
    pub fn memory_bytes(&self) -> Option<u64> {
        self.memory.as_ref().and_then(Size::bytes)
    }

    /// Of every call but `init`, where the manifest says so.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline_ms.map(Duration::from_millis)
    }
}

impl Size {
    fn bytes(&self) -> Option<u64> {
        let text = match self {
            Self::Bytes(bytes) => return Some(*bytes),
            Self::Text(text) => text.trim(),
        };
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit: u64 = match text[digits.len()..].trim() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        digits.trim().parse::<u64>().ok()?.checked_mul(unit)
    }
}

impl Manifest {
    /// Reads and checks the manifest of `plugin`; what is wrong is said with the key.
    pub fn parse(plugin: &str, text: &[u8]) -> Result<Self> {
        let refuse = |why: String| Error::refuse(format!("plugin {plugin}: plugin.toml: {why}"));
        if text.len() > BYTES_MAX {
            return Err(refuse(format!("longer than {BYTES_MAX} bytes: shorten it")));
        }
        let text = std::str::from_utf8(text).map_err(|_| refuse("is not UTF-8".into()))?;
        let manifest: Self =
            toml::from_str(text).map_err(|error| refuse(error.to_string().trim().to_owned()))?;
        manifest.check().map_err(refuse)?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        if !is_id(&self.id) {
            return Err(format!(
                "`id` = {:?}: use lower-case letters, digits and single hyphens, at most 64",
                self.id
            ));
        }
        let parts: Vec<&str> =
            self.version.split(['-', '+']).next().unwrap_or("").split('.').collect();
        if parts.len() != 3 || parts.iter().any(|part| part.parse::<u32>().is_err()) {
            return Err(format!("`version` = {:?}: use three numbers, like 1.2.3", self.version));
        }
        if self.limits.memory.is_some() && self.limits.memory_bytes().is_none_or(|bytes| bytes == 0)
        {
            return Err("`limits.memory`: use a size like \"64MiB\"".into());
        }
        if self.limits.deadline_ms == Some(0) {
            return Err("`limits.deadline-ms`: use at least 1".into());
        }
        for (at, wish) in self.capabilities.iter().enumerate() {
            let reason = wish.reason.trim();
            if reason.is_empty() || reason.len() > REASON_BYTES_MAX {
                return Err(format!(
                    "`capability.reason` of `{}`: tell the operator why it is needed, in at most \
                     {REASON_BYTES_MAX} bytes",
                    wish.name
                ));
            }
            if self.capabilities[..at].iter().any(|other| other.name == wish.name) {
                return Err(format!("`capability.name`: `{}` stands twice", wish.name));
            }
        }
        super::params::check_schema(&self.params).map_err(|why| format!("`params`: {why}"))
    }
}

/// Whether a plugin may have this id.
pub fn is_id(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.split('-').all(|part| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        id = "policy-night"
        version = "1.2.3"
        license = "MIT"
        description = "keeps the night"
        world = "policy-plugin"
        api = "0.1"
        [[capability]]
        name = "kv:64KiB"
        reason = "remembers holidays"
        [limits]
        memory = "16MiB"
        deadline-ms = 20
        [params]
        type = "object"
        [params.properties.from]
        type = "string"
        default = "22:00"
    "#;

    #[test]
    fn a_whole_manifest_is_read() {
        let manifest = Manifest::parse("night", GOOD.as_bytes()).unwrap();
        assert_eq!(manifest.world, World::Policy);
        assert_eq!(manifest.capabilities[0].name, Capability::Kv(64 << 10));
        assert_eq!(manifest.limits.memory_bytes(), Some(16 << 20));
        assert_eq!(manifest.limits.deadline(), Some(Duration::from_millis(20)));
    }

    #[test]
    fn mistakes_name_plugin_and_key() {
        for (from, to, said) in [
            ("id = \"policy-night\"", "id = \"Policy_Night\"", "`id`"),
            ("version = \"1.2.3\"", "version = \"1.2\"", "like 1.2.3"),
            ("world = \"policy-plugin\"", "world = \"recorder\"", "recorder"),
            ("memory = \"16MiB\"", "memory = \"16 apples\"", "`limits.memory`"),
            ("deadline-ms = 20", "deadline = 20", "deadline"),
            ("license", "licence", "licence"),
            ("kv:64KiB", "kv:64", "`kv:64`: the size is not a size"),
            ("kv:64KiB", "topic:mqtt", "does not serve them yet"),
            ("remembers holidays", " ", "`capability.reason` of `kv:64KiB`"),
            ("type = \"object\"", "type = \"thing\"", "`params`"),
            ("default = \"22:00\"", "default = 22", "`params`"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let error =
                Manifest::parse("night", GOOD.replacen(from, to, 1).as_bytes()).unwrap_err();
            let text = error.to_string();
            assert!(text.starts_with("plugin night: plugin.toml: "), "{text}");
            assert!(text.contains(said), "{to}: {text}");
        }
    }
}
