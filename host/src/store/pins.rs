//! What people do with recordings: pin them for ever, let go of that, and delete.
//!
//! Takes wishes of a person, who may do what no policy may. Rows are in `index/pins.rs`, files go
//! on the sweep thread.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use utoipa::ToSchema;

use super::fs::{Fs, Lock};
use super::index::row::Segment;
use super::index::{Connection, failed, pins, spans};
use super::retain::age::Now;
use super::retain::sweep::Request;
use super::{FreeFloor, Guarded, Store, StoreConfig, Swept, layout};
use crate::base::clock::Clock;
use crate::base::limits::SPAN_SEAL;
use crate::base::metrics::Metrics;
use crate::base::{Error, Result, Timestamp};
use crate::policy::Span;

/// Files claimed at a time, so that events do not wait long behind it.
const CLAIM: usize = 256;

/// What a person names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// `[start, end)` of a camera's video.
    Range {
        /// The camera.
        camera: String,
        /// Inclusive.
        start: Timestamp,
        /// Exclusive, after `start`.
        end: Timestamp,
    },
    /// A span, or where pins are meant, a pin.
    Id(String),
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range { camera, start, end } => {
                write!(f, "camera {camera} from {start} to {end}")
            }
            Self::Id(id) => write!(f, "`{id}`"),
        }
    }
}

/// A stretch of video that a person wants kept for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pin {
    /// Eight hexadecimal digits.
    pub id: String,
    /// The camera.
    pub camera: String,
    /// Every file is kept that has video at or after this,
    pub start: Timestamp,
    /// and before this.
    pub end: Timestamp,
    /// For people: why.
    pub label: String,
    /// When it was made.
    pub made: Timestamp,
}

impl Pin {
    /// As a span, which it is but for who asked.
    pub(super) fn into_span(self) -> Span {
        Span {
            id: self.id,
            camera: self.camera,
            policy: "person".into(),
            start: self.start,
            end: self.end,
            keep: None,
            label: self.label,
            because: Vec::new(),
            correlation: None,
        }
    }
}

/// Why a file was not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It reaches beyond the range.
    Edge,
    /// It is pinned.
    Pinned,
    /// It is being written.
    Open,
    /// Something else keeps it.
    Held,
    /// It is being exported.
    Read,
}

/// Files that were not deleted for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Remained {
    /// The reason.
    pub why: Why,
    /// How many.
    pub segments: usize,
    /// Where the first of them begins.
    pub start: Timestamp,
    /// Where the last of them ends.
    pub end: Timestamp,
}

/// What a person's wish to delete came to, or would come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deletion {
    /// Files deleted.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
    /// What of the range is still there.
    pub remained: Vec<Remained>,
}

/// Whether a wish to delete is done, or only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Nothing is changed.
    Look,
    /// It is done.
    Do,
}

