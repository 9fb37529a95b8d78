//! The configured plugins, loaded: what they are, what they get, and what is wrong with them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::base::{Error, Result};
use crate::config::{self, Component, Config, Params};
use crate::seat::Offer;
use crate::store;
use crate::wasm::{self, Engine, Plugin, World};

/// By configured name: ready, or why not.
pub type Plugins = BTreeMap<String, Result<Offer>>;

/// Loads all. One that can't be loaded costs only the cameras that name it.
pub fn load(engine: &Engine, config: &Config) -> Plugins {
    config
        .plugins
        .iter()
        .map(|plugin| {
            let ready = bytes(&plugin.name, &plugin.component)
                .and_then(|bytes| Plugin::load(engine, &plugin.name, &bytes))
                .and_then(|loaded| offer(loaded, &plugin.params));
            (plugin.name.clone(), ready)
        })
        .collect()
}

/// A loaded plugin with the operator's parameters.
pub(super) fn offer(plugin: Plugin, params: &Params) -> Result<Offer> {
    let given = serde_json::Value::Object(params.values().clone());
    let params = plugin.params(&given)?;
    Ok(Offer { plugin, params })
}

/// What is wrong with the plugins and the roles that the cameras give them.
pub fn mistakes(config: &Config, plugins: &Plugins) -> Vec<String> {
    let mut mistakes: Vec<String> =
        plugins.values().filter_map(|ready| ready.as_ref().err()).map(Error::chain).collect();
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
    mistakes
}

/// A camera's policies as its store knows them, in the order of the configuration.
pub(super) fn judges(camera: &config::Camera, plugins: &Plugins) -> Vec<store::Policy> {
    let judge = |name: &String| store::Policy {
        name: name.clone(),
        digest: role(plugins, name, World::Policy).and_then(Result::ok).map(|ready| ready.digest()),
    };
    camera.policies.iter().map(judge).collect()
}

/// The plugin in a role; `None` when it could not be loaded, which is told once, elsewhere.
pub(super) fn role(plugins: &Plugins, name: &str, world: World) -> Option<Result<Offer>> {
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
