//! One camera's stages, wired: ingest, decode, analyzers, policies, recorder.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::crew::{Crew, Ears, Wanted};
use super::guests::Guests;
use super::scope::Scope;
use super::wires::Wires;
use super::{Shared, door, intake, recorder, status};
use crate::base::metrics;
use crate::base::{Error, Result};
use crate::config::{self, Mode};
use crate::ingest::camera::{
    AtEnd, CameraIngest, Credentials, FileOrigin, Origin, Pace, RtspOrigin, TimeFrom, Transport,
};
use crate::policy::fallback::PATIENCE;
use crate::policy::judges::{self, Judges};
use crate::record::{self, Recorder, RecorderConfig};
use crate::store::{self, Store};
use crate::wasm::standing::Asker;

/// At the host's start policies may take so long to be ready before a camera fails open.
const GRACE_MAX: Duration = Duration::from_secs(60);

/// Spans on their way to the recorder.
const SPANS: usize = 64;

/// A camera that was started.
pub(super) struct Started {
    pub(super) status: status::Camera,
    pub(super) door: door::Camera,
    pub(super) crew: Crew,
    wires: Wires,
    judging: Judging,
}

/// Those who must be well for the camera not to fail open.
struct Judging {
    policies: watch::Sender<Vec<Asker>>,
    required: watch::Sender<Vec<Asker>>,
}

impl Judging {
    /// It depends on these from now on.
    fn require(&self, camera: &config::Camera, crew: &Crew, sight: &Asker, sources: Vec<Asker>) {
        self.policies.send_replace(crew.policies());
        let mut required = Vec::new();
        if camera.mode == Mode::Events {
            let analyzers = crew.analyzers();
            required.extend((!analyzers.is_empty()).then(|| sight.clone()));
            required.extend(analyzers.into_iter().chain(sources));
        }
        self.required.send_replace(required);
    }
}

impl Started {
    /// The crew becomes another; the camera goes on. `sources` are those that serve it. Gives the
    /// names of tasks that did not end in time.
    ///
    /// # Errors
    /// The index does not take its policies: who judged goes on.
    pub(super) async fn change(
        &mut self,
        camera: &config::Camera,
        shared: &Shared,
        guests: &Guests,
        anew: &BTreeSet<String>,
    ) -> Result<Vec<String>> {
        let wanted = Wanted { camera, shared, guests, wires: &self.wires, anew };
        let late = self.crew.change(&wanted, Ears::new()).await?;
        (self.status.mode, self.door.mode) = (camera.mode.as_str(), camera.mode);
        Ok(late)
    }

    /// Those who serve it may be others now.
    pub(super) fn require(&self, camera: &config::Camera, sources: Vec<Asker>) {
        self.judging.require(camera, &self.crew, &self.wires.sight, sources);
    }
}

/// Starts all tasks of a camera in its scope. `sources` are those that serve it.
pub(super) async fn start(
    camera: &config::Camera,
    shared: &Shared,
    guests: &Guests,
    scope: &Scope,
    ears: Ears,
    sources: Vec<Asker>,
) -> Result<Started> {
    let asked = asked_of_store(camera, shared)?;
    let (sink, resume) = shared.store.camera(&camera.name, asked)?;
    let (spans, span_queue) = mpsc::channel(SPANS);
    let (wires, decode) = Wires::new(camera, shared, scope, spans.clone());
    let backlog = can_wait(&camera.source).then(|| sink.backlog());
    let recorder = recorder(camera, shared, sink, resume.next_sequence).await?;
    let mut crew = Crew::default();
    let anew = BTreeSet::new();
    let wanted = Wanted { camera, shared, guests, wires: &wires, anew: &anew };
    // Where it fails nobody has come yet, and from here on nothing can.
    crew.change(&wanted, ears).await?;
    let judging =
        Judging { policies: watch::channel(Vec::new()).0, required: watch::channel(Vec::new()).0 };
    judging.require(camera, &crew, &wires.sight, sources);
    let fail_open = start_judges(camera, scope, &judging);
    let connection = Arc::new(Mutex::new(status::Connection::default()));
    let (packets, timeline) = intake::start(camera, shared, scope, decode, resume);
    let task = recorder::Task {
        camera: camera.name.clone(),
        recorder,
        packets,
        backlog,
        spans: span_queue,
        fail_open: fail_open.clone(),
        reach: wires.reach.clone(),
        timeline,
        anchored: Instant::now(),
        epoch: resume.end.map(|_| resume.epoch),
        units: wires.units.clone(),
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
    let mode = camera.mode.as_str();
    Ok(Started {
        status: status::Camera { name: camera.name.clone(), mode, connection, fail_open },
        door: door::Camera { mode: camera.mode, preroll: camera.preroll, spans },
        crew,
        wires,
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
        // A span is asked for, and an outage noticed, a little after what it is to begin with.
        preroll: camera.preroll + PATIENCE,
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
    judging: &Judging,
) -> watch::Receiver<Option<Instant>> {
    let (open_since, fail_open) = watch::channel(None);
    if camera.mode == Mode::Off {
        return fail_open;
    }
    let (policies, required) = (judging.policies.subscribe(), judging.required.subscribe());
    let judges = Judges { policies, required };
    let token = scope.judge.shutdown().clone();
    // What is in memory may be less than the pre-roll: its bytes are bounded.
    let grace = camera.preroll.min(GRACE_MAX);
    let watch = judges::watch(camera.name.clone(), judges, grace, open_since, token);
    scope.judge.spawn(format!("judges of {}", camera.name), watch);
    fail_open
}

/// A camera sends, whether somebody takes it or not; a file that is read as fast as it goes waits.
fn can_wait(source: &config::Source) -> bool {
    matches!(source, config::Source::File { pace: config::Pace::Fast, .. })
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
