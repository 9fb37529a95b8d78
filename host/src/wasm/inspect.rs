//! What a component is, found without compiling or running any of it.
//!
//! Takes bytes from anywhere; gives an [`Inspection`] that says what the plugin is and every reason
//! why this host would refuse it. Pure.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wasmparser::{Encoding, Parser, Payload, Validator};

use super::grants::{Capability, Grants, Terms, useless};
use super::manifest::{Manifest, SECTION};
use crate::base::{Error, Result};

/// The version of the contract that this host serves. A plugin for any version that is compatible
/// with it (`0.1.x`) is accepted.
pub const CONTRACT: &str = "0.1.0";

/// The package of the contract.
const PACKAGE: &str = "wardline:plugin";

/// Interfaces that every plugin may import.
const FREE: [&str; 4] = ["types", "log", "clock", "metrics"];

/// Interfaces that a plugin may import which asks for them in its manifest.
const GRANTED: [&str; 3] = ["kv", "crop", "http"];

/// Interfaces that a plugin may export beside what its world wants.
const OPTIONAL: [&str; 4] = ["state", "reconfigure", "listener", "messages"];

/// A component larger than this is refused. Python's are 18 MB.
const BYTES_MAX: usize = 128 << 20;

/// A kind of plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum World {
    /// Pictures or units in, events out.
    #[serde(rename = "analyzer-plugin")]
    Analyzer,
    /// Messages and time in, events out.
    #[serde(rename = "source-plugin")]
    Source,
    /// Events in, spans out.
    #[serde(rename = "policy-plugin")]
    Policy,
}

impl World {
    const ALL: [Self; 3] = [Self::Analyzer, Self::Source, Self::Policy];

    /// For people; the contract's world is this and `-plugin`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Analyzer => "analyzer",
            Self::Source => "source",
            Self::Policy => "policy",
        }
    }

    /// The interfaces that a plugin of this kind exports; the first tells the kinds apart.
    fn exports(self) -> &'static [&'static str] {
        match self {
            Self::Analyzer => &["analyzer"],
            Self::Source => &["event-source", "messages"],
            Self::Policy => &["recording-policy"],
        }
    }
}

/// What a component is.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// SHA-256 of the component, in hexadecimal digits.
    pub digest: String,
    /// Size of the component in bytes.
    pub bytes: usize,
    /// What it is, by its exports.
    pub world: Option<World>,
    /// The version of the contract it was built for.
    pub contract: Option<String>,
    /// What it says of itself.
    pub manifest: Option<Manifest>,
    /// Names of everything it imports.
    pub imports: Vec<String>,
    /// Names of everything it exports.
    pub exports: Vec<String>,
    /// Optional interfaces of the contract that it exports.
    pub optional: Vec<String>,
    /// Why this host refuses it; empty when it does not.
    pub problems: Vec<String>,
}

impl Inspection {
    /// Whether it exports this optional interface of the contract.
    pub fn has(&self, optional: &str) -> bool {
        self.optional.iter().any(|name| name == optional)
    }

    /// Whether this host takes the plugin that is configured as `name`.
    pub fn accept(&self, name: &str) -> Result<(World, &Manifest)> {
        match (&self.problems[..], self.world, &self.manifest) {
            ([], Some(world), Some(manifest)) => Ok((world, manifest)),
            (problems, ..) => {
                let who = self.manifest.as_ref().map_or_else(String::new, |manifest| {
                    format!(" ({} {})", manifest.id, manifest.version)
                });
                Err(Error::refuse(format!("plugin {name}{who}: {}", problems.join("; "))))
            }
        }
    }

    /// Whether this host takes the plugin that is configured as `name` and the operator's `terms`
    /// cover what it asks for; if so, what is in force for it. What a running plugin's successor
    /// must pass.
    pub fn settle(&self, name: &str, terms: &Terms) -> Result<Grants> {
        let (world, manifest) = self.accept(name)?;
        Grants::settle(name, world, &manifest.capabilities, terms).map_err(|missing| {
            Error::refuse(format!(
                "plugin {name} ({} {}): {missing}",
                manifest.id, manifest.version
            ))
        })
    }
}

