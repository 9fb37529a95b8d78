//! The configured plugins, loaded: what they are, what they get, and what is wrong with them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::base::{Error, Result};
use crate::config::{self, Component, Config};
use crate::seat::Offer;
use crate::trust::{self, Trust, Vouched};
use crate::wasm::{self, Engine, Plugin, Terms, World};

/// By configured name: ready, or why not.
pub type Plugins = BTreeMap<String, Result<Offer>>;

/// Loads all. One that can't be loaded costs only the cameras that name it.
pub fn load(engine: &Engine, config: &Config) -> Plugins {
    let load = |plugin: &config::Plugin| (plugin.name.clone(), load_one(engine, plugin));
    config.plugins.iter().map(load).collect()
}

/// Loads one as its operator configured it. Blocks, as [`Plugin::load`] does.
///
/// # Errors
/// It can't be read, nobody vouches for it who must, it asks for more than it is granted, can't be
/// compiled, or its parameters don't fit.
pub fn load_one(engine: &Engine, plugin: &config::Plugin) -> Result<Offer> {
    let bytes = vouched(plugin)?;
    ready(plugin, Plugin::load_on(&terms(plugin), engine, &plugin.name, &bytes)?)
}

/// What is loaded, by name; `None` for what could not be.
pub(super) type Known = BTreeMap<String, Option<Plugin>>;

/// What is loaded.
pub(super) fn known(plugins: &Plugins) -> Known {
    let plugin = |ready: &Result<Offer>| Some(ready.as_ref().ok()?.plugin.clone());
    plugins.iter().map(|(name, ready)| (name.clone(), plugin(ready))).collect()
}

/// As [`load`], but what is there already with the same component and the same grants is not compiled
/// again. Gives the names of those that are not the same, too.
pub(super) fn reload(engine: &Engine, config: &Config, old: &Known) -> (Plugins, BTreeSet<String>) {
    let mut rebuilt = BTreeSet::new();
    let mut load = |plugin: &config::Plugin| {
        let (bytes, terms) = (vouched(plugin)?, terms(plugin));
        let known = old.get(&plugin.name);
        let is_same = |it: &&Plugin| {
            let grants = || it.inspection().settle(&plugin.name, &terms);
            it.digest() == wasm::digest(&bytes)
                && grants().is_ok_and(|grants| grants == *it.grants())
        };
        if let Some(same) = known.and_then(Option::as_ref).filter(is_same) {
            return ready(plugin, same.clone());
        }
        let loaded = Plugin::load_on(&terms, engine, &plugin.name, &bytes)?;
        if known.is_some() {
            rebuilt.insert(plugin.name.clone());
        }
        ready(plugin, loaded)
    };
    let plugins = config.plugins.iter().map(|plugin| (plugin.name.clone(), load(plugin))).collect();
    (plugins, rebuilt)
}

fn terms(plugin: &config::Plugin) -> Terms {
    Terms::Listed(plugin.grant.clone())
}

fn ready(plugin: &config::Plugin, loaded: Plugin) -> Result<Offer> {
    let given = serde_json::Value::Object(plugin.params.values().clone());
    let params = loaded.params(&given)?;
    Ok(Offer { plugin: loaded, params })
}

/// What is wrong with the plugins and the roles that the cameras give them.
pub fn mistakes(config: &Config, plugins: &Plugins) -> Vec<String> {
    mistakes_but(config, plugins, |_| false)
}

/// What is wrong with another configuration than the one in force. A plugin that could not be loaded
/// for that one either, and is no other now, is told in the log and holds up nothing else.
pub(super) fn new_mistakes(
    (old, before): (&Config, &Known),
    (new, plugins): (&Config, &Plugins),
) -> Vec<String> {
    mistakes_but(new, plugins, |name| {
        matches!(before.get(name), Some(None)) && old.plugin(name) == new.plugin(name)
    })
}

