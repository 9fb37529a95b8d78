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
use crate::wasm::standing::Standing;
use crate::wasm::supervise::{After, End, Supervisor};
use crate::wasm::{self, Answer, Fault, Lane, Plugin};

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
    pub plugin: Arc<Plugin>,
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
    pub store: Store,
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
                After::Quarantined => return self.drain(&shutdown).await,
                After::Shutdown => return,
            }
        }
    }

    /// Takes what nobody will judge, so that those who say events do not wait for ever.
    async fn drain(&mut self, shutdown: &CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                heard = self.heard.recv() => if heard.is_none() { return },
            }
        }
    }

    async fn run_once(&mut self, supervisor: &Supervisor, shutdown: &CancellationToken) -> End {
        let mut life = match self.begin().await {
            Ok(life) => life,
            Err(fault) => return End::Fault(fault),
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
            if let Err(fault) = step {
                for event in life.events.end_all() {
                    self.say(event).await;
                }
                return End::Fault(fault);
            }
        }
    }

    async fn begin(&mut self) -> Result<Life, Fault> {
        let now = self.clock.wall();
        let (plugin, instance, setup) =
            (self.plugin.clone(), self.instance.clone(), self.setup.clone());
        let policy =
            self.lane.run(move || wasm::Policy::new(&plugin, &instance, &setup, now)).await?;
        let mut life = Life {
            policy: Some(policy),
            events: Lifecycle::new(Some(&self.camera), &self.name, now),
            wake: None,
            woken: now,
        };
        self.on_wake(&mut life).await?;
        Ok(life)
    }

    async fn on_event(&self, life: &mut Life, notice: Notice) -> Result<(), Fault> {
        let now = self.clock.wall();
        let (answer, notice) = self
            .call(life, move |policy| (policy.on_event(&notice, now), notice))
            .await;
        self.apply(life, answer?, Some(&notice)).await
    }

    async fn on_wake(&self, life: &mut Life) -> Result<(), Fault> {
        let now = self.clock.wall();
        life.wake = None;
        life.woken = now;
        let answer = self.call(life, move |policy| policy.on_wake(now)).await?;
        self.apply(life, answer, None).await
    }

    async fn on_closed(&self, life: &mut Life, segment: ClosedSegment) -> Result<(), Fault> {
        if !segment.continuous {
            return Ok(());
        }
        let now = self.clock.wall();
        let asked = spans::describe(&segment);
        let keep = self.call(life, move |policy| policy.keep_continuous(&asked, now)).await?;
        let held = self
            .store
            .hold_continuous(&self.camera, segment.sequence, &self.name, keep)
            .await;
        if let Err(error) = held {
            tracing::warn!(camera = self.camera, plugin = self.name, "{}", error.chain());
        }
        Ok(())
    }

    /// Runs one call on the lane. The instance travels there and back.
    async fn call<R: Send + 'static>(
        &self,
        life: &mut Life,
        job: impl FnOnce(&mut wasm::Policy) -> R + Send + 'static,
    ) -> R {
        let mut policy = life.policy.take().expect("one call at a time");
        let (result, policy) = self
            .lane
            .run(move || {
                let result = job(&mut policy);
                (result, policy)
            })
            .await;
        life.policy = Some(policy);
        result
    }

    async fn apply(
        &self,
        life: &mut Life,
        answer: Answer,
        cause: Option<&Notice>,
    ) -> Result<(), Fault> {
        life.wake = answer.wake.map(|wake| wake.max(life.woken + WAKE_INTERVAL));
        for ask in answer.spans {
            let span = spans::qualify(ask, &self.camera, &self.name, &life.events, cause);
            self.keep(span).await?;
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
    async fn keep(&self, span: Span) -> Result<(), Fault> {
        if self.reach.is_lost(&self.store, &self.camera, &span).await {
            tracing::warn!(
                camera = self.camera,
                plugin = self.name,
                span = span.id,
                "span lies before the oldest video: refused"
            );
            return Ok(());
        }
        match self.store.span(span.clone()).await {
            Ok(()) => {
                // A recorder that is gone has ended with its camera: the stored span holds.
                let _gone = self.spans.send(span).await;
                Ok(())
            }
            Err(error) if error.kind() == Kind::Refuse => {
                Err(Fault::nonsense(&self.plugin, error.chain()))
            }
            Err(error) => {
                tracing::error!(camera = self.camera, plugin = self.name, "{}", error.chain());
                let _gone = self.spans.send(span).await;
                Ok(())
            }
        }
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
    /// `None` only while a call runs.
    policy: Option<wasm::Policy>,
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
