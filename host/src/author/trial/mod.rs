//! A trial: a plugin is run as a host runs it, with the same limits, on input that nobody wishes it.
//!
//! Takes a loaded plugin, gives what went wrong, by case. Each case has an instance of its own, so
//! that one fault hides no other. Blocking.

mod inputs;
mod analyzers;
mod policies;
mod sources;

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::base::Timestamp;
use crate::base::metrics::{Metrics, Plugin as Labels};
use crate::wasm::{CallStats, Cause, Fault, InstanceConfig, Plugin, Services, Setup, Video, World};

/// The camera of an instance under trial, and the name of its plugin.
const NAME: &str = "trial";

/// When a trial takes place, whatever the day: the same input gives the same answers. In
/// microseconds.
const BEGIN: i64 = 1_780_000_000_000_000;

/// What a trial came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Calls made.
    pub calls: u64,
    /// Of these, how many the plugin declined (`rejected`, `transient`), which it may.
    pub declined: u64,
    /// The processor time of the slowest call, and the case in which it was.
    pub slowest: (Duration, &'static str),
    /// Memory and tables together, at most.
    pub memory_peak_bytes: u64,
    /// What went wrong; empty when nothing did.
    pub findings: Vec<Finding>,
}

/// Something that went wrong.
#[derive(Debug)]
pub struct Finding {
    /// In which case.
    pub case: &'static str,
    /// What, and what to do.
    pub what: String,
}

/// Tries a plugin with these complete parameters, as [`Plugin::params`] gives them.
pub fn run(plugin: &Plugin, params: &str) -> Outcome {
    let mut trial = Trial {
        plugin,
        params: params.to_owned(),
        metrics: Metrics::default(),
        case: "beginning",
        outcome: Outcome::default(),
    };
    match plugin.world() {
        World::Analyzer => analyzers::run(&mut trial),
        World::Source => sources::run(&mut trial),
        World::Policy => policies::run(&mut trial),
    }
    trial.end()
}

/// A trial under way.
struct Trial<'p> {
    plugin: &'p Plugin,
    params: String,
    metrics: Metrics,
    case: &'static str,
    outcome: Outcome,
}

impl Trial<'_> {
    fn config(&self) -> InstanceConfig {
        InstanceConfig {
            name: NAME.into(),
            camera: (self.plugin.world() != World::Source).then(|| NAME.into()),
            zone: TimeZone::UTC,
            metrics: self.metrics.clone(),
            memory_bytes: None,
            services: Services::default(),
            proving: false,
        }
    }

    /// With the video that most cameras have.
    fn setup(&self) -> Setup {
        let video = Video { codec: "avc1.4d401f".into(), width: 1280, height: 720, fps: 25.0 };
        Setup { video: Some(video), params: self.params.clone(), attributes: Vec::new() }
    }

    /// Before the camera was reached for the first time, nothing is known of its video.
    fn setup_blind(&self) -> Setup {
        Setup { video: None, ..self.setup() }
    }

    /// Notes what a call came to. False: the instance is of no further use.
    fn note<R>(&mut self, result: Result<R, Fault>, stats: CallStats) -> bool {
        self.outcome.calls += 1;
        if stats.cpu > self.outcome.slowest.0 {
            self.outcome.slowest = (stats.cpu, self.case);
        }
        let fault = match result {
            Ok(_) => {
                if stats.overrun {
                    self.find(
                        "a call took more than half of its deadline: on a slower machine it is \
                         stopped; do less a call"
                            .into(),
                    );
                }
                return true;
            }
            Err(fault) => fault,
        };
        if matches!(fault.cause, Cause::Rejected(_) | Cause::Transient(_)) {
            self.outcome.declined += 1;
            return true;
        }
        self.find(format!("{} {}", fault.call, tell(&fault.cause)));
        false
    }

    /// An instance for a case; a failure is noted.
    fn made<T>(&mut self, case: &'static str, made: Result<T, Fault>) -> Option<T> {
        self.case = case;
        self.outcome.calls += 1;
        match made {
            Ok(instance) => Some(instance),
            Err(fault) => {
                self.find(format!("{} {}", fault.call, tell(&fault.cause)));
                None
            }
        }
    }

    /// The same thing once a case is enough.
    fn find(&mut self, what: String) {
        let case = self.case;
        let known = self.outcome.findings.iter().any(|other| other.case == case);
        if !known {
            self.outcome.findings.push(Finding { case, what });
        }
    }

    fn end(mut self) -> Outcome {
        let camera = self.config().camera.unwrap_or_default();
        let labels = Labels { camera, plugin: NAME.into() };
        let peak = self.metrics.memory_peak_bytes.get_or_create(&labels).get();
        self.outcome.memory_peak_bytes = u64::try_from(peak).unwrap_or(0);
        self.outcome
    }
}

/// `seconds` after the beginning of the trial.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(BEGIN + seconds * 1_000_000)
}

/// For the plugin's author, who can mend it.
fn tell(cause: &Cause) -> String {
    match cause {
        Cause::Trapped(trap) => {
            let place = match &trap.backtrace[..] {
                [] => String::new(),
                frames => format!(", in {}", frames.join(" < ")),
            };
            let message = trap.message.as_ref().unwrap_or(&trap.reason);
            format!("trapped: {message}{place}: return a fault instead (`rejected`, `failed`)")
        }
        Cause::Deadline { limit } => format!(
            "took more than the {} ms of processor time that a call has: bound the work by what \
             is worth doing, not by the size of the input",
            limit.as_millis()
        ),
        Cause::OutOfMemory { limit_bytes } => format!(
            "wanted more than {} MiB: free what is not needed, or ask for more in plugin.toml \
             ([limits] memory)",
            limit_bytes >> 20
        ),
        Cause::Nonsense { what } => format!("answered against the contract: {what}"),
        Cause::BadParams(text) => {
            format!("refused its parameters: {text}: give others with --params")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::{Engine, Terms, guests};

    fn tried(guest: &str) -> Outcome {
        let engine = Engine::new(None).unwrap();
        let plugin =
            Plugin::load_on(&Terms::AsAsked, &engine, NAME, &guests::component(guest)).unwrap();
        run(&plugin, "{}")
    }

    #[test]
    fn good_guests_pass() {
        for guest in ["analyzer-quiet", "policy-quiet", "source-rejects"] {
            let outcome = tried(guest);
            assert!(outcome.findings.is_empty(), "{guest}: {:?}", outcome.findings);
            assert!(outcome.calls > 20 && outcome.memory_peak_bytes > 0, "{guest}: {outcome:?}");
        }
        assert!(tried("source-rejects").declined > 10);
    }

    #[test]
    fn bad_guests_are_found_out() {
        for (guest, said) in [
            ("analyzer-traps", "analyze trapped: panicked at src/motion.rs:7:1, in "),
            ("analyzer-eats-memory", "analyze wanted more than 64 MiB"),
            ("analyzer-not-finite", "against the contract: event \"1\": an area is not finite"),
            ("policy-loops", "on-event took more than the 50 ms"),
            ("policy-thousand-years", "is not in"),
        ] {
            let outcome = tried(guest);
            let found = outcome.findings.iter().any(|finding| finding.what.contains(said));
            assert!(found, "{guest}: {:?}", outcome.findings);
        }
    }
}