fn mistakes_but(config: &Config, plugins: &Plugins, is_old: impl Fn(&str) -> bool) -> Vec<String> {
    let mut mistakes = Vec::new();
    for (name, ready) in plugins {
        let Err(error) = ready else { continue };
        let text = error.chain();
        // The message of some mistakes is the compiler's, or the disk's.
        let text =
            if text.contains(name.as_str()) { text } else { format!("plugin {name}: {text}") };
        if is_old(name) {
            tracing::warn!(plugin = name, "still can't be loaded: {text}");
        } else {
            mistakes.push(text);
        }
    }
    let mut expect = |camera: &str, name: &str, world: World| {
        if let Some(Err(error)) = role(plugins, name, world) {
            mistakes.push(format!("camera {camera}: {error}"));
        }
    };
    for camera in &config.cameras {
        for name in &camera.analyzers {
            expect(&camera.name, name, World::Analyzer);
        }
        for name in &camera.policies {
            expect(&camera.name, name, World::Policy);
        }
    }
    mistakes.extend(config.plugins.iter().filter_map(|plugin| chain_mistake(plugin, plugins)));
    mistakes.extend(config.plugins.iter().filter_map(|plugin| shadow_mistake(plugin, plugins)));
    mistakes
}

/// Why a plugin can't take the place that it is a candidate for.
fn shadow_mistake(plugin: &config::Plugin, plugins: &Plugins) -> Option<String> {
    let world = |name: &str| Some(plugins.get(name)?.as_ref().ok()?.plugin.world());
    let candidate = plugin.shadow.as_deref()?;
    let (is, wanted) = (world(candidate)?, world(&plugin.name)?);
    (is != wanted).then(|| {
        format!(
            "plugin {}: its candidate {candidate} is of world {}, not {}: only one of the same can \
             take its place",
            plugin.name,
            is.as_str(),
            wanted.as_str()
        )
    })
}

/// Why a plugin can't come after those that its `after` names.
fn chain_mistake(plugin: &config::Plugin, plugins: &Plugins) -> Option<String> {
    let loaded = |name: &str| Some(&plugins.get(name)?.as_ref().ok()?.plugin);
    let (name, chain) = (&plugin.name, &plugin.chain);
    let this = loaded(name).filter(|_| !chain.after.is_empty())?;
    let is_policy = |name: &str| loaded(name).is_some_and(|one| one.world() == World::Policy);
    let is_woken = matches!(chain.pictures, config::Pictures::WhileOpen(_));
    let judge = chain.after.iter().find(|of| is_policy(&of.name));
    let why = match this.world() {
        World::Policy => "it is a policy, which hears all of its camera: leave `after` out",
        World::Analyzer if judge.is_some() => {
            "an analyzer can't come after a policy, which hears what it says: leave that out"
        }
        World::Source if is_woken => "`pictures` is for analyzers: leave it out",
        World::Source if plugin.cameras.is_empty() => {
            "it hears the cameras that it speaks for: name them, `cameras = [...]`"
        }
        // One that is only woken needs to hear nothing.
        World::Analyzer if is_woken => return None,
        _ if !this.listens() => {
            "it can't hear events: it has no export `listener`; leave `after` out, or (for an \
             analyzer) let them wake it: `pictures = \"while-open\"`"
        }
        _ => return None,
    };
    Some(format!("plugin {name} comes after others: {why}"))
}

/// The plugin in a role; `None` when it could not be loaded, which is told once, elsewhere.
pub(crate) fn role(plugins: &Plugins, name: &str, world: World) -> Option<Result<Offer>> {
    let ready = plugins.get(name)?.as_ref().ok()?;
    let is = ready.plugin.world();
    if is == world {
        return Some(Ok(ready.clone()));
    }
    Some(Err(Error::refuse(format!(
        "plugin {name} is of world {}, not {}: name it where it belongs",
        is.as_str(),
        world.as_str()
    ))))
}

/// The component, before anything of it is looked at, let alone compiled: whoever must has vouched
/// for it.
fn vouched(plugin: &config::Plugin) -> Result<Cow<'static, [u8]>> {
    let bytes = bytes(&plugin.name, &plugin.component)?;
    vouch(plugin, &bytes)?;
    Ok(bytes)
}

