//! What the store lets others tell of it: news, and events with the marks that make them told
//! once.
//!
//! Must not know what becomes an event: `pipeline` does.

use tokio::sync::{broadcast, watch};

use super::index::told;
use super::index::{events, failed, read, spans};
use super::news::{News, Room, Told, UntoldSpan};
use super::{ClosedSegment, DeletedSegment, Guarded, NewEvent, Store, StoredGap};
use crate::base::{Result, Timestamp};

/// Spans read at a time; more wait for those to be told.
const UNTOLD_MAX: u32 = 4096;

/// That a step in the life of a span is told by an event.
#[derive(Clone, Debug)]
pub struct Mark {
    /// The span's id.
    pub span: String,
    /// What was told before.
    pub before: Told,
    /// What is told then.
    pub after: Told,
}

impl Store {
    /// Hears of each segment when it is complete and durable. A subscriber that lags finds the
    /// rest in the index.
    pub fn subscribe_closed(&self) -> broadcast::Receiver<ClosedSegment> {
        self.closed.subscribe()
    }

    /// Hears of each segment that is deleted.
    pub fn subscribe_deleted(&self) -> broadcast::Receiver<DeletedSegment> {
        self.deleted.subscribe()
    }

    /// Hears what happens to the recordings. One that lags by more than a thousand news misses
    /// the oldest; [`gaps_since`](Self::gaps_since) and [`untold`](Self::untold) have the truth.
    pub fn subscribe(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// How much room is left, measured each second; `None` before the first time, and without a
    /// floor.
    pub fn room(&self) -> watch::Receiver<Option<Room>> {
        self.room.subscribe()
    }

    /// Whether age is guarded because the clock has jumped ahead, and changes of that.
    pub fn guarded(&self) -> watch::Receiver<Option<Guarded>> {
        self.age.subscribe()
    }

    /// The spans of which not all is told.
    ///
    /// # Errors
    /// When the index can't be read.
    pub async fn untold(&self) -> Result<Vec<UntoldSpan>> {
        let read = |c: &_| told::untold(c, UNTOLD_MAX).map_err(failed("read spans"));
        self.indexer.ask(read).await
    }

    /// Stores an event, if there is one, together with a mark. Durable when this returns. `None`:
    /// the span has changed meanwhile, and neither was stored.
    ///
    /// # Errors
    /// When the index can't be written.
    pub async fn tell(&self, event: Option<NewEvent>, mark: Option<Mark>) -> Result<Option<u64>> {
        let work = move |c: &_| match (mark, event) {
            (Some(mark), event) => {
                told::tell(c, &mark.span, mark.before, mark.after, event.as_ref())
            }
            (None, Some(event)) => events::insert(c, &event).map(Some),
            (None, None) => Ok(None),
        };
        self.indexer.ask(move |c| work(c).map_err(failed("store an event"))).await
    }

    /// The gaps of a camera that touch the time from `since` on.
    ///
    /// # Errors
    /// When the index can't be read.
    pub async fn gaps_since(&self, camera: &str, since: Timestamp) -> Result<Vec<StoredGap>> {
        let camera = camera.to_owned();
        let read = move |c: &_| match spans::camera_id(c, &camera)? {
            Some(id) => read::gaps(c, id, since, Timestamp::MAX),
            None => Ok(Vec::new()),
        };
        self.indexer.ask(move |c| read(c).map_err(failed("list gaps"))).await
    }
}
