//! One policy on one camera: events in, spans and holds out, rebuilt when it faults.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::asking::Asking;
use super::{Span, spans};
use crate::base::clock::Clock;
use crate::base::{Kind, Timestamp, limits};
use crate::events::lifecycle::Lifecycle;
use crate::events::{Bus, Event, Heard, Notice, Publish};
use crate::store::{Answer, Judge, Records};
use crate::wasm::standing::{Standing, Teller};
use crate::wasm::supervise::{After, End, Guest, Said, Supervisor, Trouble};
use crate::wasm::{self, Lane, Plugin};

/// A wake comes no sooner than this after the one before.
const WAKE_INTERVAL: Duration = Duration::from_millis(10);

/// A span that the index did not take is offered again so often.
const SAVE_AGAIN: Duration = Duration::from_secs(1);

/// So many spans wait for the index at most; the oldest gives way.
const UNSAVED_MAX: usize = 256;

/// Longest sleep before the wall clock is looked at again: it may have stepped.
const WAKE_CHECK: Duration = Duration::from_secs(10);

/// A wall clock that is further back than this has stepped.
const STEP_BACK_MICROS: i64 = 1_000_000;

/// What one policy on one camera needs.
pub struct Stage {
    /// The camera.
    pub camera: String,
    /// The policy's name in the configuration.
    pub name: String,
    /// Its component and manifest.
    pub plugin: Plugin,
    /// What an instance is made with.
    pub instance: wasm::InstanceConfig,
    /// What `init` gets.
    pub setup: wasm::Setup,
    /// Where its calls run.
    pub lane: Lane,
    /// What it hears.
    pub heard: mpsc::Receiver<Heard>,
    /// Where its events go.
    pub bus: Bus,
    /// Where its spans are kept.
    pub store: Arc<dyn Records>,
    /// Who it is to the store.
    pub judge: Judge,
    /// Where its spans go next: the camera's recorder.
    pub spans: mpsc::Sender<Span>,
    /// The oldest video that a span can still reach.
    pub reach: spans::Reach,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// Spans that are recorded, but that the index did not take yet: nothing holds them on disk.
    /// Starts empty.
    pub unsaved: VecDeque<Span>,
}

impl Stage {
    /// Serves the camera until shutdown.
    pub async fn run(mut self, mut supervisor: Supervisor, shutdown: CancellationToken) {
        loop {
            let end = self.run_once(&supervisor, &shutdown).await;
            if !matches!(end, End::Shutdown) {
                self.warn(self.store.judge_answers(self.judge, false).await);
            }
            match supervisor.after(end, &shutdown).await {
                After::Rebuild => {}
                After::Quarantined => return drain(self.heard, &shutdown).await,
                After::Shutdown => return,
            }
        }
    }

    async fn run_once(&mut self, supervisor: &Supervisor, shutdown: &CancellationToken) -> End {
        let mut life = match self.begin().await {
            Ok(life) => life,
            Err(trouble) => return End::Trouble(trouble),
        };
        supervisor.tell(Standing::Running);
        self.warn(self.store.judge_answers(self.judge, true).await);
        let end = self.serve(&mut life, shutdown).await;
        for event in life.events.end_all() {
            self.say(event).await;
        }
        self.save_again().await;
        end
    }

