//! The bus: an event is stored, then heard. (Event -> Notice.)
//!
//! Knows cameras by name only, and nothing of plugins.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Event, Notice};
use crate::base::clock::Clock;
use crate::base::metrics::{self, Metrics};
use crate::base::{Error, Result, Timestamp, limits};
use crate::store::{self, ClosedSegment, Mark, Store};

/// What a listener (a policy of one camera) gets, in order.
#[derive(Clone, Debug)]
pub enum Heard {
    /// An event of its camera.
    Notice(Box<Notice>),
    /// A segment of its camera is on disk for good: the store knows what is to be asked.
    Closed,
}

/// Who says an event.
#[derive(Clone, Copy, Debug)]
pub struct Publish<'a> {
    /// A plugin's configured name, `camera`, `api` or `host`.
    pub origin: &'a str,
    /// The camera that the event is about.
    pub camera: &'a str,
}

struct Listener {
    /// The listener's own events are not given back to it.
    name: String,
    queue: mpsc::Sender<Heard>,
}

/// Carries events from who says them to who hears them. Cheap to clone.
#[derive(Clone)]
pub struct Bus {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    /// By camera; every configured camera has an entry.
    listeners: Arc<BTreeMap<String, Vec<Listener>>>,
    /// To the task that says the host's own events.
    host_events: mpsc::Sender<(String, Event)>,
}

/// The listeners of a bus while it is put together.
#[derive(Default)]
pub struct Wiring {
    listeners: BTreeMap<String, Vec<Listener>>,
}

impl Wiring {
    /// Makes a camera known.
    pub fn camera(&mut self, camera: &str) {
        self.listeners.entry(camera.into()).or_default();
    }

    /// Gives `name` the events of `camera`. When its queue is full, who says events waits.
    pub fn listen(&mut self, camera: &str, name: &str) -> mpsc::Receiver<Heard> {
        let (queue, heard) = mpsc::channel(limits::EVENT_QUEUE);
        let listener = Listener { name: name.into(), queue };
        self.listeners.entry(camera.into()).or_default().push(listener);
        heard
    }

    /// The bus, and the queue of the host's own events, to be handed to [`run_host_events`].
    pub fn connect(
        self,
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
    ) -> (Bus, mpsc::Receiver<(String, Event)>) {
        let (host_events, queue) = mpsc::channel(limits::EVENT_QUEUE);
        let listeners = Arc::new(self.listeners);
        (Bus { store, clock, metrics, listeners, host_events }, queue)
    }
}

impl Bus {
    /// Stores an event and gives it to the camera's listeners; waits for room in their queues.
    ///
    /// # Errors
    /// `Refuse` for an unknown camera or a time too far ahead (stored as refused), `Retry` when
    /// the index does not take it: nobody hears an event that is not stored.
    pub async fn publish(&self, by: Publish<'_>, event: Event) -> Result<Notice> {
        let listeners = self.listeners(by)?;
        let notice = self.enter(by, event).await?;
        for listener in listeners.iter().filter(|listener| listener.name != by.origin) {
            // A listener that is gone has ended with its camera: the stored row remains.
            let _gone = listener.queue.send(Heard::Notice(Box::new(notice.clone()))).await;
        }
        Ok(notice)
    }

    /// As [`publish`](Self::publish), for those who listen themselves: two that wait for each other
    /// must not do so for ever. Waits at most `wait` for each listener.
    ///
    /// # Errors
    /// As [`publish`](Self::publish), and `Retry` when a listener has not heard what is stored.
    pub async fn publish_among(
        &self,
        by: Publish<'_>,
        event: Event,
        wait: Duration,
    ) -> Result<Notice> {
        let listeners = self.listeners(by)?;
        let notice = self.enter(by, event).await?;
        for listener in listeners.iter().filter(|listener| listener.name != by.origin) {
            let heard = listener.queue.send(Heard::Notice(Box::new(notice.clone())));
            if tokio::time::timeout(wait, heard).await.is_err() {
                let (name, camera) = (&listener.name, by.camera);
                let deaf = format!("policy {name} of camera {camera} is too busy to hear an event");
                return Err(Error::retry(deaf));
            }
        }
        Ok(notice)
    }

    /// As [`publish`](Self::publish), but makes sure of room first, for at most `wait`: an event
    /// that its sender is told to send again has been neither stored nor heard.
    ///
    /// # Errors
    /// As [`publish`](Self::publish), and `Retry` when a listener has no room in time.
    pub async fn publish_within(
        &self,
        by: Publish<'_>,
        event: Event,
        wait: Duration,
    ) -> Result<Notice> {
        let listeners = self.listeners(by)?.iter();
        let others = listeners.filter(|listener| listener.name != by.origin);
        let reserved = futures::future::join_all(others.map(|other| other.queue.reserve()));
        let Ok(places) = tokio::time::timeout(wait, reserved).await else {
            let camera = by.camera;
            let busy = format!("a policy of camera {camera} is too busy: try again later");
            return Err(Error::retry(busy));
        };
        let notice = self.enter(by, event).await?;
        // One that is gone has ended with its camera.
        for place in places.into_iter().flatten() {
            place.send(Heard::Notice(Box::new(notice.clone())));
        }
        Ok(notice)
    }

