//! The bus: an event is stored, then heard. (Event -> Notice.)
//!
//! Events are heard in the order in which they are stored, by all who listen; storing several at a
//! time is left to the index. Knows cameras by name only, and nothing of plugins.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::roster::{Offered, Roster, Seat};
use super::{Event, Follower, Heard, Notice, hops};
use crate::base::clock::Clock;
use crate::base::kinds::KindsOf;
use crate::base::metrics::{self, Metrics};
use crate::base::{Error, Result, Timestamp, limits};
use crate::store::{self, ClosedSegment, Mark, Records};

/// Who says an event.
#[derive(Clone, Copy, Debug)]
pub struct Publish<'a> {
    /// A plugin's configured name, `camera`, `api` or `host`.
    pub origin: &'a str,
    /// The camera that the event is about.
    pub camera: &'a str,
}

/// Carries events from who says them to who hears them. Cheap to clone.
#[derive(Clone)]
pub struct Bus {
    store: Arc<dyn Records>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    roster: Arc<Roster>,
    /// Events on their way to the index: so many, and who says more waits.
    entering: Arc<Semaphore>,
    /// Ends when the event said last has been heard: the next one waits for that, so that all hear
    /// events in the order of their sequence.
    last: Arc<Mutex<Option<oneshot::Receiver<()>>>>,
    /// To the task that says the host's own events.
    host_events: mpsc::Sender<(String, Event)>,
    /// The sequence of the event that was stored last; 0 before there is one.
    newest: watch::Sender<u64>,
}