impl Store {
    /// Opens a store that has no host, for one wish of a person. `None`: a host has it. Deletes
    /// nothing by itself, and is no run of the host: the time away stays as it is.
    ///
    /// # Errors
    /// Refuses what is not a store; otherwise as [`Store::open`].
    pub fn visit(
        path: &std::path::Path,
        fs: Arc<dyn Fs>,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>> {
        let failed = |error: std::io::Error| {
            Error::refuse(format!("can't read store {}", path.display())).with(error)
        };
        if fs.length(&layout::index(path)).map_err(failed)?.is_none() {
            let shown = path.display();
            return Err(Error::refuse(format!("{shown} is no store: it has no index")));
        }
        if let Lock::Taken(_) = fs.lock(&layout::lock_file(path), "").map_err(failed)? {
            return Ok(None);
        }
        let config =
            StoreConfig { free_floor: FreeFloor::Bytes(0), visit: true, ..StoreConfig::new(path) };
        Self::open(config, fs, clock, Metrics::default()).map(|(store, _)| Some(store))
    }

    /// Keeps a stretch of video until it is unpinned. Of a span: as it was asked for, labelled as
    /// it is where no `label` is given. `None`: there is no such camera or span.
    ///
    /// # Errors
    /// Refuses a stretch without video; or when the index can't be written.
    pub async fn pin(&self, what: Named, label: Option<String>) -> Result<Option<Pin>> {
        let made = self.clock.wall();
        self.indexer
            .ask(move |c| {
                let failed = || failed("pin a recording");
                let (camera, start, end, known) = match &what {
                    Named::Range { camera, start, end } => {
                        (camera.clone(), *start, *end, String::new())
                    }
                    Named::Id(id) => match spans::find(c, id).map_err(failed())? {
                        Some(spans::Stored { span, .. }) => {
                            (span.camera, span.start, span.end, span.label)
                        }
                        None => return Ok(None),
                    },
                };
                let Some(number) = spans::camera_id(c, &camera).map_err(failed())? else {
                    return Ok(None);
                };
                let (segments, _) = pins::measure(c, number, start, end).map_err(failed())?;
                if segments == 0 {
                    return Err(Error::refuse(format!(
                        "camera {camera} has no video from {start} to {end}: nothing to pin"
                    )));
                }
                let label = label.unwrap_or(known);
                let pin = Pin { id: new_id(), camera, start, end, label, made };
                pins::put(c, &pin).map_err(failed())?;
                Ok(Some(pin))
            })
            .await
    }

    /// Removes one pin by its id, or all that lie within a range. Gives them; none: there is no
    /// such pin.
    ///
    /// # Errors
    /// Refuses a range beyond which a pin reaches; or when the index can't be written.
    pub async fn unpin(&self, what: Named) -> Result<Vec<Pin>> {
        self.indexer
            .ask(move |c| {
                let failed = || failed("unpin a recording");
                let found = match &what {
                    Named::Id(id) => Vec::from_iter(pins::find(c, id).map_err(failed())?),
                    Named::Range { camera, start, end } => {
                        match spans::camera_id(c, camera).map_err(failed())? {
                            Some(id) => within(c, id, *start, *end)?,
                            None => Vec::new(),
                        }
                    }
                };
                found.iter().try_for_each(|pin| pins::remove(c, pin)).map_err(failed())?;
                Ok(found)
            })
            .await
    }

    /// Deletes what a person names: of a range whole files, whatever holds them but pins; of a span
    /// the span, and what nothing else keeps. `None`: there is no such camera or span.
    ///
    /// # Errors
    /// Refuses a span that is not sealed yet; or when a file can't be deleted, or the index can't
    /// be written.
    pub async fn delete(&self, what: Named, extent: Extent) -> Result<Option<Deletion>> {
        let now = self.age.read();
        let since = now.guarded - self.config.event_keep;
        let planned = self
            .indexer
            .ask(move |c| match extent {
                Extent::Look => in_vain(c, || plan(c, &what, now, since)),
                Extent::Do => plan(c, &what, now, since),
            })
            .await?;
        let Some((go, mut deletion)) = planned else { return Ok(None) };
        if extent == Extent::Do {
            (deletion.segments, deletion.bytes) = (0, 0);
            for some in go.chunks(CLAIM) {
                let swept = self.delete_segments(some.to_vec()).await?;
                deletion.segments += swept.segments;
                deletion.bytes += swept.bytes;
            }
        }
        let read = go.len() - deletion.segments;
        if let (Some(first), Some(last), 1..) = (go.first(), go.last(), read) {
            let (start, end) = (first.start, last.end);
            deletion.remained.push(Remained { why: Why::Read, segments: read, start, end });
        }
        Ok(Some(deletion))
    }

    /// Says that the host's clock is right: what is old goes by it again. Gives what was guarded
    /// until then.
    ///
    /// # Errors
    /// When the index can't be written.
    pub async fn confirm_time(&self) -> Result<Option<Guarded>> {
        let (sender, receiver) = oneshot::channel();
        let ended = || Error::retry("the store has been shut down");
        self.requests.post(Request::Confirm(sender)).map_err(|_| ended())?;
        receiver.await.map_err(|_| ended())?
    }

    async fn delete_segments(&self, segments: Vec<Segment>) -> Result<Swept> {
        let (sender, receiver) = oneshot::channel();
        let ended = || Error::retry("the store has been shut down");
        self.requests.post(Request::Delete(segments, sender)).map_err(|_| ended())?;
        receiver.await.map_err(|_| ended())?
    }
}

type Plan = Option<(Vec<Segment>, Deletion)>;

fn plan(c: &Connection, what: &Named, now: Now, since: Timestamp) -> Result<Plan> {
    let failed = || failed("delete recordings");
    match what {
        Named::Range { camera, start, end } => {
            let Some(id) = spans::camera_id(c, camera).map_err(failed())? else { return Ok(None) };
            pins::in_range(c, id, *start, *end).map(Some).map_err(failed())
        }
        Named::Id(id) => {
            let Some(stored) = spans::find(c, id).map_err(failed())? else { return Ok(None) };
            let sealed = stored.span.end + SPAN_SEAL;
            if now.wall <= sealed {
                return Err(Error::refuse(format!(
                    "span {id} may still grow until {sealed}: delete it after that"
                )));
            }
            pins::without_span(c, &stored, now.guarded, since).map(Some).map_err(failed())
        }
    }
}

/// Does `work` and undoes it.
fn in_vain<T>(c: &Connection, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let step = |sql: &str| c.execute_batch(sql).map_err(failed("look at recordings"));
    step("SAVEPOINT look")?;
    let result = work();
    step("ROLLBACK TO look; RELEASE look")?;
    result
}

/// The pins of a range; refuses those that reach beyond it.
fn within(c: &Connection, camera: i64, start: Timestamp, end: Timestamp) -> Result<Vec<Pin>> {
    let found = pins::touching(c, camera, start, end).map_err(failed("find pins"))?;
    match found.iter().find(|pin| pin.start < start || pin.end > end) {
        None => Ok(found),
        Some(pin) => Err(Error::refuse(format!(
            "pin {} is from {} to {}, beyond that range: unpin it by its id",
            pin.id, pin.start, pin.end
        ))),
    }
}

/// Short enough to be typed. Of a hundred thousand pins, hardly two are the same.
fn new_id() -> String {
    let mut text = uuid::Uuid::new_v4().simple().to_string();
    text.truncate(8);
    text
}
