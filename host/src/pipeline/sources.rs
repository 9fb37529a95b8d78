//! Event sources, wired: started, ended, and what they are to their cameras.

use tokio::sync::{mpsc, watch};

use super::{Shared, plugins, status};
use crate::base::limits;
use crate::base::tasks::Tasks;
use crate::config;
use crate::events::source::{Delivery, Source};
use crate::seat::Facts;
use crate::shadow::Pair;
use crate::wasm::standing::{Asker, Teller, standing};
use crate::wasm::{InstanceConfig, World};

/// How a source fares, told and asked: the same through all its lives, so that who depends on it need
/// not be told of another.
pub(super) type Standing = (Teller, Asker);

/// A source that was started, or that its cameras miss.
pub(super) struct Started {
    pub(super) name: String,
    /// It is a candidate for the place of this one.
    candidate_for: Option<String>,
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
    pub(super) fn status(&self) -> status::Plugin {
        status::Plugin {
            name: self.name.clone(),
            camera: None,
            standing: self.standing.1.clone(),
            facts: self.facts.clone(),
            candidate_for: self.candidate_for.clone(),
        }
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
    Some(take_place(plugin, &plugin.name, shared, plugins, last.unwrap_or_else(standing)))
}

/// Starts the candidate `name` for the place of `plugin`, which is a source: it gets what that one
/// does, and nobody hears it.
pub(super) fn start_candidate(
    plugin: &config::Plugin,
    name: &str,
    shared: &Shared,
    plugins: &plugins::Plugins,
) -> Started {
    let started = take_place(plugin, name, shared, plugins, standing());
    for camera in &plugin.cameras {
        let (in_charge, candidate) = (plugin.name.clone(), name.to_owned());
        let pair = Pair { camera: camera.clone(), in_charge, candidate };
        shared.shadow.compare(pair, shared, &started.tasks);
    }
    started
}

/// `name` sits where `place` says: it is that one, or a candidate.
fn take_place(
    place: &config::Plugin,
    name: &str,
    shared: &Shared,
    plugins: &plugins::Plugins,
    (teller, asker): Standing,
) -> Started {
    let is_tried = place.name != name;
    let (queue, messages) = mpsc::channel(limits::EVENT_QUEUE);
    let (mut services, answers) = shared.granting.services(name, None);
    if is_tried {
        // Nothing that it does is seen outside.
        services.http = None;
    }
    let instance = InstanceConfig {
        name: name.into(),
        camera: None,
        zone: jiff::tz::TimeZone::system(),
        metrics: shared.metrics.clone(),
        memory_bytes: None,
        services,
        proving: false,
    };
    let (seat, facts) = if is_tried {
        shared.seats.tried(plugins, instance, &shared.lanes.tried, teller.clone())
    } else {
        shared.seats.seat(plugins, instance, &shared.lanes.decide, teller.clone())
    };
    let cameras: Vec<&str> = place.cameras.iter().map(String::as_str).collect();
    let after = &place.chain.after;
    let source = Source {
        name: name.into(),
        cameras: place.cameras.clone(),
        seat,
        messages,
        answers,
        // It hears as its place does: not what that one says.
        follower: (!after.is_empty()).then(|| shared.bus.follow(&cameras, &place.name, after)),
        bus: if is_tried { shared.shadow.bus.clone() } else { shared.bus.clone() },
        clock: shared.clock.clone(),
        open: None,
    };
    let tasks = Tasks::new();
    tasks.spawn(format!("source {name}"), source.run(tasks.shutdown().clone()));
    let (cameras, candidate_for) = (place.cameras.clone(), is_tried.then(|| place.name.clone()));
    let name = name.to_owned();
    Started { name, candidate_for, cameras, queue, tasks, standing: (teller, asker), facts }
}