    async fn serve(&mut self, life: &mut Life, shutdown: &CancellationToken) -> End {
        loop {
            // Ahead of the select: a flood of events must not put these off.
            for event in life.events.expire(Instant::now()) {
                self.say(event).await;
            }
            self.save_again().await;
            let pause = self.pause(life);
            let step = if life.is_due(self.clock.as_ref(), self.heard.len()) {
                self.on_wake(life).await
            } else {
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => return self.last_words(life).await,
                    heard = self.heard.recv() => match heard {
                        None => return End::Shutdown,
                        Some(heard) => self.hear(life, heard).await,
                    },
                    () = sleep_for(pause) => self.ask(life).await,
                }
            };
            if let Err(trouble) = step {
                return End::Trouble(trouble);
            }
        }
    }

    /// Judges what was said before the end.
    async fn last_words(&mut self, life: &mut Life) -> End {
        for _ in 0..self.heard.len() {
            let Ok(heard) = self.heard.try_recv() else { break };
            if let Err(trouble) = self.hear(life, heard).await {
                tracing::warn!(camera = self.camera, plugin = self.name, "{trouble}");
                break;
            }
        }
        End::Shutdown
    }

    async fn hear(&mut self, life: &mut Life, heard: Heard) -> Result<(), Trouble> {
        life.ahead = life.ahead.map(|ahead| ahead.saturating_sub(1));
        match heard {
            Heard::Notice(notice) => self.on_event(life, *notice).await,
            Heard::Closed => {
                life.asking.wake();
                Ok(())
            }
        }
    }

    /// The time until something is to be done that no event brings.
    fn pause(&self, life: &Life) -> Option<Duration> {
        let wake = life.wake.map(|wake| {
            let left = wake.since(self.clock.wall());
            left.max(WAKE_INTERVAL.saturating_sub(life.woken.elapsed())).min(WAKE_CHECK)
        });
        let save = (!self.unsaved.is_empty()).then_some(SAVE_AGAIN);
        let renewal = life.events.deadline().map(|at| at.duration_since(Instant::now()));
        wake.into_iter().chain(save).chain(renewal).chain(life.asking.pause()).min()
    }

    async fn begin(&mut self) -> Result<Life, Trouble> {
        let now = self.clock.wall();
        let (plugin, instance, setup) =
            (self.plugin.clone(), self.instance.clone(), self.setup.clone());
        let make = move || wasm::Policy::new(&plugin, instance, &setup, now).map(|made| (made, ()));
        let (policy, ()) = Guest::make(&self.lane, make).await?;
        let mut life = Life {
            policy,
            events: Lifecycle::new(Some(&self.camera), &self.name, now),
            wake: None,
            seen: now,
            woken: Instant::now(),
            ahead: None,
            asking: Asking::new(self.judge),
        };
        self.on_wake(&mut life).await?;
        Ok(life)
    }

    async fn on_event(&mut self, life: &mut Life, notice: Notice) -> Result<(), Trouble> {
        let now = self.clock.wall();
        life.events.heard([&notice.event]);
        let heard = notice.clone();
        let said = life.policy.call(move |policy| policy.on_event(&heard, now)).await?;
        self.apply(life, said, Some(&notice)).await
    }

    async fn on_wake(&mut self, life: &mut Life) -> Result<(), Trouble> {
        let now = self.clock.wall();
        (life.wake, life.ahead, life.woken) = (None, None, Instant::now());
        let said = life.policy.call(move |policy| policy.on_wake(now)).await?;
        self.apply(life, said, None).await
    }

    /// Asks how long to keep the next segment, if it is time for one.
    async fn ask(&mut self, life: &mut Life) -> Result<(), Trouble> {
        let segment = match life.asking.next(&*self.store).await {
            Ok(Some(segment)) => segment,
            Ok(None) => return Ok(()),
            Err(error) => {
                tracing::warn!(camera = self.camera, plugin = self.name, "{}", error.chain());
                return Ok(());
            }
        };
        let (now, asked) = (self.clock.wall(), spans::describe(&segment));
        let said = life.policy.call(move |policy| policy.keep_continuous(&asked, now)).await;
        let (keep, trouble) = match said {
            Ok(Said::Answer(keep)) => (Some(keep), None),
            Ok(Said::Declined(fault)) => {
                tracing::debug!(camera = self.camera, plugin = self.name, "{fault}");
                let later = matches!(fault.cause, wasm::Cause::Transient(_));
                ((!later).then_some(None), None)
            }
            // Asked again, it would cost the next instance too: it is kept as configured.
            Err(Trouble::Fault(fault)) => {
                let said = vec![Answer { sequence: segment.sequence, keep: None }];
                self.warn(self.store.answer(self.judge, said).await);
                return Err(fault.into());
            }
            Err(lost) => (None, Some(lost)),
        };
        self.warn(life.asking.answered(&*self.store, &segment, keep).await);
        trouble.map_or(Ok(()), Err)
    }

    fn warn(&self, result: crate::base::Result<()>) {
        if let Err(error) = result {
            tracing::warn!(camera = self.camera, plugin = self.name, "{}", error.chain());
        }
    }

    async fn apply(
        &mut self,
        life: &mut Life,
        said: Said<wasm::Answer>,
        cause: Option<&Notice>,
    ) -> Result<(), Trouble> {
        let answer = match said {
            Said::Answer(answer) => answer,
            Said::Declined(fault) => {
                tracing::debug!(camera = self.camera, plugin = self.name, "{fault}");
                return Ok(());
            }
        };
        // One that asks for the same wake again and again still gets it.
        let postponed = answer.wake.zip(life.wake).is_none_or(|(new, old)| new > old);
        life.ahead = life.ahead.filter(|_| !postponed);
        life.wake = answer.wake;
        for ask in answer.spans {
            let span = spans::qualify(ask, &self.camera, &self.name, &life.events, cause);
            self.keep(span).await;
        }
        for event in answer.events {
            if let Some(event) = life.events.accept(event, Instant::now()) {
                self.say(event).await;
            }
        }
        Ok(())
    }

    /// Stores a span, then tells the recorder.
    async fn keep(&mut self, span: Span) {
        if self.reach.is_lost(&*self.store, &self.camera, &span).await {
            tracing::warn!(
                camera = self.camera,
                plugin = self.name,
                span = span.id,
                "span lies before the oldest video: refused"
            );
            return;
        }
        match self.store.span(span.clone()).await {
            Err(error) if error.kind() == Kind::Refuse => {
                tracing::warn!(camera = self.camera, plugin = self.name, "{}", error.chain());
                return;
            }
            // What can't be stored now is recorded all the same.
            Err(error) => {
                tracing::error!(camera = self.camera, plugin = self.name, "{}", error.chain());
                self.unsaved.retain(|old| old.id != span.id);
                if self.unsaved.len() >= UNSAVED_MAX {
                    self.unsaved.pop_front();
                }
                self.unsaved.push_back(span.clone());
            }
            Ok(()) => self.unsaved.retain(|old| old.id != span.id),
        }
        // A recorder that is gone has ended with its camera: the stored span holds.
        let _gone = self.spans.send(span).await;
    }

    /// Offers the index again what it did not take, in order, as far as it does now.
    async fn save_again(&mut self) {
        while let Some(span) = self.unsaved.front() {
            match self.store.span(span.clone()).await {
                Err(error) if error.kind() != Kind::Refuse => return,
                Err(error) => {
                    tracing::warn!(camera = self.camera, plugin = self.name, "{}", error.chain());
                }
                Ok(()) => {}
            }
            self.unsaved.pop_front();
        }
    }

    async fn say(&self, event: Event) {
        let by = Publish { origin: &self.name, camera: &self.camera };
        if let Err(error) = self.bus.publish_among(by, event, limits::HOOK_WAIT).await {
            tracing::warn!(camera = self.camera, plugin = self.name, "{}", error.chain());
        }
    }
}

