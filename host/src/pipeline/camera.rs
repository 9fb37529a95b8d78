//! One camera's stages, wired: ingest, decode, analyzers, policies, recorder.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::plugins;
use super::{Shared, Stages, door, recorder, status};
use crate::analyze::{self, pictures};
use crate::base::metrics;
use crate::base::{Error, Result, limits};
use crate::config::{self, Mode};
use crate::events::Heard;
use crate::ingest::camera::{
    AtEnd, CameraIngest, Credentials, FileOrigin, Origin, Pace, RtspOrigin, TimeFrom, Transport,
};
use crate::ingest::queue;
use crate::ingest::session::{self, Outputs};
use crate::ingest::timeline::{Arrival, Timeline, TimelineHandle};
use crate::policy::floors::Floors;
use crate::policy::judges::{self, Judges};
use crate::policy::spans::Reach;
use crate::policy::{self, Span};
use crate::record::{self, Recorder, RecorderConfig};
use crate::store::{self, Judge, Store};
use crate::wasm::InstanceConfig;
use crate::wasm::standing::{Asker, Standing, standing};

/// Spans on their way to the recorder.
const SPANS: usize = 64;

/// Batches of access units on their way to an analyzer.
const UNIT_BATCHES: usize = 4;

/// What others need of a camera that was started.
pub(super) struct Started {
    pub(super) status: status::Camera,
    pub(super) door: door::Camera,
}

/// Starts all tasks of a camera. `required` are the sources that serve it.
pub(super) async fn start(
    camera: &config::Camera,
    shared: &Shared,
    stages: &Stages,
    heard: Vec<mpsc::Receiver<Heard>>,
    required: Vec<Asker>,
    plugin_status: &mut Vec<status::Plugin>,
) -> Result<Started> {
    let preroll_bytes = usize::try_from(camera.preroll_bytes).unwrap_or(usize::MAX);
    let asked = asked_of_store(camera, shared, preroll_bytes)?;
    let (sink, resume) = shared.store.camera(&camera.name, asked)?;
    let judges =
        shared.store.judges(&camera.name, plugins::judges(camera, &shared.plugins)).await?;
    let (spans, span_queue) = mpsc::channel(SPANS);
    let reach = Reach::default();
    let heard = judges.into_iter().zip(heard).collect();
    let policies = start_policies(camera, shared, stages, heard, &spans, &reach, plugin_status);
    let (analyzers, units, decode) = start_analyzers(camera, shared, stages, plugin_status);
    let fail_open = start_judges(camera, stages, policies, analyzers, required);
    let connection = Arc::new(Mutex::new(status::Connection::default()));
    let (packets, timeline) = start_ingest(camera, shared, stages, decode, resume);
    let settings = RecorderConfig {
        camera: camera.name.clone(),
        store_id: store_id(&shared.store)?,
        mode: mode(camera.mode),
        segment: camera.segment,
        preroll: camera.preroll,
        preroll_bytes,
        next_sequence: resume.next_sequence,
    };
    let mut recorder = Recorder::new(settings, sink);
    for span in shared.store.running_spans(&camera.name).await? {
        recorder.span(&span, Instant::now());
        recorder.sink_mut().took(&span.id);
    }
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
        units,
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
    let token = stages.record.shutdown().clone();
    stages.record.spawn(format!("recorder of {}", camera.name), task.run(token));
    Ok(Started {
        status: status::Camera {
            name: camera.name.clone(),
            mode: camera.mode.as_str(),
            connection,
            fail_open,
        },
        door: door::Camera { mode: camera.mode, preroll: camera.preroll, spans },
    })
}