    fn listeners(&self, by: Publish<'_>) -> Result<&[Listener]> {
        self.listeners.get(by.camera).map(Vec::as_slice).ok_or_else(|| {
            let known: Vec<&str> = self.listeners.keys().map(String::as_str).collect();
            Error::refuse(format!(
                "{}: no camera `{}` is configured; known: {}",
                by.origin,
                by.camera,
                known.join(", ")
            ))
        })
    }

    /// Stores an event; the notice of it, unless it is refused.
    async fn enter(&self, by: Publish<'_>, mut event: Event) -> Result<Notice> {
        if event.cameras.is_empty() {
            event.cameras.push(by.camera.into());
        }
        let received = self.clock.wall();
        let refused = (event.time > received + limits::EVENT_LEAD).then(|| {
            format!(
                "{}: event `{}` lies {} s ahead of camera {}: check the sender's clock",
                by.origin,
                event.kind,
                event.time.since(received).as_secs(),
                by.camera
            )
        });
        let sequence = self.store(by, &event, received, refused.as_deref()).await?;
        if let Some(reason) = refused {
            return Err(Error::refuse(reason));
        }
        Ok(Notice { event, camera: by.camera.into(), origin: by.origin.into(), received, sequence })
    }

    /// Says an event of the host's own without waiting. When too many wait already it is dropped
    /// with a log line; what it reports stands in the index anyway (segments, gaps, deletions).
    pub fn announce(&self, camera: &str, event: Event) {
        if let Err(mpsc::error::TrySendError::Full((camera, event))) =
            self.host_events.try_send((camera.into(), event))
        {
            tracing::warn!(camera, kind = event.kind, "too many host events wait: dropped");
        }
    }

    /// Stores an event of the host's own about recordings and the store, together with the mark
    /// that it is told. No policy hears it: its own effect must not be its cause. An empty `camera`
    /// means the host as a whole, and one that is no longer configured may have recordings. `None`:
    /// the mark no longer holds, and nothing was stored.
    ///
    /// # Errors
    /// `Retry` when the index does not take it.
    pub async fn note(
        &self,
        camera: &str,
        event: Option<Event>,
        mark: Option<Mark>,
    ) -> Result<Option<u64>> {
        let labels = metrics::Plugin { camera: camera.into(), plugin: "host".into() };
        let row = event.map(|event| store::NewEvent {
            event,
            camera: camera.into(),
            origin: "host".into(),
            received: self.clock.wall(),
            outcome: store::Outcome::Noted,
        });
        let said = self.store.tell(row, mark).await?;
        if said.is_some() {
            self.metrics.events.get_or_create(&labels).inc();
        }
        Ok(said)
    }

    /// Tells the camera's listeners of a segment, without waiting: one that does not hear of it is
    /// asked about it with the next.
    pub fn closed(&self, segment: &ClosedSegment) {
        for listener in self.listeners.get(&segment.camera).into_iter().flatten() {
            if listener.queue.try_send(Heard::Closed).is_err() {
                tracing::debug!(
                    camera = segment.camera,
                    policy = listener.name,
                    sequence = segment.sequence,
                    "policy is too busy to judge a segment: asked with the next"
                );
            }
        }
    }

    async fn store(
        &self,
        by: Publish<'_>,
        event: &Event,
        received: Timestamp,
        refused: Option<&str>,
    ) -> Result<u64> {
        let labels = metrics::Plugin { camera: by.camera.into(), plugin: by.origin.into() };
        self.metrics.events.get_or_create(&labels).inc();
        let outcome = match refused {
            Some(reason) => store::Outcome::Refused(reason.into()),
            None => store::Outcome::Accepted,
        };
        let row = store::NewEvent {
            event: event.clone(),
            camera: by.camera.into(),
            origin: by.origin.into(),
            received,
            outcome,
        };
        self.store.event(row).await
    }
}

/// Says the host's own events, one after the other, until shutdown.
pub async fn run_host_events(
    bus: Bus,
    mut queue: mpsc::Receiver<(String, Event)>,
    shutdown: CancellationToken,
) {
    loop {
        let (camera, event) = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            said = queue.recv() => match said {
                Some(said) => said,
                None => return,
            },
        };
        let by = Publish { origin: "host", camera: &camera };
        if let Err(error) = bus.publish(by, event).await {
            tracing::warn!(camera, "host event not stored: {}", error.chain());
        }
    }
}
