//! Who takes part in a replay: from the configuration, or a component that is tried.
//!
//! A component that is tried is loaded as if the configuration named it.

use std::path::{Path, PathBuf};

use crate::base::{Error, Result};
use crate::cli::Replay;
use crate::config::{self, Chain, Component, Config, Params};
use crate::pipeline;
use crate::pipeline::plugins::{self, Plugins};
use crate::replay::Seat;
use crate::trust::Trust;
use crate::wasm::{self, Engine, World};

/// A camera and those who judge it in a replay.
pub(super) struct Chosen<'a> {
    pub(super) camera: &'a config::Camera,
    pub(super) analyzers: Vec<Seat>,
    pub(super) policies: Vec<Seat>,
}

/// Finds and loads them.
///
/// # Errors
/// Refuses what is not there, or can't take part.
pub(super) fn choose<'a>(arguments: &Replay, config: &'a Config) -> Result<Chosen<'a>> {
    let camera = config.camera(&arguments.camera).ok_or_else(|| {
        let known: Vec<&str> = config.cameras.iter().map(|known| known.name.as_str()).collect();
        let (file, known) = (arguments.config.display(), known.join(", "));
        Error::refuse(format!("{file} has no camera `{}`; there is: {known}", arguments.camera))
    })?;
    let tried = arguments.policy.len() + arguments.analyzer.len();
    if arguments.params.is_some() && tried != 1 {
        return Err(Error::refuse(
            "`--params` needs one `--policy` or `--analyzer` whose they are",
        ));
    }
    let find = |named: &[String], usual: &[String]| -> Result<Vec<config::Plugin>> {
        named.iter().map(|text| tried_plugin(text, usual, arguments, config)).collect()
    };
    let usual = |names: &[String]| -> Vec<config::Plugin> {
        names.iter().filter_map(|name| config.plugin(name).cloned()).collect()
    };
    let mut policies = find(&arguments.policy, &camera.policies)?;
    if policies.is_empty() {
        policies = usual(&camera.policies);
    }
    let mut analyzers = find(&arguments.analyzer, &camera.analyzers)?;
    if analyzers.is_empty() && !arguments.files.is_empty() {
        analyzers = usual(&camera.analyzers);
    }
    if policies.is_empty() && analyzers.is_empty() {
        let name = &camera.name;
        return Err(Error::refuse(format!("camera {name} has no policy: try one with `--policy`")));
    }
    let engine = Engine::new(Some(&pipeline::cache_directory(config)))?;
    let seats = |wanted, world| seats(&engine, config, wanted, world);
    Ok(Chosen {
        camera,
        analyzers: seats(analyzers, World::Analyzer)?,
        policies: seats(policies, World::Policy)?,
    })
}

/// A plugin by what the command line says.
fn tried_plugin(
    text: &str,
    usual: &[String],
    arguments: &Replay,
    config: &Config,
) -> Result<config::Plugin> {
    let params = arguments.params.as_deref().map(params).transpose()?;
    let (name, component) = match (config.plugin(text), text.split_once('=')) {
        (Some(known), _) => (known.name.clone(), known.component.clone()),
        (None, Some((name, file))) => (name.to_owned(), component(file, config)?),
        (None, None) => (place_of(text, usual), component(text, config)?),
    };
    let configured = config.plugin(&name).cloned();
    let plugin = configured.unwrap_or_else(|| config::Plugin::new(name, component.clone()));
    let params = params.unwrap_or_else(|| plugin.params.clone());
    // Whom to trust with the cameras is no question here: a replay is where that is found out.
    Ok(config::Plugin { component, params, trust: Trust::default(), ..plugin })
}

/// A component without a name takes the place of the only one, and speaks under its name.
fn place_of(text: &str, usual: &[String]) -> String {
    match usual {
        [only] => only.clone(),
        _ => Path::new(text)
            .file_stem()
            .map_or_else(|| text.to_owned(), |stem| stem.to_string_lossy().into_owned()),
    }
}

fn component(text: &str, config: &Config) -> Result<Component> {
    if wasm::bundled(text).is_some() {
        return Ok(Component::Bundled(text.to_owned()));
    }
    let path = PathBuf::from(text);
    if path.is_file() {
        return Ok(Component::File(path));
    }
    let known: Vec<&str> = config.plugins.iter().map(|known| known.name.as_str()).collect();
    Err(Error::refuse(format!(
        "`{text}` is no plugin of the configuration ({}), no bundled one ({}) and no .wasm file",
        known.join(", "),
        wasm::BUNDLED.join(", ")
    )))
}

fn params(text: &str) -> Result<Params> {
    serde_json::from_str(text).map(Params::new).map_err(|error| {
        Error::refuse("`--params` is no JSON object: write for example '{\"before\":\"10s\"}'")
            .with(error)
    })
}

fn seats(
    engine: &Engine,
    config: &Config,
    wanted: Vec<config::Plugin>,
    world: World,
) -> Result<Vec<Seat>> {
    let names: Vec<(String, Chain)> =
        wanted.iter().map(|plugin| (plugin.name.clone(), plugin.chain.clone())).collect();
    let mut loaded: Plugins = plugins::load(engine, &Config { plugins: wanted, ..config.clone() });
    names
        .into_iter()
        .map(|(name, chain)| {
            if let Some(Err(error)) = plugins::role(&loaded, &name, world) {
                return Err(error);
            }
            let ready = loaded.remove(&name).unwrap_or_else(|| {
                Err(Error::refuse(format!("plugin {name} is named twice: give one another name")))
            })?;
            Ok(Seat { name, plugin: ready.plugin, params: ready.params, chain })
        })
        .collect()
}