/// A judge that had no room, and what ends when it has taken the event.
type Late = (String, futures::future::BoxFuture<'static, ()>);

impl Bus {
    /// A bus without cameras and listeners, and the queue of the host's own events, to be handed to
    /// [`run_host_events`].
    pub fn new(
        store: Arc<dyn Records>,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
    ) -> (Self, mpsc::Receiver<(String, Event)>) {
        let (host_events, queue) = mpsc::channel(limits::EVENT_QUEUE);
        let (roster, last) = Default::default();
        let entering = Arc::new(Semaphore::new(limits::EVENT_QUEUE));
        let newest = watch::channel(0).0;
        (Self { store, clock, metrics, roster, entering, last, host_events, newest }, queue)
    }

    /// Makes a camera known: events can be about it.
    pub fn add_camera(&self, camera: &str) {
        self.roster.add_camera(camera);
    }

    /// Events can no longer be about this camera.
    pub fn remove_camera(&self, camera: &str) {
        self.roster.remove_camera(camera);
    }

    /// Gives the policy `name` of `camera` all that is said of it from now on, and of other cameras
    /// what it `hears` but for what their policies say: a judgement is its own camera's. When the
    /// queue is full, who says events waits. To leave, drop the queue.
    pub fn listen(&self, camera: &str, name: &str, hears: &[KindsOf]) -> mpsc::Receiver<Heard> {
        self.roster.judge(name, camera, hears)
    }

    /// The policies of `camera` hear these of other cameras from now on. What they have not taken yet
    /// of others stays in their queues.
    pub fn hear(&self, camera: &str, hears: &[KindsOf]) {
        self.roster.rehear(camera, hears);
    }

    /// Gives the analyzer or source `name` what those it comes `after` say of these cameras from
    /// now on. When its queue is full it misses events. To leave, drop the queue.
    pub fn follow(&self, cameras: &[&str], name: &str, after: &[KindsOf]) -> Follower {
        self.roster.follower(name, cameras, after)
    }

    /// The sequence of the event that was stored last, from now on: who wants to know more reads the
    /// index. 0 before there is one.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    fn is_stored(newest: &watch::Sender<u64>, sequence: u64) {
        newest.send_if_modified(|newest| {
            let is_newer = sequence > *newest;
            *newest = sequence.max(*newest);
            is_newer
        });
    }

    /// Stores an event and gives it to those who listen; waits for room in the queues of judges.
    ///
    /// # Errors
    /// `Refuse` for an unknown camera or a time too far ahead (stored as refused), `Retry` when
    /// the index does not take it: nobody hears an event that is not stored.
    pub async fn publish(&self, by: Publish<'_>, event: Event) -> Result<Notice> {
        let (notice, late) = self.say(by, event).await?;
        join_all(late.into_iter().map(|(_, taken)| taken)).await;
        Ok(notice)
    }

    /// As [`publish`](Self::publish), for who must not depend on a judge, and for judges: two that
    /// wait for each other must not do so for ever. Waits at most `wait`.
    ///
    /// # Errors
    /// As [`publish`](Self::publish), and `Retry` when a judge has not heard what is stored.
    pub async fn publish_among(
        &self,
        by: Publish<'_>,
        event: Event,
        wait: Duration,
    ) -> Result<Notice> {
        let (notice, late) = self.say(by, event).await?;
        let names: Vec<String> = late.iter().map(|(name, _)| name.clone()).collect();
        let taken = join_all(late.into_iter().map(|(_, taken)| taken));
        if tokio::time::timeout(wait, taken).await.is_err() {
            let (names, camera) = (names.join(", "), by.camera);
            let deaf = format!("too busy to hear an event of camera {camera}: policy {names}");
            return Err(Error::retry(deaf));
        }
        Ok(notice)
    }

    /// Waits until the judges of these cameras have room for an event each time one is named, for at
    /// most `wait`: who says them then is not told to say them again after some were stored.
    ///
    /// # Errors
    /// `Refuse` for an unknown camera, `Retry` when a judge has no room in time.
    pub async fn room(&self, origin: &str, cameras: &[&str], wait: Duration) -> Result<()> {
        let mut events = BTreeMap::<&str, usize>::new();
        cameras.iter().for_each(|camera| *events.entry(camera).or_default() += 1);
        let mut judges = Vec::new();
        for (&camera, &count) in &events {
            let seats = self.seats(Publish { origin, camera })?;
            let others = |seat: &&Arc<Seat>| seat.is_judge() && seat.ear.name != origin;
            judges.extend(seats.iter().filter(others).map(|seat| (seat.clone(), count)));
        }
        // One that is gone has ended with its camera. No queue has room for more than it holds.
        let room = judges.iter().map(async |(seat, count)| {
            let queue = &seat.ear.queue;
            drop(queue.reserve_many((*count).min(queue.max_capacity())).await);
        });
        if tokio::time::timeout(wait, join_all(room)).await.is_err() {
            let cameras = events.into_keys().collect::<Vec<_>>().join(", ");
            let busy = format!("a policy of camera {cameras} is too busy: try again later");
            return Err(Error::retry(busy));
        }
        Ok(())
    }

    /// Whether an event lies too far ahead to be taken now.
    pub fn is_ahead(&self, event: &Event) -> bool {
        is_ahead(event, self.clock.wall())
    }

    /// Offers a notice as it was once stored: nothing is stored again. Waits for room in the queues
    /// of judges.
    ///
    /// # Errors
    /// `Refuse` for an unknown camera.
    pub async fn repeat(&self, notice: &Notice) -> Result<()> {
        let by = Publish { origin: &notice.origin, camera: &notice.camera };
        let seats = self.seats(by)?;
        let late = self.offer(by, notice, &seats).await;
        join_all(late.into_iter().map(|(_, taken)| taken)).await;
        Ok(())
    }

    /// Stores an event and offers it to those who listen, each in its turn; gives the judges that
    /// had no room.
    async fn say(&self, by: Publish<'_>, event: Event) -> Result<(Notice, Vec<Late>)> {
        self.seats(by)?;
        let _room = self.entering.acquire().await.expect("it is never closed");
        let (heard, next) = oneshot::channel::<()>();
        let (entering, before) = {
            let mut last = self.last.lock().expect("no panic under this lock");
            (self.enter(by, event), last.replace(next))
        };
        let entered = entering.await;
        if let Some(before) = before {
            // Who was before this one may have given up.
            let _ = before.await;
        }
        let notice = entered?;
        // Asked now: who has joined meanwhile hears it, who has left does not hold it up.
        let seats = self.roster.of(by.camera).unwrap_or_default();
        let late = self.offer(by, &notice, &seats).await;
        drop(heard);
        Ok((notice, late))
    }

    async fn offer(&self, by: Publish<'_>, notice: &Notice, seats: &[Arc<Seat>]) -> Vec<Late> {
        if hops::of(&notice.event) > limits::HOPS_MAX {
            tracing::warn!(
                camera = by.camera,
                plugin = by.origin,
                event = notice.event.id,
                "an event came through more than {} plugins, so nobody hears it: is one of them                  told of its own effects?",
                limits::HOPS_MAX
            );
            return Vec::new();
        }
        let judged = seats.iter().any(|seat| seat.is_judge() && seat.ear.name == by.origin);
        let mut late = Vec::new();
        for seat in seats.iter().filter(|seat| seat.hears(notice, judged)) {
            match seat.ear.offer(notice).await {
                Offered::Taken => {}
                Offered::Missed => self.missed(&notice.camera),
                Offered::Late(taken) => late.push((seat.ear.name.clone(), taken)),
            }
        }
        late
    }

    fn missed(&self, camera: &str) {
        let edge = metrics::Edge { camera: camera.into(), edge: "listen" };
        self.metrics.drops.get_or_create(&edge).inc();
    }

    fn seats(&self, by: Publish<'_>) -> Result<Arc<[Arc<Seat>]>> {
        self.roster.of(by.camera).map_err(|known| {
            Error::refuse(format!(
                "{}: no camera `{}` is configured; known: {}",
                by.origin,
                by.camera,
                known.join(", ")
            ))
        })
    }

    /// An event on its way to the index when this returns, in the order of these calls. Gives the
    /// notice of it once it is stored, unless it is refused.
    fn enter<'a>(
        &self,
        by: Publish<'a>,
        mut event: Event,
    ) -> impl Future<Output = Result<Notice>> + Send + use<'a> {
        if event.cameras.is_empty() {
            event.cameras.push(by.camera.into());
        }
        let received = self.clock.wall();
        let refused = is_ahead(&event, received).then(|| {
            format!(
                "{}: event `{}` lies {} s ahead of camera {}: check the sender's clock",
                by.origin,
                event.kind,
                event.time.since(received).as_secs(),
                by.camera
            )
        });
        let stored = self.store(by, &event, received, refused.as_deref());
        let newest = self.newest.clone();
        async move {
            let sequence = stored.await?;
            Self::is_stored(&newest, sequence);
            if let Some(reason) = refused {
                return Err(Error::refuse(reason));
            }
            let (camera, origin) = (by.camera.into(), by.origin.into());
            Ok(Notice { event, camera, origin, received, sequence })
        }
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
        if let Some(sequence) = said {
            self.metrics.events.get_or_create(&labels).inc();
            Self::is_stored(&self.newest, sequence);
        }
        Ok(said)
    }

    /// Tells the camera's policies of a segment, without waiting: one that does not hear of it is
    /// asked about it with the next.
    pub fn closed(&self, segment: &ClosedSegment) {
        let seats = self.roster.of(&segment.camera).unwrap_or_default();
        for seat in seats.iter().filter(|seat| seat.is_judge()) {
            if seat.ear.queue.try_send(Heard::Closed).is_err() {
                tracing::debug!(
                    camera = segment.camera,
                    policy = seat.ear.name,
                    sequence = segment.sequence,
                    "policy is too busy to judge a segment: asked with the next"
                );
            }
        }
    }

    fn store(
        &self,
        by: Publish<'_>,
        event: &Event,
        received: Timestamp,
        refused: Option<&str>,
    ) -> impl Future<Output = Result<u64>> + Send + use<> {
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
        self.store.enter(row)
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

/// Whether an event lies too far ahead of what its receiver's clock shows.
fn is_ahead(event: &Event, now: Timestamp) -> bool {
    event.time > now + limits::EVENT_LEAD
}