/// What the camera asks of the store: how long to keep, the room of a burst, which place.
fn asked_of_store(
    camera: &config::Camera,
    shared: &Shared,
    preroll_bytes: usize,
) -> Result<store::CameraSettings> {
    let place = shared.store.place(&camera.store).ok_or_else(|| {
        Error::bug(format!("camera {}: the store has no `{}`", camera.name, camera.store))
    })?;
    Ok(store::CameraSettings {
        keep: Some(camera.keep),
        size_max: camera.size_max,
        segment: camera.segment,
        burst_bytes: if camera.mode == Mode::Events { preroll_bytes } else { 0 },
        place,
    })
}

/// Watches those who judge the camera; tells since when it has failed open.
fn start_judges(
    camera: &config::Camera,
    stages: &Stages,
    policies: Vec<Asker>,
    analyzers: Vec<Asker>,
    sources: Vec<Asker>,
) -> watch::Receiver<Option<Instant>> {
    let (open_since, fail_open) = watch::channel(None);
    if camera.policies.is_empty() || camera.mode == Mode::Off {
        return fail_open;
    }
    let mut judges = Judges { policies, required: Vec::new() };
    if camera.mode == Mode::Events {
        judges.required.extend(analyzers);
        judges.required.extend(sources);
    }
    let token = stages.judge.shutdown().clone();
    let watch = judges::watch(camera.name.clone(), judges, camera.preroll, open_since, token);
    stages.judge.spawn(format!("judges of {}", camera.name), watch);
    fail_open
}

