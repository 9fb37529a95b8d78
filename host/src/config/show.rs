//! A configuration as people may see it: by the keys of the file, resolved, without secrets.
//!
//! What a secret is: tokens and passwords; and in parameters of plugins what came from the
//! environment, and what is named like one.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use toml::de::DeValue;

use crate::base::masked::masked;

use super::{
    Camera, Component, Config, Directory, Login, Moving, Pace, Params, Pictures, Plugin, Source,
    Time, Transport, show_duration,
};

/// What stands for a secret.
pub const HIDDEN: &str = "***";

/// Parts of names that are given to secrets.
const TELLING: [&str; 6] = ["password", "passwd", "secret", "token", "credential", "key"];

impl Config {
    /// For people and the page.
    pub fn shown(&self) -> Value {
        let store = &self.store;
        let named = |name: &str, value: Value| (name.to_owned(), value);
        let stores: Map<_, _> =
            self.stores.iter().map(|one| named(&one.name, directory(one))).collect();
        let plugins: Map<_, _> =
            self.plugins.iter().map(|one| named(&one.name, plugin(one))).collect();
        let cameras: Map<_, _> =
            self.cameras.iter().map(|one| named(&one.name, camera(one))).collect();
        let tls = self.http.tls.as_ref();
        let mut shown = json!({
            "store": {
                "path": store.path,
                "sync": show_duration(store.sync),
                "event-keep": show_duration(store.event_keep),
                "check-rate": size(store.check_rate),
                "free-floor": store.free_floor_bytes.map(size),
                "size-max": store.size_max.map(size),
                "allow-filesystem": store.allow_filesystem,
            },
            "stores": stores,
            "http": {
                "listen": self.http.listen,
                "token": self.http.token.as_ref().map(|_| HIDDEN),
                "tls-certificate": tls.map(|tls| &tls.certificate),
                "tls-key": tls.map(|tls| &tls.key),
                "proxies": self.http.proxies,
            },
            "limits": { "plugin-memory": self.plugin_memory_bytes.map(size) },
            "clips": self.clips.as_ref().map(|clips| json!({
                "directory": clips.directory,
                "size-max": clips.size_max.map(size),
            })),
            "plugins": plugins,
            "cameras": cameras,
        });
        moving(&mut shown["store"], store.moving.as_ref());
        bare(shown)
    }
}

/// Bytes as the file may have them, exactly.
fn size(bytes: u64) -> String {
    let units = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let whole = units.iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{bytes}B"), |(name, unit)| format!("{}{name}", bytes / unit))
}

/// Without what is not set.
fn bare(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let set = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(set.map(|(key, value)| (key, bare(value))).collect())
        }
        value => value,
    }
}

fn moving(shown: &mut Value, moving: Option<&Moving>) {
    if let Some(moving) = moving {
        shown["move-to"] = json!(moving.to);
        shown["move-after"] = json!(show_duration(moving.after));
    }
}

fn directory(one: &Directory) -> Value {
    let mut shown = json!({
        "path": one.path,
        "free-floor": one.free_floor_bytes.map(size),
        "size-max": one.size_max.map(size),
        "allow-filesystem": one.allow_filesystem,
    });
    moving(&mut shown, one.moving.as_ref());
    shown
}

fn plugin(one: &Plugin) -> Value {
    let texts = |all: Vec<String>| (!all.is_empty()).then_some(all);
    let component = match &one.component {
        Component::Bundled(name) => json!(name),
        Component::File(path) => json!(path),
    };
    let (pictures, tail) = match one.chain.pictures {
        Pictures::Always => (None, None),
        Pictures::WhileOpen(tail) => (Some("while-open"), Some(show_duration(tail))),
    };
    json!({
        "component": component,
        "params": one.params.shown(),
        "cameras": texts(one.cameras.clone()),
        "after": texts(one.chain.after.iter().map(ToString::to_string).collect()),
        "pictures": pictures,
        "tail": tail,
        "grant": texts(one.grant.iter().map(ToString::to_string).collect()),
        "shadow": one.shadow,
    })
}

