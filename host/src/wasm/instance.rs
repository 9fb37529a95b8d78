//! One instance of a plugin: its store, its limits, and what every call has in common.
//!
//! The three kinds of instance stand on this. Blocking: runs on a lane, never on a task.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Store, Trap, UpdateDeadline, WasmBacktrace};

use super::bindings::wardline::plugin::types;
use super::fault::{self, Cause, Fault};
use super::figures::Figures;
use super::imports::http::Sent;
use super::imports::{Services, clock, cut, http, kv, log, metrics};
use super::optional::Optional;
use super::{Plugin, limits};
use crate::base::Timestamp;
use crate::base::metrics::Metrics;
use crate::decode::Image;
use crate::events::Attribute;
use crate::kv::Shelf;

/// Frames of a trap's backtrace that are shown.
const FRAMES: usize = 8;

/// What the host knows of an instance and does not tell it as such.
#[derive(Clone)]
pub struct InstanceConfig {
    /// Its name in the configuration; stands in faults, logs and figures.
    pub name: String,
    /// Its camera; none for event sources.
    pub camera: Option<String>,
    /// Of the camera's configuration, for `clock.local`.
    pub zone: TimeZone,
    /// Where its figures go.
    pub metrics: Metrics,
    /// The operator's limit over all memories and tables; none: what the manifest asks for.
    pub memory_bytes: Option<u64>,
    /// What its granted imports work on.
    pub services: Services,
    /// It only shows whether it is fit: what it logs and counts is thrown away, and nothing that it
    /// asks for outside of itself happens.
    pub proving: bool,
}

/// What an instance is told at `init`, beside its name and camera.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The recorded stream, as far as it is known.
    pub video: Option<Video>,
    /// From [`Plugin::params`].
    pub params: String,
    /// Room to grow.
    pub attributes: Vec<Attribute>,
}

/// The recorded stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Video {
    /// As RFC 6381 writes it.
    pub codec: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Pictures a second; 0 where the stream does not say.
    pub fps: f32,
}

/// What the last call of an instance took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallStats {
    /// Processor time.
    pub cpu: Duration,
    /// It took more than half of what it may.
    pub overrun: bool,
    /// Areas in its answer that were partly outside the picture, and were clipped.
    pub clipped: u32,
    /// Instructions of WebAssembly, about; only of an [`super::Engine::counting`].
    pub instructions: Option<u64>,
}

/// A function of the contract.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) name: &'static str,
    /// Processor time after which it is stopped.
    pub(super) limit: Duration,
}

/// Making an instance, and `init`.
pub(super) const INIT: Call = Call { name: "init", limit: limits::INIT };

/// What the imports of an instance work on.
pub(super) struct Host {
    pub(super) memory: limits::Memory,
    pub(super) clock: clock::Face,
    pub(super) log: log::Lines,
    pub(super) metrics: metrics::Figures,
    pub(super) kv: kv::Store,
    pub(super) http: http::Asking,
    /// What `crop` cuts from, inside `analyze`.
    pub(super) picture: Option<Arc<Image>>,
    /// What it may be asked beside what its kind is for.
    pub(super) optional: Optional,
    timer: Timer,
}

impl types::Host for Host {}

#[cfg(any(test, fuzzing))]
impl Host {
    /// One without a guest.
    pub(super) fn for_fuzzing(figures: &Metrics, zone: TimeZone) -> Self {
        Self {
            memory: limits::Memory::new(0, Arc::default()),
            clock: clock::Face { now: Timestamp::ZERO, zone },
            log: log::Lines::new("fuzz", None, false),
            metrics: metrics::Figures::new(figures.clone(), "fuzz", None),
            kv: kv::Store { shelf: Shelf::default(), quota_bytes: 1 << 20 },
            http: http::Asking::default(),
            picture: None,
            optional: Optional::default(),
            timer: Timer::default(),
        }
    }
}

/// The deadline of the call that runs.
#[derive(Default)]
struct Timer {
    start: Duration,
    limit: Duration,
}

/// Ends a call that is over its deadline.
#[derive(Debug, thiserror::Error)]
#[error("over its deadline")]
struct Overdue;

