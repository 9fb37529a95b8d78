//! One configured event source: messages and events of others in, events out, rebuilt when it faults.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::lifecycle::Lifecycle;
use super::{Attribute, Bus, Event, Follower, Notice, Publish};
use crate::base::clock::{Clock, sleep_until};
use crate::base::{Kind, limits};
use crate::wasm::standing::Standing;
use crate::wasm::supervise::{After, End, Guest, Said, Supervisor, Trouble};
use crate::wasm::{self, Cause, Lane, Plugin};

/// A message for a source, and where its answer goes.
#[derive(Debug)]
pub struct Delivery {
    /// `application/json` and the like; empty when the sender did not say.
    pub content_type: String,
    /// Headers and query: `header.<name>`, `query.<name>`.
    pub attributes: Vec<Attribute>,
    /// The body.
    pub body: Bytes,
    /// What becomes of it.
    pub answer: oneshot::Sender<Reply>,
}

/// What became of a message.
#[derive(Debug)]
pub enum Reply {
    /// It was understood; these events are stored.
    Stored(Vec<Notice>),
    /// It was not understood, or names what does not exist.
    Rejected(String),
    /// The source, the index or a policy's queue is not there for it now.
    Unavailable(String),
}

/// What one source needs.
pub struct Source {
    /// Its name in the configuration.
    pub name: String,
    /// The cameras that its events mean when they name none.
    pub cameras: Vec<String>,
    /// Its component and manifest.
    pub plugin: Plugin,
    /// What an instance is made with.
    pub instance: wasm::InstanceConfig,
    /// What `init` gets.
    pub setup: wasm::Setup,
    /// Where its calls run.
    pub lane: Lane,
    /// Its messages.
    pub messages: mpsc::Receiver<Delivery>,
    /// What it hears of those it comes after; `None`: it comes after nobody.
    pub follower: Option<Follower>,
    /// Where its events go.
    pub bus: Bus,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
}

/// One life of an instance.
struct Life {
    source: Guest<wasm::Source>,
    events: Lifecycle,
    tick: Option<Duration>,
    next_tick: Option<Instant>,
}

impl Source {
    /// Serves messages until shutdown.
    pub async fn run(mut self, mut supervisor: Supervisor, shutdown: CancellationToken) {
        loop {
            let end = self.run_once(&supervisor, &shutdown).await;
            match supervisor.after(end, &shutdown).await {
                After::Rebuild => {}
                After::Quarantined => return self.refuse_all(&shutdown).await,
                After::Shutdown => return,
            }
        }
    }

