//! What a plugin's calls cost: time, instructions, memory, and how much of it is copying.
//!
//! Takes a component, gives figures. The input is ordinary: what a camera, another plugin or a hook
//! would send. Blocking.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

use crate::base::metrics::{Metrics, Plugin as Labels};
use crate::base::{Error, Result, Timestamp};
use crate::decode::Fit;
use crate::events::{Area, Event, Notice, Phase, Region};
use crate::wasm::{
    Analyzer, CallStats, Cause, Engine, Fault, InstanceConfig, Message, Picture, PictureRequest,
    Plugin, Policy, Services, Setup, Source, Terms, Unit, Video, World,
};

/// Calls before anything is measured: caches fill, buffers grow.
const WARM_UP: usize = 20;

/// Calls that are measured at most, and the processor time they may take together.
const CALLS_MAX: usize = 20_000;
const TIME_MAX: Duration = Duration::from_secs(3);

/// Calls whose instructions are counted.
const COUNTED: usize = 200;

/// Copies of a picture that are measured.
const COPIES: usize = 500;

/// Microseconds from one input to the next: five a second.
const STEP: i64 = 200_000;

const BEGIN: i64 = 1_780_000_000_000_000;
const NAME: &str = "bench";

/// What a plugin's calls cost.
#[derive(Debug)]
pub struct Figures {
    /// What was called, with what.
    pub what: String,
    /// Calls that were measured.
    pub calls: usize,
    /// Processor time of making an instance and its `init`.
    pub init: Duration,
    /// Processor time of a call: half of them took no more.
    pub p50: Duration,
    /// 99 of 100 took no more.
    pub p99: Duration,
    /// Instructions of a call, in the middle.
    pub instructions: u64,
    /// Memory and tables together, at most.
    pub memory_peak_bytes: u64,
    /// The part of `p50` that copying the input into the plugin takes, 0..=1; none where there is
    /// no block of bytes to copy.
    pub copying: Option<f64>,
}

/// Measures the plugin of `bytes` with `params`, as a configuration gives them; a source hears
/// `body`, or the first message of the tests in its manifest. Compiled code is kept in `cache`.
///
/// # Errors
/// The plugin can't be loaded, or a call failed.
pub fn run(
    bytes: &[u8],
    params: &Value,
    body: Option<&[u8]>,
    cache: Option<&Path>,
) -> Result<Figures> {
    let plugin = Plugin::load_on(&Terms::AsAsked, &Engine::new(cache)?, NAME, bytes)?;
    let body = body.map_or_else(|| first_message(&plugin.manifest().tests), <[u8]>::to_vec);
    let body = body.as_slice();
    let params = plugin.params(params)?;
    let metrics = Metrics::default();
    let mut subject = Subject::new(&plugin, &params, body, &metrics)?;
    let init = subject.last_call().cpu;
    for _ in 0..WARM_UP {
        subject.call()?;
    }
    let mut times = Vec::new();
    let mut spent = Duration::ZERO;
    while times.len() < CALLS_MAX && spent < TIME_MAX {
        let cpu = subject.call()?.cpu;
        spent += cpu;
        times.push(cpu);
    }
    let counting = Plugin::load_on(&Terms::AsAsked, &Engine::counting(cache)?, NAME, bytes)?;
    let mut counted = Subject::new(&counting, &params, body, &Metrics::default())?;
    let mut instructions = Vec::new();
    for _ in 0..COUNTED.min(times.len()) {
        instructions.push(counted.call()?.instructions.unwrap_or(0));
    }
    let labels = Labels { camera: subject.camera().unwrap_or_default(), plugin: NAME.into() };
    let peak = metrics.memory_peak_bytes.get_or_create(&labels).get();
    let p50 = percentile(&mut times, 50);
    Ok(Figures {
        what: subject.what(),
        calls: times.len(),
        init,
        p50,
        p99: percentile(&mut times, 99),
        instructions: percentile(&mut instructions, 50),
        memory_peak_bytes: u64::try_from(peak).unwrap_or(0),
        copying: subject.block().map(|block| share(copying(block), p50)),
    })
}

/// The smallest value that `percent` of a hundred do not exceed; values are sorted meanwhile.
fn percentile<T: Ord + Copy + Default>(values: &mut [T], percent: usize) -> T {
    values.sort_unstable();
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied().unwrap_or_default()
}

fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { (part.as_secs_f64() / whole.as_secs_f64()).min(1.0) }
}