/// One instance of a plugin: what all kinds have in common.
pub struct Instance {
    plugin: Plugin,
    config: InstanceConfig,
    store: Store<Host>,
    /// Why it can't even begin.
    unusable: Option<String>,
    gone: bool,
    stats: CallStats,
    figures: Figures,
}

impl Instance {
    /// A store that holds nothing yet.
    pub(super) fn new(plugin: &Plugin, mut config: InstanceConfig) -> Self {
        let mut unusable = None;
        if config.proving {
            config.metrics = Metrics::default();
            match config.services.on_trial() {
                Ok(trial) => config.services = trial,
                Err(error) => unusable = Some(error.chain()),
            }
        }
        let (name, camera) = (config.name.as_str(), config.camera.as_deref());
        let grants = plugin.grants();
        let shelf = match grants.kv_bytes.map(|_| config.services.kv.shelf()) {
            None => Shelf::default(),
            Some(Ok(shelf)) => shelf,
            Some(Err(error)) => {
                unusable = Some(error.chain());
                Shelf::default()
            }
        };
        let host = Host {
            memory: limits::Memory::new(
                config.memory_bytes.unwrap_or(plugin.memory_bytes()),
                plugin.engine().budget().clone(),
            ),
            clock: clock::Face { now: Timestamp::ZERO, zone: config.zone.clone() },
            log: log::Lines::new(name, camera, config.proving),
            metrics: metrics::Figures::new(config.metrics.clone(), name, camera),
            kv: kv::Store { shelf, quota_bytes: grants.kv_bytes.unwrap_or(0) },
            http: http::Asking::new(grants, &config),
            picture: None,
            optional: Optional::default(),
            timer: Timer::default(),
        };
        let mut store = Store::new(plugin.engine().inner(), host);
        store.limiter(|host| &mut host.memory);
        store.set_hostcall_fuel(limits::ANSWER_BYTES);
        if plugin.engine().counts() {
            store.set_fuel(u64::MAX).expect("the engine counts");
        }
        store.epoch_deadline_callback(|store| {
            let timer = &store.data().timer;
            if thread_cpu_time().saturating_sub(timer.start) > timer.limit {
                return Err(wasmtime::Error::new(Overdue));
            }
            Ok(UpdateDeadline::Continue(1))
        });
        let figures = Figures::new(&config);
        let stats = CallStats::default();
        Self { plugin: plugin.clone(), config, store, unusable, gone: false, stats, figures }
    }

    pub(super) fn config(&self) -> &InstanceConfig {
        &self.config
    }

