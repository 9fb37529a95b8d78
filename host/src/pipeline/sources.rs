//! Event sources, wired: started, ended, and what they are to their cameras.

use tokio::sync::{mpsc, watch};

use super::{Shared, plugins, status};
use crate::base::limits;
use crate::base::tasks::Tasks;
use crate::config;
use crate::events::source::{Delivery, Source};
use crate::seat::Facts;
use crate::wasm::standing::{Asker, Teller, standing};
use crate::wasm::{InstanceConfig, World};

/// How a source fares, told and asked: the same through all its lives, so that who depends on it need
/// not be told of another.
pub(super) type Standing = (Teller, Asker);

/// A source that was started, or that its cameras miss.
pub(super) struct Started {
    /// The cameras that it serves.
    pub(super) cameras: Vec<String>,
    /// The way of its messages.
    pub(super) queue: mpsc::Sender<Delivery>,
    pub(super) tasks: Tasks,
    pub(super) standing: Standing,
    /// Who is in charge.
    facts: watch::Receiver<Facts>,
}

impl Started {
    /// How it is, for those who ask.
    pub(super) fn status(&self, name: &str) -> status::Plugin {
        let (standing, facts) = (self.standing.1.clone(), self.facts.clone());
        status::Plugin { name: name.into(), camera: None, standing, facts }
    }
}

/// Starts `plugin` where it is a source, or would be one. `standing` is that of its last life.
pub(super) fn start(
    plugin: &config::Plugin,
    shared: &Shared,
    plugins: &plugins::Plugins,
    last: Option<Standing>,
) -> Option<Started> {
    match plugins::role(plugins, &plugin.name, World::Source) {
        Some(Ok(_)) => {}
        // Only a source names cameras: these miss it, until it can be loaded.
        None if !plugin.cameras.is_empty() => {}
        _ => return None,
    }
    let (teller, asker) = last.unwrap_or_else(standing);
    let (queue, messages) = mpsc::channel(limits::EVENT_QUEUE);
    let (services, answers) = shared.granting.services(&plugin.name, None);
    let instance = InstanceConfig {
        name: plugin.name.clone(),
        camera: None,
        zone: jiff::tz::TimeZone::system(),
        metrics: shared.metrics.clone(),
        memory_bytes: None,
        services,
        proving: false,
    };
    let lane = &shared.lanes.decide;
    let (seat, facts) = shared.seats.seat(plugins, instance, lane, teller.clone());
    let cameras: Vec<&str> = plugin.cameras.iter().map(String::as_str).collect();
    let after = &plugin.chain.after;
    let source = Source {
        name: plugin.name.clone(),
        cameras: plugin.cameras.clone(),
        seat,
        messages,
        answers,
        follower: (!after.is_empty()).then(|| shared.bus.follow(&cameras, &plugin.name, after)),
        bus: shared.bus.clone(),
        clock: shared.clock.clone(),
        open: None,
    };
    let tasks = Tasks::new();
    tasks.spawn(format!("source {}", plugin.name), source.run(tasks.shutdown().clone()));
    let cameras = plugin.cameras.clone();
    Some(Started { cameras, queue, tasks, standing: (teller, asker), facts })
}
