//! A campaign of kills: a host that records simulated cameras is killed at random moments, over
//! and over; what its store holds in the end is compared with the log of what was sent.
//!
//! Takes a [`Plan`], gives an [`Outcome`] with the worst figures. What breaks a promise panics and
//! names the file or the kill. See [`crate::truth`] for the comparison.

use std::path::PathBuf;
use std::time::Duration;

use wardline::base::Timestamp;
use wardline::simulate::Sent;

use crate::camera::Camera;
use crate::host::{Host, Place, wardline};
use crate::random::Random;
use crate::store::seconds;
use crate::truth::{self, Account};
use crate::wait::{self, Watch};

/// A fragment may wait 0.8 s and its write takes a moment; one access unit is on its way. The
/// cameras show ten pictures a second.
pub const LOSS_SECONDS_MAX: f64 = 1.0 + 0.1;

/// Cameras of the campaign, with their modes.
const CAMERAS: [(&str, &str); 3] = [("gate", "continuous"), ("yard", "both"), ("door", "events")];

/// A trigger is a span in the recorder so long after it was answered.
const SPAN_SETTLED: f64 = 1.0;

/// A span lasts through several lives of the host: after a start, recording goes on with it.
const SPAN_SECONDS: f64 = 60.0;

/// How long a step of a run may take on a busy machine.
const STEP: Duration = Duration::from_secs(60);

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often the host is killed.
    pub kills: usize,
    /// Where the random moments come from.
    pub seed: u64,
    /// A kill comes at a random moment so many seconds after all cameras deliver.
    pub alive: (f64, f64),
}

/// One life of the host.
#[derive(Clone, Debug)]
pub struct Life {
    /// When it was started.
    pub started: Timestamp,
    /// When it was killed; of the last one, when it was asked to end.
    pub ended: Timestamp,
    /// When the newest span of the camera in mode `events` was opened.
    pub span: Option<Timestamp>,
}

/// The figures of a campaign.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How often the host was killed.
    pub kills: usize,
    /// Kills of a camera that was being recorded.
    pub recorded_kills: usize,
    /// Seconds before a kill of which nothing is left, of the worst.
    pub loss_worst: f64,
    /// The same, of the mean.
    pub loss_mean: f64,
    /// Units lost before a kill, of the worst.
    pub units_lost_worst: usize,
    /// Files; all play, and each has its row.
    pub files: usize,
    /// Units in them; each once and in order.
    pub units: usize,
    /// Seconds from a start to the first answer, of the worst.
    pub start_worst: f64,
}

/// Carries out a plan in a folder of its own.
pub fn run(plan: Plan) -> Outcome {
    let place = Place::new("kills");
    let log = place.path("sent.jsonl");
    let camera = simulate(&log);
    let config = place.configure(&cameras(&camera));
    let mut random = Random::new(plan.seed);
    let mut lives = Vec::new();
    let mut start_worst: f64 = 0.0;
    let mut span: Option<Timestamp> = None;
    for _ in 0..plan.kills {
        let started = wait::now();
        let host = Host::start(&config);
        start_worst = start_worst.max(seconds(started, wait::now()));
        // Now and then before anything is recorded.
        if random.below(8) > 0 {
            deliver(&log, started);
        }
        if span
            .is_none_or(|span| seconds(span, wait::now()) + STEP.as_secs_f64() / 4.0 > SPAN_SECONDS)
        {
            span = trigger(&host);
        }
        let length = random.between(plan.alive.0, plan.alive.1);
        pass(length);
        let ended = wait::now();
        host.kill();
        lives.push(Life { started, ended, span });
    }
    // The last start repairs what the last kill left; it ends in order.
    let host = Host::start(&config);
    host.stop();
    drop(camera);
    let mut outcome = compare(&place, &log, &lives);
    (outcome.kills, outcome.start_worst) = (plan.kills, start_worst);
    check(&config);
    outcome
}

fn simulate(log: &std::path::Path) -> Camera {
    let log = log.to_string_lossy().into_owned();
    let scenes: Vec<String> = (1..)
        .zip(CAMERAS)
        .map(|(seed, (name, _))| {
            format!("{name}=scene:seconds=30&visits=0-30&size=320x180&seed={seed}&noise=1")
        })
        .collect();
    let mut arguments: Vec<&str> = scenes.iter().map(String::as_str).collect();
    arguments.extend(["--loop", "--log", &log]);
    Camera::simulate(&arguments)
}