/// SHA-256 of a component, in hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Looks at the component of the plugin that is configured as `name`. An error means that it is no
/// component at all; what else is wrong stands in [`Inspection::problems`].
pub fn inspect(name: &str, bytes: &[u8]) -> Result<Inspection> {
    let refuse = |why: String| Error::refuse(format!("plugin {name}: {why}"));
    if bytes.len() > BYTES_MAX {
        return Err(refuse(format!("larger than {BYTES_MAX} bytes")));
    }
    let found = parse(bytes).map_err(refuse)?;
    Validator::new()
        .validate_all(bytes)
        .map_err(|error| refuse(format!("is not a valid component: {error}: build it anew")))?;
    let mut problems = Vec::new();
    let contract = contract(&found, &mut problems);
    let world = world(&found, &mut problems);
    let manifest = manifest(name, &found, world, &mut problems);
    check_imports(&found, manifest.as_ref(), &mut problems);
    let optional = OPTIONAL
        .iter()
        .filter(|name| found.exports.iter().any(|export| interface(export) == Some(name)))
        .map(|name| (*name).to_owned())
        .collect();
    Ok(Inspection {
        digest: digest(bytes),
        bytes: bytes.len(),
        world,
        contract,
        manifest,
        imports: found.imports,
        exports: found.exports,
        optional,
        problems,
    })
}

#[derive(Default)]
struct Found {
    imports: Vec<String>,
    exports: Vec<String>,
    manifest: Option<Vec<u8>>,
}

/// Reads the outermost component only: what is nested in it is its own affair.
fn parse(bytes: &[u8]) -> Result<Found, String> {
    if !bytes.starts_with(b"\0asm") {
        return Err("is not WebAssembly: give the path of a .wasm component".into());
    }
    let mut found = Found::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        let damaged = |error| format!("is damaged: {error}: build it anew");
        match payload.map_err(damaged)? {
            Payload::Version { encoding, .. } => {
                if depth == 0 && encoding == Encoding::Module {
                    return Err("is a core module, not a component: \
                                turn it into one as plugins/sdk/README.md says"
                        .into());
                }
                depth += 1;
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    found.imports.push(import.map_err(damaged)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    found.exports.push(export.map_err(damaged)?.name.name.to_owned());
                }
            }
            Payload::CustomSection(section) if depth == 1 && section.name() == SECTION => {
                found.manifest = Some(section.data().to_vec());
            }
            _ => {}
        }
    }
    Ok(found)
}

/// `log` of `wardline:plugin/log@0.1.0`; nothing for names of other packages.
fn interface(name: &str) -> Option<&str> {
    let (package, rest) = name.split_once('/')?;
    (package == PACKAGE).then(|| rest.split('@').next().unwrap_or(rest))
}

fn version(name: &str) -> Option<&str> {
    interface(name)?;
    Some(name.rsplit_once('@')?.1)
}