fn camera(one: &Camera) -> Value {
    let (url, login, transport, time, pace) = match &one.source {
        Source::Rtsp { url, login, transport, time } => {
            (json!(masked(url.as_str())), login.as_ref(), Some(*transport), Some(*time), None)
        }
        Source::File { path, pace, .. } => (json!(path), None, None, None, Some(*pace)),
    };
    let analysis = one.analysis.as_ref().map(|source| match source {
        Source::Rtsp { url, .. } => json!(masked(url.as_str())),
        Source::File { path, .. } => json!(path),
    });
    let user = login.map(|Login { username, .. }| username);
    json!({
        "url": url,
        "analysis-url": analysis,
        "username": user,
        "password": user.map(|_| HIDDEN),
        "transport": transport.map(|it| if it == Transport::Tcp { "tcp" } else { "udp" }),
        "time": time.map(|it| if it == Time::Host { "host" } else { "camera" }),
        "pace": pace.map(|it| if it == Pace::Live { "live" } else { "fast" }),
        "mode": one.mode.as_str(),
        "store": one.store,
        "keep": show_duration(one.keep),
        "keep-max": one.keep_max.map(show_duration),
        "size-max": one.size_max.map(size),
        "segment": show_duration(one.segment),
        "preroll": show_duration(one.preroll),
        "preroll-bytes": size(one.preroll_bytes),
        "clips": one.clips,
        "stall": show_duration(one.stall),
        "timezone": one.timezone,
        "analyzers": one.analyzers,
        "policies": one.policies,
        "hears": one.hears.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

impl Params {
    /// Without what is, or may be, a secret.
    pub fn shown(&self) -> Value {
        let mut shown = Value::Object(self.values().clone());
        for pointer in self.from_environment() {
            if let Some(value) = shown.pointer_mut(pointer) {
                *value = HIDDEN.into();
            }
        }
        hide_named(&mut shown);
        shown
    }
}

fn hide_named(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = key.to_lowercase();
                match TELLING.iter().any(|word| key.contains(word)) && value.is_string() {
                    true => *value = HIDDEN.into(),
                    false => hide_named(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(hide_named),
        _ => {}
    }
}

/// Where in a value texts name the environment, as JSON pointers.
pub(super) fn from_environment(value: &DeValue<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    find(value, &mut String::new(), &mut found);
    found
}

fn find(value: &DeValue<'_>, at: &mut String, found: &mut BTreeSet<String>) {
    let length = at.len();
    match value {
        DeValue::String(text) if text.contains("${") => drop(found.insert(at.clone())),
        DeValue::Array(list) => {
            for (index, item) in list.iter().enumerate() {
                at.push_str(&format!("/{index}"));
                find(item.get_ref(), at, found);
                at.truncate(length);
            }
        }
        DeValue::Table(table) => {
            for (key, item) in table.iter() {
                let key = key.get_ref().replace('~', "~0").replace('/', "~1");
                at.push_str(&format!("/{key}"));
                find(item.get_ref(), at, found);
                at.truncate(length);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Surroundings, parse};

    struct Sample;

    impl Surroundings for Sample {
        fn variable(&self, _: &str) -> Option<String> {
            Some("s3cr3t-of-the-environment".into())
        }

        fn secret_file(&self, _: &Path) -> std::io::Result<String> {
            Ok("s3cr3t-of-a-file".into())
        }

        fn is_file(&self, _: &Path) -> bool {
            true
        }
    }

    #[test]
    fn what_is_shown_has_no_secret_and_all_else() {
        let text = r#"
[store]
path = "rec"
size-max = "2TiB"
[http]
token-file = "token"
tls-certificate = "cert.pem"
tls-key = "key.pem"
proxies = ["127.0.0.1", "::1"]
[plugins.motion]
component = "analyzer-motion"
params = { zones = [{ name = "drive", area = [[0, 0], [1, 1]] }], "a/b" = ["${X}"], apiKey = "s3cr3t", keys = 3 }
grant = ["kv"]
[cameras.gate]
url = "rtsp://admin:s3cr3t@10.0.0.5/main?password=s3cr3t"
analyzers = ["motion"]
"#;
        let config = parse(text, Path::new("etc/wardline.toml"), &Sample).unwrap();
        let shown = config.shown();
        let said = shown.to_string();
        assert!(!said.contains("s3cr3t"), "{said}");
        for (pointer, expected) in [
            ("/store/size-max", "\"2TiB\""),
            ("/http/token", "\"***\""),
            ("/http/tls-key", "\"etc/key.pem\""),
            ("/http/proxies", "[\"127.0.0.1\",\"::1\"]"),
            ("/plugins/motion/params/zones/0/name", "\"drive\""),
            ("/plugins/motion/params/zones/0/area/1", "[1,1]"),
            ("/plugins/motion/params/a~1b/0", "\"***\""),
            ("/plugins/motion/params/apiKey", "\"***\""),
            ("/plugins/motion/params/keys", "3"),
            ("/cameras/gate/url", "\"rtsp://10.0.0.5/main?password=***\""),
            ("/cameras/gate/username", "\"admin\""),
            ("/cameras/gate/password", "\"***\""),
            ("/cameras/gate/analyzers/0", "\"motion\""),
        ] {
            let got = shown.pointer(pointer).map(ToString::to_string);
            assert_eq!(got.as_deref(), Some(expected), "{pointer} in {said}");
        }
        assert!(shown.pointer("/cameras/gate/pace").is_none(), "what is not set is left out");
    }
}