fn cameras(camera: &Camera) -> String {
    let table = |(name, mode): &(&str, &str)| {
        let url = camera.url(name);
        // Mode `events` insists on a policy; triggers are answered by the host itself.
        let policies = if *mode == "events" { "policies = [\"idle\"]\n" } else { "" };
        format!(
            "[cameras.{name}]\nurl = \"{url}\"\nmode = \"{mode}\"\nkeep = \"1d\"\n\
             segment = \"2s\"\n{policies}\n"
        )
    };
    let tables: String = CAMERAS.iter().map(table).collect();
    format!(
        "[plugins.idle]\ncomponent = \"policy-pre-post\"\n\
         params = {{ kinds = [\"nothing\"], before = \"1s\", after = \"1s\" }}\n\n{tables}"
    )
}

/// Waits until every camera delivers to the host that was started then.
fn deliver(log: &std::path::Path, started: Timestamp) {
    wait::until("every camera to deliver", STEP, || {
        let sent = truth::sent(log);
        let delivers = |name: &str| sent.iter().any(|unit| is_of(unit, name, started));
        CAMERAS.iter().all(|(name, _)| delivers(name)).then_some(())
    });
}

/// Opens a span of the camera that needs one. Gives when it was known to be open.
fn trigger(host: &Host) -> Option<Timestamp> {
    let body = format!(r#"{{"before":"1s","for":"{SPAN_SECONDS}s"}}"#);
    wait::until("a span", STEP, || {
        let answer = host.post("/api/v1/cameras/door/trigger", &body);
        answer.ok().filter(|(status, _)| *status == 200)
    });
    Some(wait::now())
}

fn is_of(unit: &Sent, camera: &str, since: Timestamp) -> bool {
    unit.path == camera && unit.time >= since
}

/// Lets so many seconds pass.
fn pass(length: f64) {
    let watch = Watch::start();
    wait::until("the moment of a kill", STEP, || {
        (watch.elapsed().as_secs_f64() >= length).then_some(())
    });
}

fn compare(place: &Place, log: &std::path::Path, lives: &[Life]) -> Outcome {
    let sent = truth::sent(log);
    let mut outcome = Outcome::default();
    let mut losses = Vec::new();
    for (camera, mode) in CAMERAS {
        let files = place.files(camera);
        rows_are_files(place, camera, &files);
        let segments = place.segments(camera);
        let account = Account::of(camera, &segments, &sent);
        outcome.files += files.len();
        outcome.units += account.units();
        for (number, life) in lives.iter().enumerate() {
            let from = match mode {
                "events" => life.span.filter(|span| {
                    (SPAN_SETTLED..SPAN_SECONDS).contains(&seconds(*span, life.ended))
                }),
                _ => Some(life.started),
            };
            let Some(loss) = from.and_then(|from| account.loss(life.started, from, life.ended))
            else {
                continue;
            };
            assert!(
                loss.seconds <= LOSS_SECONDS_MAX,
                "camera {camera}, kill {number} at {}: {} s and {} units are lost",
                life.ended.civil(),
                loss.seconds,
                loss.units
            );
            outcome.loss_worst = outcome.loss_worst.max(loss.seconds);
            outcome.units_lost_worst = outcome.units_lost_worst.max(loss.units);
            losses.push(loss.seconds);
        }
    }
    outcome.recorded_kills = losses.len();
    outcome.loss_mean = losses.iter().sum::<f64>() / losses.len().max(1) as f64;
    outcome
}

/// No row without its file as it says, no file without a row.
fn rows_are_files(place: &Place, camera: &str, files: &[PathBuf]) {
    let segments = place.segments(camera);
    let rows: Vec<&PathBuf> = segments.iter().map(|segment| &segment.path).collect();
    for segment in &segments {
        let length = std::fs::metadata(&segment.path).map(|file| file.len());
        let length = length.unwrap_or_else(|error| panic!("row without file {segment:?}: {error}"));
        assert_eq!(segment.bytes, length, "{segment:?}");
        assert_eq!(segment.state, wardline::store::State::Closed, "{segment:?}");
    }
    for file in files {
        assert!(rows.contains(&file), "file without row: {}", file.display());
    }
    assert_eq!(rows.len(), files.len(), "camera {camera}");
}

/// What the program itself says of its store.
fn check(config: &std::path::Path) {
    let config = config.to_string_lossy();
    let output = wardline(&["recordings", "check", "--deep", &config]);
    let (said, told) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{told}");
}