    async fn refuse_all(&mut self, shutdown: &CancellationToken) {
        loop {
            let delivery = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                delivery = self.messages.recv() => delivery,
            };
            let Some(delivery) = delivery else { return };
            let reason = format!("source {} is quarantined: see the log", self.name);
            // Nobody waits any more: fine.
            let _gone = delivery.answer.send(Reply::Unavailable(reason));
        }
    }

    async fn run_once(&mut self, supervisor: &Supervisor, shutdown: &CancellationToken) -> End {
        let mut life = match self.begin().await {
            Ok(life) => life,
            Err(trouble) => return End::Trouble(trouble),
        };
        supervisor.tell(Standing::Running);
        let end = self.serve(&mut life, shutdown).await;
        for event in life.events.end_all() {
            self.publish(event).await;
        }
        end
    }

    async fn serve(&mut self, life: &mut Life, shutdown: &CancellationToken) -> End {
        loop {
            // Ahead of the select: a flood of messages must not put these off.
            for event in life.events.expire(Instant::now()) {
                self.publish(event).await;
            }
            let renewal = life.events.deadline();
            let step = if life.next_tick.is_some_and(|tick| tick <= Instant::now()) {
                self.on_tick(life).await
            } else {
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => return End::Shutdown,
                    delivery = self.messages.recv() => match delivery {
                        None => return End::Shutdown,
                        Some(delivery) => self.on_message(life, delivery).await,
                    },
                    notices = next(self.follower.as_mut()) => self.on_events(life, notices).await,
                    () = sleep_until(life.next_tick) => Ok(()),
                    () = sleep_until(renewal) => Ok(()),
                }
            };
            if let Err(trouble) = step {
                return End::Trouble(trouble);
            }
        }
    }

    async fn begin(&self) -> Result<Life, Trouble> {
        let now = self.clock.wall();
        let (plugin, instance, setup) =
            (self.plugin.clone(), self.instance.clone(), self.setup.clone());
        let make = move || wasm::Source::new(&plugin, instance, &setup, now);
        let (source, wishes) = Guest::make(&self.lane, make).await?;
        let events = Lifecycle::new(None, &self.name, now);
        let next_tick = wishes.tick.map(|tick| Instant::now() + tick);
        Ok(Life { source, events, tick: wishes.tick, next_tick })
    }

    async fn on_tick(&self, life: &mut Life) -> Result<(), Trouble> {
        let now = self.clock.wall();
        life.next_tick = life.tick.map(|tick| Instant::now() + tick);
        let said = life.source.call(move |source| source.on_tick(now)).await?;
        self.said(life, said).await;
        Ok(())
    }

    async fn on_events(&self, life: &mut Life, notices: Vec<Notice>) -> Result<(), Trouble> {
        life.events.heard(notices.iter().map(|notice| &notice.event));
        let said = life.source.call(move |source| source.on_events(&notices)).await?;
        self.said(life, said).await;
        Ok(())
    }

    async fn said(&self, life: &mut Life, said: Said<Vec<Event>>) {
        let Said::Answer(events) = said else { return };
        for event in events {
            if let Some(event) = life.events.accept(event, Instant::now()) {
                self.publish(event).await;
            }
        }
    }

    async fn on_message(&self, life: &mut Life, delivery: Delivery) -> Result<(), Trouble> {
        let message = wasm::Message {
            topic: format!("hook:{}", self.name),
            content_type: delivery.content_type,
            received: self.clock.wall(),
            attributes: delivery.attributes,
            body: delivery.body.to_vec(),
        };
        let said = life.source.call(move |source| source.on_message(&message)).await;
        let (reply, result) = match said {
            Ok(Said::Answer(events)) => (self.publish_all(life, events).await, Ok(())),
            Ok(Said::Declined(fault)) => match fault.cause {
                Cause::Rejected(reason) => (Reply::Rejected(reason), Ok(())),
                _ => (Reply::Unavailable(fault.to_string()), Ok(())),
            },
            Err(trouble) => (Reply::Unavailable(trouble.to_string()), Err(trouble)),
        };
        // Nobody waits any more: fine.
        let _gone = delivery.answer.send(reply);
        result
    }

    async fn publish_all(&self, life: &mut Life, events: Vec<Event>) -> Reply {
        let now = Instant::now();
        let mut notices = Vec::new();
        for event in events {
            let Some(event) = life.events.accept(event, now) else { continue };
            let cameras =
                if event.cameras.is_empty() { self.cameras.clone() } else { event.cameras.clone() };
            for camera in cameras {
                let by = Publish { origin: &self.name, camera: &camera };
                match self.bus.publish_within(by, event.clone(), limits::HOOK_WAIT).await {
                    Ok(notice) => notices.push(notice),
                    Err(error) if error.kind() == Kind::Refuse => {
                        return Reply::Rejected(error.chain());
                    }
                    Err(error) => return Reply::Unavailable(error.chain()),
                }
            }
        }
        Reply::Stored(notices)
    }

    /// For what nobody waits to hear about.
    async fn publish(&self, event: Event) {
        let cameras =
            if event.cameras.is_empty() { self.cameras.clone() } else { event.cameras.clone() };
        for camera in cameras {
            let by = Publish { origin: &self.name, camera: &camera };
            if let Err(error) = self.bus.publish(by, event.clone()).await {
                tracing::warn!(camera, plugin = self.name, "{}", error.chain());
            }
        }
    }
}

/// What others have said, as many events as fit into a call.
async fn next(follower: Option<&mut Follower>) -> Vec<Notice> {
    let heard = match follower {
        Some(follower) => follower.next(limits::EVENT_QUEUE).await,
        None => None,
    };
    match heard {
        Some(heard) => heard,
        None => std::future::pending().await,
    }
}