/// Who vouches for a component. What is bundled is as trusted as the program that it is a part of.
fn vouch(plugin: &config::Plugin, bytes: &[u8]) -> Result<()> {
    let vouched = match &plugin.component {
        Component::Bundled(_) => {
            let pin = Trust { digest: plugin.trust.digest, ..Trust::default() };
            pin.check(&plugin.name, bytes, None)?
        }
        Component::File(path) => {
            plugin.trust.check(&plugin.name, bytes, signature(&plugin.name, path)?.as_deref())?
        }
    };
    if let Vouched::By(key) = vouched {
        tracing::info!(plugin = plugin.name, %key, "signed");
    }
    Ok(())
}

/// Where the signature of a component is.
pub(super) fn signature_of(component: &Path) -> PathBuf {
    let mut path = component.as_os_str().to_owned();
    path.push(trust::SIGNATURE_SUFFIX);
    path.into()
}

/// The text of the signature beside a component, where there is one.
fn signature(plugin: &str, component: &Path) -> Result<Option<String>> {
    let path = signature_of(component);
    let read = File::open(&path).and_then(|file| {
        let mut text = String::new();
        file.take(trust::SIGNATURE_BYTES_MAX).read_to_string(&mut text).map(|_| text)
    });
    match read {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let why = format!("plugin {plugin}: read its signature {}", path.display());
            Err(Error::refuse(why).with(error))
        }
    }
}

pub(super) fn bytes(name: &str, component: &Component) -> Result<Cow<'static, [u8]>> {
    match component {
        Component::Bundled(bundled) => wasm::bundled(bundled).map(Cow::Borrowed).ok_or_else(|| {
            Error::refuse(format!(
                "plugin {name}: no component `{bundled}` is bundled; there are: {}",
                wasm::BUNDLED.join(", ")
            ))
        }),
        Component::File(path) => std::fs::read(path).map(Cow::Owned).map_err(|error| {
            Error::refuse(format!("plugin {name}: read component {}", path.display())).with(error)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Anything;

    const HEAD: &str = "store.path = \"rec\"\ncameras.gate.url = \"rtsp://gate/\"\n";

    const BROKEN: &str = "[plugins.torn]\ncomponent = \"no/such.wasm\"\n";

    fn read(text: &str) -> Config {
        let text = format!("{HEAD}{text}");
        config::parse(&text, Path::new("wardline.toml"), &Anything).unwrap()
    }

    #[test]
    fn only_a_new_or_changed_plugin_that_can_not_be_loaded_holds_up_a_reload() {
        let engine = Engine::new(None).unwrap();
        let old = read(BROKEN);
        let before = known(&load(&engine, &old));
        for (more, said) in [
            ("", None),
            ("[plugins.keep]\ncomponent = \"policy-pre-post\"\n", None),
            ("params = { before = \"5s\" }\n", Some("plugin torn: ")),
            ("[plugins.keep]\ncomponent = \"no/other.wasm\"\n", Some("plugin keep: ")),
        ] {
            let new = read(&format!("{BROKEN}{more}"));
            let (loaded, _) = reload(&engine, &new, &before);
            let mistakes = new_mistakes((&old, &before), (&new, &loaded));
            let expected: Vec<&str> = said.into_iter().collect();
            assert_eq!(mistakes.len(), expected.len(), "{more}: {mistakes:?}");
            assert!(
                mistakes.iter().zip(expected).all(|(one, said)| one.starts_with(said)),
                "{mistakes:?}"
            );
        }
    }

    #[test]
    fn a_candidate_is_of_the_kind_of_its_place() {
        let engine = Engine::new(None).unwrap();
        let config = read(
            "[plugins.keep]\ncomponent = \"policy-pre-post\"\nshadow = \"next\"\n\
             [plugins.next]\ncomponent = \"analyzer-motion\"\n",
        );
        let mistakes = mistakes(&config, &load(&engine, &config));
        assert_eq!(mistakes.len(), 1);
        assert!(mistakes[0].starts_with("plugin keep: its candidate next is of world analyzer"));
    }
}
