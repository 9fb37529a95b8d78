//! Event sources, wired: started, ended, and what they are to their cameras.

use tokio::sync::mpsc;

use super::plugins::{self, Ready};
use super::{Shared, guests, status};
use crate::base::limits;
use crate::base::tasks::Tasks;
use crate::config;
use crate::events::source::{Delivery, Source};
use crate::wasm::standing::{Asker, Teller, standing};
use crate::wasm::supervise::Supervisor;
use crate::wasm::{InstanceConfig, Setup, World};

/// How a source fares, told and asked: the same through all its lives, so that who depends on it need
/// not be told of another.
pub(super) type Standing = (Teller, Asker);

/// A source that was started, or that its cameras miss.
pub(super) struct Started {
    /// The cameras that it serves.
    pub(super) cameras: Vec<String>,
    /// The way of its messages; `None`: it could not be loaded.
    pub(super) queue: Option<mpsc::Sender<Delivery>>,
    pub(super) tasks: Tasks,
    pub(super) standing: Standing,
}

impl Started {
    /// How it is, for those who ask.
    pub(super) fn status(&self, name: &str) -> status::Plugin {
        status::Plugin { name: name.into(), camera: None, standing: self.standing.1.clone() }
    }
}

/// Starts `plugin` where it is a source, or would be one. `standing` is that of its last life.
pub(super) fn start(
    plugin: &config::Plugin,
    shared: &Shared,
    plugins: &plugins::Plugins,
    last: Option<Standing>,
) -> Option<Started> {
    let role = plugins::role(plugins, &plugin.name, World::Source);
    let (teller, asker) = last.unwrap_or_else(standing);
    let (cameras, tasks) = (plugin.cameras.clone(), Tasks::new());
    let started = |queue| {
        let standing = (teller.clone(), asker);
        Started { cameras, queue, tasks: tasks.clone(), standing }
    };
    match role {
        Some(Ok(ready)) => {
            let (queue, messages) = mpsc::channel(limits::EVENT_QUEUE);
            let source = source(plugin, shared, ready, messages);
            let supervisor = Supervisor::new("", &plugin.name, teller.clone());
            let task = source.run(supervisor, tasks.shutdown().clone());
            tasks.spawn(format!("source {}", plugin.name), task);
            Some(started(Some(queue)))
        }
        // Only a source names cameras: these miss it.
        None if !plugin.cameras.is_empty() => {
            teller.send_replace(guests::unloaded(&plugin.name));
            Some(started(None))
        }
        _ => None,
    }
}

fn source(
    plugin: &config::Plugin,
    shared: &Shared,
    ready: Ready,
    messages: mpsc::Receiver<Delivery>,
) -> Source {
    let cameras: Vec<&str> = plugin.cameras.iter().map(String::as_str).collect();
    let after = &plugin.chain.after;
    Source {
        name: plugin.name.clone(),
        cameras: plugin.cameras.clone(),
        plugin: ready.plugin,
        instance: InstanceConfig {
            name: plugin.name.clone(),
            camera: None,
            zone: jiff::tz::TimeZone::system(),
            metrics: shared.metrics.clone(),
            memory_bytes: None,
        },
        setup: Setup { params: ready.params, ..Setup::default() },
        lane: shared.lanes.decide.clone(),
        messages,
        follower: (!after.is_empty()).then(|| shared.bus.follow(&cameras, &plugin.name, after)),
        bus: shared.bus.clone(),
        clock: shared.clock.clone(),
    }
}