/// What copying a block takes, in the middle.
fn copying(block: &[u8]) -> Duration {
    let mut copy = vec![0; block.len()];
    let mut times: Vec<Duration> = (0..COPIES)
        .map(|_| {
            let start = cpu_time();
            copy.copy_from_slice(black_box(block));
            black_box(&mut copy);
            cpu_time().saturating_sub(start)
        })
        .collect();
    // Reading the clock takes time, too.
    let mut nothing: Vec<Duration> = (0..COPIES)
        .map(|_| {
            let start = cpu_time();
            cpu_time().saturating_sub(start)
        })
        .collect();
    percentile(&mut times, 50).saturating_sub(percentile(&mut nothing, 50))
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// An instance with its input.
struct Subject {
    kind: Kind,
    calls: i64,
}

enum Kind {
    Pictures { analyzer: Analyzer, request: PictureRequest, size: (u32, u32), pixels: [Vec<u8>; 2] },
    Units { analyzer: Analyzer },
    Messages { source: Source, topic: String, body: Vec<u8> },
    Events { policy: Policy },
}

impl Subject {
    fn new(plugin: &Plugin, params: &str, body: &[u8], metrics: &Metrics) -> Result<Self> {
        let config = InstanceConfig {
            name: NAME.into(),
            camera: (plugin.world() != World::Source).then(|| NAME.into()),
            zone: TimeZone::UTC,
            metrics: metrics.clone(),
            memory_bytes: None,
            services: Services::default(),
            proving: false,
        };
        let video = Video { codec: "avc1.4d401f".into(), width: 1280, height: 720, fps: 25.0 };
        let setup = Setup { video: Some(video), params: params.to_owned(), attributes: Vec::new() };
        let now = Timestamp::from_micros(BEGIN);
        let kind = match plugin.world() {
            World::Analyzer => {
                let (analyzer, wishes) =
                    Analyzer::new(plugin, config, &setup, now).map_err(failed)?;
                match wishes.pictures {
                    Some(request) => pictures(analyzer, request),
                    None if wishes.units => Kind::Units { analyzer },
                    None => {
                        return Err(Error::refuse(
                            "the analyzer wants neither pictures nor units: there is nothing to \
                             measure",
                        ));
                    }
                }
            }
            World::Source => {
                let (source, spec) = Source::new(plugin, config, &setup, now).map_err(failed)?;
                let topic = spec.topics.first().cloned().unwrap_or(format!("hook:{NAME}"));
                Kind::Messages { source, topic, body: body.to_vec() }
            }
            World::Policy => {
                let mut policy = Policy::new(plugin, config, &setup, now).map_err(failed)?;
                policy.on_wake(now).map_err(failed)?;
                Kind::Events { policy }
            }
        };
        Ok(Self { kind, calls: 0 })
    }

    /// The next call.
    fn call(&mut self) -> Result<CallStats> {
        let number = self.calls;
        self.calls += 1;
        let time = Timestamp::from_micros(BEGIN + self.calls * STEP);
        let sequence = number.unsigned_abs();
        let done = match &mut self.kind {
            Kind::Pictures { analyzer, size: (width, height), pixels, .. } => {
                let (width, height) = (*width, *height);
                let picture = Picture {
                    sequence,
                    time,
                    width,
                    height,
                    skipped: 0,
                    key: number % 25 == 0,
                    gap: false,
                };
                // Something is there for two seconds of four.
                let pixels = &pixels[usize::from(number / 10 % 2 == 1)];
                analyzer.analyze(picture, pixels).map(drop)
            }
            Kind::Units { analyzer } => {
                let unit = Unit { time, size: 4000, key: false, disposable: false, gap: false };
                analyzer.observe(&[unit; 5]).map(drop)
            }
            Kind::Messages { source, topic, body } => {
                let message = Message {
                    topic: topic.clone(),
                    content_type: "application/json".into(),
                    received: time,
                    attributes: Vec::new(),
                    body: body.clone(),
                };
                source.on_message(&message).map(drop)
            }
            Kind::Events { policy } => policy.on_event(&motion(sequence, time), time).map(drop),
        };
        match done {
            Ok(()) => Ok(self.last_call()),
            Err(Fault { cause: Cause::Rejected(text), .. }) => Err(Error::refuse(format!(
                "the plugin rejected the message ({text}): give one that it takes with --body"
            ))),
            Err(fault) => Err(failed(fault)),
        }
    }

    fn last_call(&self) -> CallStats {
        match &self.kind {
            Kind::Pictures { analyzer, .. } | Kind::Units { analyzer } => analyzer.last_call(),
            Kind::Messages { source, .. } => source.last_call(),
            Kind::Events { policy } => policy.last_call(),
        }
    }

    fn camera(&self) -> Option<String> {
        (!matches!(self.kind, Kind::Messages { .. })).then(|| NAME.to_owned())
    }

    /// The bytes that a call copies.
    fn block(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::Pictures { pixels, .. } => Some(&pixels[0]),
            Kind::Messages { body, .. } => Some(body),
            Kind::Units { .. } | Kind::Events { .. } => None,
        }
    }

    fn what(&self) -> String {
        match &self.kind {
            Kind::Pictures { request, size: (width, height), .. } => {
                format!("analyze, pictures of {width}x{height} in {:?}", request.format)
            }
            Kind::Units { .. } => "observe, five units a call".to_owned(),
            Kind::Messages { body, .. } => format!("on-message, bodies of {} bytes", body.len()),
            Kind::Events { .. } => "on-event, updates of motion with four regions".to_owned(),
        }
    }
}