/// One life of an instance.
struct Life {
    policy: Guest<wasm::Policy>,
    events: Lifecycle,
    wake: Option<Timestamp>,
    /// The latest wall time so far.
    seen: Timestamp,
    /// When it was last woken. Monotonic: a step of the wall clock delays no wake.
    woken: Instant,
    /// Once a wake is due: so many things in the queue came before it.
    ahead: Option<usize>,
    asking: Asking,
}

impl Life {
    /// The wake has come, and so has all that was waiting in the queue at that moment.
    fn is_due(&mut self, clock: &dyn Clock, waiting: usize) -> bool {
        let now = clock.wall();
        // Where the clock stepped back, a wake may mean a moment that is long past: better early
        // than an hour late.
        let back = self.seen.micros_since(now) > STEP_BACK_MICROS;
        self.seen = if back { now } else { self.seen.max(now) };
        if back {
            self.wake = self.wake.map(|wake| wake.min(now));
        }
        let due = self.wake.is_some_and(|wake| wake <= now);
        due && self.woken.elapsed() >= WAKE_INTERVAL && *self.ahead.get_or_insert(waiting) == 0
    }
}

async fn sleep_for(length: Option<Duration>) {
    match length {
        Some(length) => tokio::time::sleep(length).await,
        None => std::future::pending().await,
    }
}

/// In place of a policy that could not be loaded. `teller` is kept: its standing is true as long
/// as the host runs.
pub async fn nobody(heard: mpsc::Receiver<Heard>, teller: Teller, shutdown: CancellationToken) {
    drain(heard, &shutdown).await;
    drop(teller);
}

/// Takes what nobody will judge, so that those who say events do not wait for ever.
async fn drain(mut heard: mpsc::Receiver<Heard>, shutdown: &CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            heard = heard.recv() => if heard.is_none() { return },
        }
    }
}
