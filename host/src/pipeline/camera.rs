//! One camera's stages, wired: ingest, decode, analyzers, policies, recorder.

use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::guests::{Guests, Wiring};
use super::plugins;
use super::scope::Scope;
use super::{Shared, door, intake, recorder, status};
use crate::base::metrics;
use crate::base::{Error, Result};
use crate::config::{self, Mode};
use crate::events::Heard;
use crate::ingest::camera::{
    AtEnd, CameraIngest, Credentials, FileOrigin, Origin, Pace, RtspOrigin, TimeFrom, Transport,
};
use crate::policy::judges::{self, Judges};
use crate::policy::spans::Reach;

use crate::record::{self, Recorder, RecorderConfig};
use crate::store::{self, Store};
use crate::wasm::standing::Asker;

/// Spans on their way to the recorder.
const SPANS: usize = 64;

/// What others need of a camera that was started.
pub(super) struct Started {
    pub(super) status: status::Camera,
    pub(super) door: door::Camera,
    /// Its policies, then its analyzers.
    pub(super) plugins: Vec<status::Plugin>,
    pub(super) judging: Judging,
}

/// Those who must be well for the camera not to fail open.
pub(super) struct Judging {
    /// `None`: it does not depend on them.
    analyzers: Option<Vec<Asker>>,
    required: watch::Sender<Vec<Asker>>,
}

impl Judging {
    fn new(camera: &config::Camera, analyzers: Vec<Asker>) -> Self {
        let analyzers = (camera.mode == Mode::Events).then_some(analyzers);
        Self { analyzers, required: watch::channel(Vec::new()).0 }
    }

    /// The sources that serve the camera are these.
    pub(super) fn require(&self, sources: Vec<Asker>) {
        let Some(analyzers) = &self.analyzers else { return };
        self.required.send_replace([&analyzers[..], &sources].concat());
    }
}

/// Starts all tasks of a camera in its scope. `sources` are those that serve it.
pub(super) async fn start(
    camera: &config::Camera,
    shared: &Shared,
    guests: &Guests,
    scope: &Scope,
    heard: Vec<mpsc::Receiver<Heard>>,
    sources: Vec<Asker>,
) -> Result<Started> {
    let asked = asked_of_store(camera, shared)?;
    let (sink, resume) = shared.store.camera(&camera.name, asked)?;
    let judges =
        shared.store.judges(&camera.name, plugins::judges(camera, &guests.plugins)).await?;
    let (spans, span_queue) = mpsc::channel(SPANS);
    let reach = Reach::default();
    let heard = judges.into_iter().zip(heard).collect();
    let wiring = Wiring { camera, shared, guests, scope };
    let policies = wiring.start_policies(heard, &spans, &reach);
    let analyzers = wiring.start_analyzers();
    let plugins = [&policies[..], &analyzers.plugins].concat();
    let judging = Judging::new(camera, analyzers.askers());
    judging.require(sources);
    let policies = policies.into_iter().map(|policy| policy.standing).collect();
    let fail_open = start_judges(camera, scope, policies, judging.required.subscribe());
    let connection = Arc::new(Mutex::new(status::Connection::default()));
    let (packets, timeline) = intake::start(camera, shared, scope, analyzers.decode, resume);
    let recorder = recorder(camera, shared, sink, resume.next_sequence).await?;
    let task = recorder::Task {
        camera: camera.name.clone(),
        recorder,
        packets,
        spans: span_queue,
        fail_open: fail_open.clone(),
        reach,
        timeline,
        anchored: Instant::now(),
        epoch: resume.end.map(|_| resume.epoch),
        units: analyzers.units,
        connection: connection.clone(),
        bus: shared.bus.clone(),
        clock: shared.clock.clone(),
        preroll: shared
            .metrics
            .preroll_seconds
            .get_or_create(&metrics::Camera { camera: camera.name.clone() })
            .clone(),
        ring_short: false,
        keyless: false,
        metrics: shared.metrics.clone(),
    };
    let token = scope.record.shutdown().clone();
    scope.record.spawn(format!("recorder of {}", camera.name), task.run(token));
    Ok(Started {
        status: status::Camera {
            name: camera.name.clone(),
            mode: camera.mode.as_str(),
            connection,
            fail_open,
        },
        door: door::Camera { mode: camera.mode, preroll: camera.preroll, spans },
        plugins,
        judging,
    })
}