/// The edge to the recorder. Where there is something to analyse, `decode` is fed too: from the
/// second stream where the camera has one.
fn start_ingest(
    camera: &config::Camera,
    shared: &Shared,
    stages: &Stages,
    decode: Option<queue::Sender>,
    resume: store::Resume,
) -> (queue::Receiver, TimelineHandle) {
    let options = queue::Options {
        camera: camera.name.clone(),
        edge: "record",
        bytes_max: limits::INGEST_QUEUE_BYTES,
        when_full: queue::WhenFull::DropOldestGroup,
    };
    let (record, packets) = queue::channel(options, &shared.metrics);
    let spawn = |name: &str, source: &config::Source, outputs: Outputs, timeline: Timeline| {
        let token = stages.ingest.shutdown().clone();
        let (clock, metrics) = (shared.clock.clone(), shared.metrics.clone());
        // A second stream has a name of its own, so that its figures stay apart.
        let ingest = CameraIngest { name: name.into(), ..ingest_of(camera, source) };
        stages.ingest.spawn(
            format!("ingest of {name}"),
            session::run(ingest, outputs, timeline, clock, metrics, token),
        );
    };
    let arrival = || Arrival { at: Instant::now(), wall: shared.clock.wall() };
    let timeline = Timeline::new(arrival()).resuming(resume.epoch, resume.end);
    let handle = timeline.handle();
    let name = &camera.name;
    match (&camera.analysis, decode) {
        (Some(analysis), Some(decode)) => {
            let outputs = Outputs { record: Some(record), decode: None };
            spawn(name, &camera.source, outputs, timeline);
            let outputs = Outputs { record: None, decode: Some(decode) };
            let aligned = Timeline::new(arrival()).aligned_with(handle.clone());
            spawn(&format!("{name}/analysis"), analysis, outputs, aligned);
        }
        (_, decode) => {
            let outputs = Outputs { record: Some(record), decode };
            spawn(name, &camera.source, outputs, timeline);
        }
    }
    (packets, handle)
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

fn instance(camera: &config::Camera, name: &str, shared: &Shared) -> InstanceConfig {
    let zone = camera
        .timezone
        .as_deref()
        .and_then(|zone| jiff::tz::TimeZone::get(zone).ok())
        .unwrap_or_else(jiff::tz::TimeZone::system);
    InstanceConfig {
        name: name.into(),
        camera: Some(camera.name.clone()),
        zone,
        metrics: shared.metrics.clone(),
        memory_bytes: None,
        proving: false,
    }
}

fn start_policies(
    camera: &config::Camera,
    shared: &Shared,
    stages: &Stages,
    heard: Vec<(Judge, mpsc::Receiver<Heard>)>,
    spans: &mpsc::Sender<Span>,
    reach: &Reach,
    plugin_status: &mut Vec<status::Plugin>,
) -> Vec<Asker> {
    let mut askers = Vec::new();
    for (name, (judge, heard)) in camera.policies.iter().zip(heard) {
        let (teller, asker) = standing();
        askers.push(asker.clone());
        let task = format!("policy {name} of {}", camera.name);
        let token = stages.judge.shutdown().clone();
        let (seat, facts) = shared.seats.seat(
            &shared.plugins,
            instance(camera, name, shared),
            &shared.lanes.decide,
            teller,
        );
        plugin_status.push(status::Plugin {
            name: name.clone(),
            camera: Some(camera.name.clone()),
            standing: asker,
            facts,
        });
        let stage = policy::stage::Stage {
            camera: camera.name.clone(),
            name: name.clone(),
            digest: seat.digest().unwrap_or_default(),
            seat,
            heard,
            bus: shared.bus.clone(),
            store: shared.store.clone(),
            judge,
            spans: spans.clone(),
            reach: reach.clone(),
            clock: shared.clock.clone(),
            unsaved: VecDeque::new(),
            floors: Floors::default(),
            open: None,
        };
        stages.judge.spawn(task, stage.run(token));
    }
    askers
}

/// The standing of a plugin that could not be loaded.
pub(super) fn unloaded(name: &str) -> Standing {
    Standing::Quarantined { reason: format!("plugin {name} could not be loaded: see the log") }
}

type UnitQueues = Vec<mpsc::Sender<Vec<crate::wasm::Unit>>>;

/// Starts decoding and the analyzers; none of it for a camera without analyzers.
fn start_analyzers(
    camera: &config::Camera,
    shared: &Shared,
    stages: &Stages,
    plugin_status: &mut Vec<status::Plugin>,
) -> (Vec<Asker>, UnitQueues, Option<queue::Sender>) {
    let mut askers = Vec::new();
    let mut unit_queues = Vec::new();
    if camera.analyzers.is_empty() {
        return (askers, unit_queues, None);
    }
    let options = queue::Options {
        camera: camera.name.clone(),
        edge: "decode",
        bytes_max: limits::DECODE_QUEUE_BYTES,
        when_full: queue::WhenFull::SkipToKey,
    };
    let (decode, packets) = queue::channel(options, &shared.metrics);
    let (wishes, wished) = watch::channel(Vec::new());
    let (video, known) = watch::channel(None);
    let (sight, asker) = standing();
    askers.push(asker);
    let pictures = pictures::Pictures {
        camera: camera.name.clone(),
        packets,
        wishes: wished,
        video,
        sight,
        is_second: camera.analysis.is_some(),
        lane: shared.decode.clone(),
        metrics: shared.metrics.clone(),
    };
    stages.analyze.spawn(format!("decoder of {}", camera.name), pictures.run());
    for name in &camera.analyzers {
        let (teller, asker) = standing();
        askers.push(asker.clone());
        let (seat, facts) = shared.seats.seat(
            &shared.plugins,
            instance(camera, name, shared),
            &shared.lanes.analyze,
            teller,
        );
        plugin_status.push(status::Plugin {
            name: name.clone(),
            camera: Some(camera.name.clone()),
            standing: asker,
            facts,
        });
        let (units, unit_queue) = mpsc::channel(UNIT_BATCHES);
        unit_queues.push(units);
        let stage = analyze::stage::Stage {
            camera: camera.name.clone(),
            name: name.clone(),
            seat,
            wishes: wishes.clone(),
            video: known.clone(),
            units: Some(unit_queue),
            bus: shared.bus.clone(),
        };
        let token = stages.analyze.shutdown().clone();
        stages.analyze.spawn(format!("analyzer {name} of {}", camera.name), stage.run(token));
    }
    (askers, unit_queues, Some(decode))
}