/// The first two numbers of a version: before 1.0, they tell what is compatible.
fn generation(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn contract(found: &Found, problems: &mut Vec<String>) -> Option<String> {
    let mut versions: Vec<&str> =
        found.imports.iter().chain(&found.exports).filter_map(|name| version(name)).collect();
    versions.sort_unstable();
    versions.dedup();
    let served = generation(CONTRACT);
    if let Some(other) = versions.iter().find(|version| generation(version) != served) {
        let cure = if generation(other) > served {
            "update the host, or rebuild the plugin with this host's SDK"
        } else {
            "rebuild the plugin with this host's SDK"
        };
        problems.push(format!(
            "was built for the contract {PACKAGE}@{other}, and this host serves {CONTRACT}: {cure}"
        ));
    }
    versions.last().map(|version| (*version).to_owned())
}

fn world(found: &Found, problems: &mut Vec<String>) -> Option<World> {
    let has = |wanted: &str| found.exports.iter().any(|name| interface(name) == Some(wanted));
    let worlds: Vec<World> =
        World::ALL.into_iter().filter(|world| has(world.exports()[0])).collect();
    let [world] = worlds[..] else {
        problems.push(match worlds.len() {
            0 => "exports neither `analyzer` nor `event-source` nor `recording-policy` of \
                  wardline:plugin: it is no plugin, or its `plugin!` line is missing"
                .into(),
            _ => "exports more than one of `analyzer`, `event-source` and `recording-policy`: \
                  make one plugin of each"
                .into(),
        });
        return None;
    };
    for missing in world.exports().iter().filter(|name| !has(name)) {
        problems.push(format!(
            "exports `{}` but not `{missing}`, which every {} needs: add it to the `plugin!` line",
            world.exports()[0],
            world.as_str()
        ));
    }
    Some(world)
}

fn check_imports(found: &Found, manifest: Option<&Manifest>, problems: &mut Vec<String>) {
    let asks = |interface: &str| {
        let is = |capability: &Capability| match capability {
            Capability::Kv(_) => interface == "kv",
            Capability::Crop => interface == "crop",
            Capability::Http(_) => interface == "http",
            _ => false,
        };
        manifest.is_some_and(|manifest| manifest.capabilities.iter().any(|wish| is(&wish.name)))
    };
    for name in &found.imports {
        match interface(name) {
            Some(known) if FREE.contains(&known) => {}
            Some(known) if GRANTED.contains(&known) && asks(known) => {}
            // Without a manifest there is another problem already.
            Some(known) if GRANTED.contains(&known) && manifest.is_none() => {}
            Some(known) if GRANTED.contains(&known) => problems.push(format!(
                "imports `{known}`, and plugin.toml does not ask for it: add a [[capability]] with \
                 its name and the reason"
            )),
            _ if name.starts_with("wasi:") => problems.push(format!(
                "imports {name}, and this host offers no WASI: build it for \
                 wasm32-unknown-unknown, or with WASI stubbed out"
            )),
            _ => problems.push(format!("imports {name}, which this host does not offer")),
        }
    }
}

/// What a manifest asks for that its plugin could do nothing with.
fn check_wishes(found: &Found, world: World, manifest: &Manifest, problems: &mut Vec<String>) {
    let listens = found.exports.iter().any(|name| interface(name) == Some("messages"));
    for wish in &manifest.capabilities {
        if let Some(why) = useless(world, &wish.name) {
            problems.push(format!("asks for `{}`: {why}", wish.name));
        } else if matches!(wish.name, Capability::Http(_)) && !listens {
            problems.push(format!(
                "asks for `{}`, and the answers come to `messages`, which it does not export: add \
                 it to the `plugin!` line",
                wish.name
            ));
        }
    }
}

fn manifest(
    name: &str,
    found: &Found,
    world: Option<World>,
    problems: &mut Vec<String>,
) -> Option<Manifest> {
    let Some(text) = &found.manifest else {
        problems.push(format!(
            "has no manifest inside (custom section {SECTION}): build it with `cargo xtask plugins`"
        ));
        return None;
    };
    let manifest = match Manifest::parse(name, text) {
        Ok(manifest) => manifest,
        Err(error) => {
            let text = error.to_string();
            problems.push(text.trim_start_matches(&format!("plugin {name}: ")).to_owned());
            return None;
        }
    };
    if let Some(world) = world.filter(|world| *world != manifest.world) {
        problems.push(format!(
            "plugin.toml says world = \"{}-plugin\", and the exports are those of {}-plugin: \
             correct one",
            manifest.world.as_str(),
            world.as_str()
        ));
    }
    if generation(&manifest.api) != generation(CONTRACT) {
        problems.push(format!(
            "plugin.toml says api = \"{}\", and this host serves {CONTRACT}: rebuild the plugin \
             with this host's SDK",
            manifest.api
        ));
    }
    if let Some(world) = world {
        check_wishes(found, world, &manifest, problems);
    }
    Some(manifest)
}