/// A recorder that goes on with the spans that are under way.
async fn recorder(
    camera: &config::Camera,
    shared: &Shared,
    sink: store::CameraSink,
    next_sequence: u64,
) -> Result<Recorder<store::CameraSink>> {
    let settings = RecorderConfig {
        camera: camera.name.clone(),
        store_id: store_id(&shared.store)?,
        mode: mode(camera.mode),
        segment: camera.segment,
        preroll: camera.preroll,
        preroll_bytes: preroll_bytes(camera),
        next_sequence,
    };
    let mut recorder = Recorder::new(settings, sink);
    for span in shared.store.running_spans(&camera.name).await? {
        recorder.span(&span, Instant::now());
        recorder.sink_mut().took(&span.id);
    }
    Ok(recorder)
}

fn preroll_bytes(camera: &config::Camera) -> usize {
    usize::try_from(camera.preroll_bytes).unwrap_or(usize::MAX)
}

/// What the camera asks of the store: how long to keep, the room of a burst, which place.
fn asked_of_store(camera: &config::Camera, shared: &Shared) -> Result<store::CameraSettings> {
    let place = shared.store.place(&camera.store).ok_or_else(|| {
        Error::bug(format!("camera {}: the store has no `{}`", camera.name, camera.store))
    })?;
    Ok(store::CameraSettings {
        keep: Some(camera.keep),
        size_max: camera.size_max,
        segment: camera.segment,
        burst_bytes: if camera.mode == Mode::Events { preroll_bytes(camera) } else { 0 },
        place,
    })
}

/// Watches those who judge the camera; tells since when it has failed open.
fn start_judges(
    camera: &config::Camera,
    scope: &Scope,
    policies: Vec<Asker>,
    required: watch::Receiver<Vec<Asker>>,
) -> watch::Receiver<Option<Instant>> {
    let (open_since, fail_open) = watch::channel(None);
    if camera.policies.is_empty() || camera.mode == Mode::Off {
        return fail_open;
    }
    let judges = Judges { policies, required };
    let token = scope.judge.shutdown().clone();
    let watch = judges::watch(camera.name.clone(), judges, camera.preroll, open_since, token);
    scope.judge.spawn(format!("judges of {}", camera.name), watch);
    fail_open
}

/// What ingest is told of one of the camera's streams.
pub(crate) fn ingest_of(camera: &config::Camera, source: &config::Source) -> CameraIngest {
    let origin = match source {
        config::Source::Rtsp { url, login, transport, time } => {
            let credentials = login.as_ref().map(|login| Credentials {
                user: login.username.clone(),
                password: login.password.reveal().into(),
            });
            let mut origin = RtspOrigin::new(url.clone(), credentials);
            origin.transport = match transport {
                config::Transport::Tcp => Transport::Tcp,
                config::Transport::Udp => Transport::Udp,
            };
            origin.time = match time {
                config::Time::Host => TimeFrom::Arrival,
                config::Time::Camera => TimeFrom::Camera,
            };
            Origin::Rtsp(origin)
        }
        config::Source::File { path, pace, repeat } => Origin::File(FileOrigin {
            path: path.clone(),
            pace: match pace {
                config::Pace::Live => Pace::Real,
                config::Pace::Fast => Pace::Fast,
            },
            at_end: if *repeat { AtEnd::Repeat } else { AtEnd::Stop },
            start: None,
        }),
    };
    CameraIngest { name: camera.name.clone(), origin, stall: camera.stall }
}

fn mode(mode: Mode) -> record::Mode {
    match mode {
        Mode::Continuous => record::Mode::Continuous,
        Mode::Events => record::Mode::Events,
        Mode::Both => record::Mode::Both,
        Mode::Off => record::Mode::Off,
    }
}

fn store_id(store: &Store) -> Result<[u8; 16]> {
    let id = uuid::Uuid::parse_str(store.store_id());
    id.map(uuid::Uuid::into_bytes).map_err(|error| {
        let path = store.path().display();
        Error::stop(format!("the marker file of store {path} names no UUID")).with(error)
    })
}