fn failed(fault: Fault) -> Error {
    Error::refuse(fault.to_string())
}

/// An empty scene, and the same with something in it, as large as a 16:9 camera gives them.
fn pictures(analyzer: Analyzer, request: PictureRequest) -> Kind {
    let size = match request.fit {
        Fit::Stretch | Fit::Pad => (request.max_width, request.max_height),
        Fit::Preserve => {
            let width = request.max_width.min(request.max_height * 16 / 9).min(1280);
            let width = (width & !1).max(2);
            (width, ((width * 9 / 16) & !1).max(2))
        }
    };
    let count = request.format.bytes(size.0, size.1);
    let mut random = fastrand::Rng::with_seed(7);
    let empty: Vec<u8> = (0..count).map(|_| 96 + random.u8(0..4)).collect();
    let mut busy = empty.clone();
    busy[count / 4..count / 2].fill(220);
    Kind::Pictures { analyzer, request, size, pixels: [empty, busy] }
}

fn motion(sequence: u64, time: Timestamp) -> Notice {
    let area = Area { x: 0.25, y: 0.25, width: 0.5, height: 0.5 };
    let region = Region { area, label: None, confidence: 0.9, track: None };
    let event = Event {
        id: format!("{NAME}/motion/1/{}", sequence / 50),
        kind: "motion".into(),
        phase: if sequence.is_multiple_of(50) { Phase::Begin } else { Phase::Update },
        time,
        confidence: 0.9,
        regions: vec![region; 4],
        cameras: Vec::new(),
        correlation: None,
        attributes: Vec::new(),
    };
    Notice { event, camera: NAME.into(), origin: "motion".into(), received: time, sequence }
}

/// What the first test says that is posted to it.
fn first_message(tests: &[BTreeMap<String, Value>]) -> Vec<u8> {
    let body = |test: &BTreeMap<String, Value>| {
        let body = test.get("messages")?.get(0)?.get("body")?;
        Some(body.as_str()?.as_bytes().to_vec())
    };
    tests.iter().find_map(body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::guests;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut values: Vec<u64> = (1..=200).rev().collect();
        assert_eq!(percentile(&mut values, 50), 100);
        assert_eq!(percentile(&mut values, 99), 198);
        assert_eq!(percentile(&mut [7_u64], 50), 7);
        assert_eq!(percentile::<u64>(&mut [], 50), 0);
    }

    #[test]
    fn instructions_are_counted_and_the_same_every_time() {
        let bytes = guests::component("policy-quiet");
        let plugin =
            Plugin::load_on(&Terms::AsAsked, &Engine::counting(None).unwrap(), NAME, &bytes)
                .unwrap();
        let mut subject = Subject::new(&plugin, "{}", b"", &Metrics::default()).unwrap();
        let counts: Vec<_> = (0..3).map(|_| subject.call().unwrap().instructions).collect();
        assert!(counts[0].is_some_and(|count| count > 0), "{counts:?}");
        assert_eq!(counts[1], counts[2]);
        let plugin =
            Plugin::load_on(&Terms::AsAsked, &Engine::new(None).unwrap(), NAME, &bytes).unwrap();
        let mut subject = Subject::new(&plugin, "{}", b"", &Metrics::default()).unwrap();
        assert_eq!(subject.call().unwrap().instructions, None);
    }

    #[test]
    fn a_source_hears_what_its_own_tests_say() {
        let test = |body: &str| serde_json::from_str(body).unwrap();
        let tests: [BTreeMap<String, Value>; 2] =
            [test(r#"{"name":"none"}"#), test(r#"{"messages":[{"body":"open"},{"body":"no"}]}"#)];
        assert_eq!(first_message(&tests), b"open");
        assert_eq!(first_message(&tests[..1]), b"");
    }

    #[test]
    fn a_message_that_is_rejected_is_said_to_be() {
        let bytes = guests::component("source-rejects");
        let said = run(&bytes, &Value::Null, Some(b"{}"), None).unwrap_err().to_string();
        assert!(said.contains("no door in it.") && said.contains("--body"), "{said}");
    }
}
