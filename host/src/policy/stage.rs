//! One policy on one camera: events in, spans and holds out, rebuilt when it faults.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Span, spans};
use crate::base::clock::Clock;
use crate::base::{Kind, Timestamp};
use crate::events::lifecycle::Lifecycle;
use crate::events::{Bus, Heard, Notice, Publish};
use crate::store::{ClosedSegment, Store};
use crate::wasm::standing::{Standing, Teller};
use crate::wasm::supervise::{After, End, Guest, Said, Supervisor, Trouble};
use crate::wasm::{self, Answer, Lane, Plugin};

/// A wake comes no sooner than this after the one before.
const WAKE_INTERVAL: Duration = Duration::from_millis(10);

/// Longest sleep before the wall clock is looked at again: it may have stepped.
const WAKE_CHECK: Duration = Duration::from_secs(10);

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
    pub store: Arc<Store>,
    /// Where its spans go next: the camera's recorder.
    pub spans: mpsc::Sender<Span>,
    /// The oldest video that a span can still reach.
    pub reach: spans::Reach,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
}

impl Stage {
    /// Serves the camera until shutdown.
    pub async fn run(mut self, mut supervisor: Supervisor, shutdown: CancellationToken) {
        loop {
            let end = self.run_once(&supervisor, &shutdown).await;
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
        loop {
            let step = tokio::select! {
                biased;
                () = shutdown.cancelled() => return End::Shutdown,
                heard = self.heard.recv() => match heard {
                    None => return End::Shutdown,
                    Some(Heard::Notice(notice)) => self.on_event(&mut life, notice).await,
                    Some(Heard::Closed(segment)) => self.on_closed(&mut life, segment).await,
                },
                () = wait(self.clock.as_ref(), life.wake) => {
                    if life.wake.is_some_and(|wake| self.clock.wall() < wake) {
                        continue;
                    }
                    self.on_wake(&mut life).await
                }
            };
            if let Err(trouble) = step {
                for event in life.events.end_all() {
                    self.say(event).await;
                }
                return End::Trouble(trouble);
            }
        }
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
            woken: now,
        };
        self.on_wake(&mut life).await?;
        Ok(life)
    }

    async fn on_event(&self, life: &mut Life, notice: Notice) -> Result<(), Trouble> {
        let now = self.clock.wall();
        let heard = notice.clone();
        let said = life.policy.call(move |policy| policy.on_event(&heard, now)).await?;
        self.apply(life, said, Some(&notice)).await
    }

    async fn on_wake(&self, life: &mut Life) -> Result<(), Trouble> {
        let now = self.clock.wall();
        life.wake = None;
        life.woken = now;
        let said = life.policy.call(move |policy| policy.on_wake(now)).await?;
        self.apply(life, said, None).await
    }

    async fn on_closed(&self, life: &mut Life, segment: ClosedSegment) -> Result<(), Trouble> {
        if !segment.continuous {
            return Ok(());
        }
        let now = self.clock.wall();
        // An index that can't be read now is no reason to lose the instance.
        let tally = self.store.tally(&self.camera, segment.start, segment.end).await;
        let asked = spans::describe(&segment, tally.unwrap_or_default());
        let said = life.policy.call(move |policy| policy.keep_continuous(&asked, now)).await?;
        let Said::Answer(keep) = said else { return Ok(()) };
        let held = self.store.hold_continuous(&self.camera, segment.sequence, keep).await;
        if let Err(error) = held {
            tracing::warn!(camera = self.camera, plugin = self.name, "{}", error.chain());
        }
        Ok(())
    }

    async fn apply(
        &self,
        life: &mut Life,
        said: Said<Answer>,
        cause: Option<&Notice>,
    ) -> Result<(), Trouble> {
        let answer = match said {
            Said::Answer(answer) => answer,
            Said::Declined(fault) => {
                tracing::debug!(camera = self.camera, plugin = self.name, "{fault}");
                return Ok(());
            }
        };
        life.wake = answer.wake.map(|wake| wake.max(life.woken + WAKE_INTERVAL));
        for ask in answer.spans {
            let span = spans::qualify(ask, &self.camera, &self.name, &life.events, cause);
            self.keep(span).await;
        }
        let now = self.clock.wall();
        for event in answer.events {
            if let Some(event) = life.events.accept(event, now) {
                self.say(event).await;
            }
        }
        Ok(())
    }

    /// Stores a span, then tells the recorder.
    async fn keep(&self, span: Span) {
        if self.reach.is_lost(&self.store, &self.camera, &span).await {
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
            }
            Ok(()) => {}
        }
        // A recorder that is gone has ended with its camera: the stored span holds.
        let _gone = self.spans.send(span).await;
    }

    async fn say(&self, event: crate::events::Event) {
        let by = Publish { origin: &self.name, camera: &self.camera };
        if let Err(error) = self.bus.publish(by, event).await {
            tracing::warn!(camera = self.camera, plugin = self.name, "{}", error.chain());
        }
    }
}

/// One life of an instance.
struct Life {
    policy: Guest<wasm::Policy>,
    events: Lifecycle,
    wake: Option<Timestamp>,
    /// When it was last woken.
    woken: Timestamp,
}

/// Until the wake, or until the wall clock is worth another look.
async fn wait(clock: &dyn Clock, wake: Option<Timestamp>) {
    match wake {
        Some(wake) => tokio::time::sleep(wake.since(clock.wall()).min(WAKE_CHECK)).await,
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