    /// What requests came to since this was taken last.
    pub(super) fn take_asked(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.store.data_mut().http.asked)
    }

    /// The next calls are told again, of which others have seen what came: nothing of it is seen
    /// twice. `asked`: what requests came to then. `None`: what is told is new.
    pub(super) fn tell_again(&mut self, asked: Option<&[Sent]>) {
        let muted = self.config.proving || asked.is_some();
        let host = self.store.data_mut();
        host.http.again = asked.map(|asked| asked.iter().copied().collect());
        host.log.mute(muted);
        host.metrics.mute(muted);
    }

    /// What the last call took.
    pub(super) fn stats(&self) -> CallStats {
        self.stats
    }

    /// Calls the guest within the limits. `now` is what its clock shows; the deadline counts the
    /// processor time of this thread, so that a busy machine kills no innocent guest.
    pub(super) fn call<R>(
        &mut self,
        call: Call,
        now: Timestamp,
        run: impl FnOnce(&mut Store<Host>) -> wasmtime::Result<Result<R, types::Fault>>,
    ) -> Result<R, Fault> {
        if self.gone {
            return Err(self.fault(call, Cause::Gone));
        }
        if let Some(why) = &self.unusable {
            return Err(self.fault(call, Cause::Host(why.clone())));
        }
        let limit =
            if call.name == INIT.name { call.limit } else { self.plugin.deadline(call.limit) };
        let start = thread_cpu_time();
        let host = self.store.data_mut();
        host.clock.now = now;
        host.log.begin();
        host.timer = Timer { start, limit };
        host.memory.take_refused();
        self.store.set_epoch_deadline(1);
        let fuel = self.fuel();
        let outcome = {
            let _in_flight = self.plugin.engine().in_flight();
            run(&mut self.store)
        };
        let cpu = thread_cpu_time().saturating_sub(start);
        let instructions = fuel.zip(self.fuel()).map(|(before, after)| before - after);
        self.stats = CallStats { cpu, overrun: cpu > limit / 2, clipped: 0, instructions };
        self.figures.count(self.stats, self.store.data().memory.peak_bytes());
        match outcome {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(said)) => Err(self.fault(call, said_by_guest(said))),
            Err(error) => {
                // wasmtime lets no call into a component that has trapped.
                self.gone = true;
                let cause = self.cause(&error, limit);
                Err(self.fault(call, cause))
            }
        }
    }

    /// What is left of it, where the engine counts.
    fn fuel(&self) -> Option<u64> {
        self.plugin.engine().counts().then(|| self.store.get_fuel().ok()).flatten()
    }

    /// Hands out a checked answer, or the fault that it is.
    pub(super) fn checked<R>(
        &mut self,
        call: Call,
        answer: Result<(R, u32), String>,
    ) -> Result<R, Fault> {
        match answer {
            Ok((answer, clipped)) => {
                self.stats.clipped = clipped;
                Ok(answer)
            }
            Err(what) => Err(self.fault(call, Cause::Nonsense { what })),
        }
    }

    pub(super) fn fault(&self, call: Call, cause: Cause) -> Fault {
        let fault = Fault {
            plugin: self.config.name.clone(),
            version: self.plugin.manifest().version.clone(),
            camera: self.config.camera.clone(),
            call: call.name,
            cause,
        };
        if fault.counts() {
            self.figures.faults.inc();
        }
        fault
    }

    fn cause(&mut self, error: &wasmtime::Error, limit: Duration) -> Cause {
        let host = self.store.data_mut();
        let message = host.log.take_complaint();
        if error.is::<Overdue>() {
            return Cause::Deadline { limit };
        }
        match host.memory.take_refused() {
            Some(limits::Refused::Own) => {
                return Cause::OutOfMemory { limit_bytes: host.memory.limit_bytes() };
            }
            Some(limits::Refused::Host) => {
                let limit_bytes = self.plugin.engine().budget().limit_bytes();
                return Cause::HostOutOfMemory { limit_bytes };
            }
            None => {}
        }
        let backtrace = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
        if let Some(trap) = error.downcast_ref::<Trap>() {
            let reason = trap.to_string();
            return Cause::Trapped(Box::new(fault::Trap { message, reason, backtrace }));
        }
        let refused =
            error.chain().any(|cause| cause.is::<Errno>() || cause.is::<std::io::Error>());
        if refused {
            return Cause::Host(format!("the system has no room for its memory: {error:#}"));
        }
        // What is left: the answer could not be read, or the exports have another shape.
        let what = error.root_cause().to_string();
        if what.contains("fuel allocated for hostcalls") {
            let what =
                format!("handed over more than {} MiB in one call", limits::ANSWER_BYTES >> 20);
            return Cause::Nonsense { what };
        }
        Cause::Nonsense { what }
    }
}

fn said_by_guest(said: types::Fault) -> Cause {
    let text = |text: String| cut(&text, limits::TEXT_BYTES).to_owned();
    match said {
        types::Fault::BadParams(why) => Cause::BadParams(text(why)),
        types::Fault::Unsupported(why) => Cause::Unsupported(text(why)),
        types::Fault::Rejected(why) => Cause::Rejected(text(why)),
        types::Fault::Transient(why) => Cause::Transient(text(why)),
        types::Fault::Failed(why) => Cause::Failed(text(why)),
    }
}

fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    let name = |frame: &wasmtime::FrameInfo| match frame.func_name() {
        Some(name) => cut(name, limits::NAME_BYTES).to_owned(),
        None => format!("function {}", frame.func_index()),
    };
    backtrace.frames().iter().take(FRAMES).map(name).collect()
}

/// Processor time that this thread has used.
fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
