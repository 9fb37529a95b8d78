//! What is in a store, for people and programs: reads beside a running host, changes nothing.
//!
//! Gives recordings (stretches of continuous video, and spans), segments, gaps and events.

use std::path::{Path, PathBuf};

use serde::Serialize;
use utoipa::ToSchema;

use super::edges::{Edges, Piece, edge_pieces, edges};
pub use super::facts::SpanFacts;
use super::fs::{Disk, Fs};
use super::holds::Until;
use super::index::events::{self, EventFilter, StoredEvent};
use super::index::map::Entry;
use super::index::read::{self, StoredGap};
use super::index::row::{Flags, Segment, State};
use super::index::spans::{self, Stored, moment};
use super::index::{self, Connection, failed, pins};
use super::merge::{self, Stretch};
use super::{layout, recover};
use crate::base::{Result, Timestamp};
use crate::policy::Span;

/// Which recordings to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this camera only.
    pub camera: Option<String>,
    /// With video at or after this.
    pub since: Option<Timestamp>,
    /// With video before this.
    pub until: Option<Timestamp>,
}

/// Why a recording exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RecordingKind {
    /// Continuous video.
    Cvr,
    /// A span that something asked for.
    Evr,
    /// A stretch that a person pinned.
    Pin,
}

/// How much of a recording there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RecordingState {
    /// It may still grow.
    Open,
    /// All of it.
    Closed,
    /// Some of what was asked for is missing.
    Partial,
    /// None of it.
    Missing,
}

/// One reason to keep a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Hold {
    /// `continuous`, `fail-open`, `span` or `pinned`.
    pub what: &'static str,
    /// When it ends; for a stretch of several segments, the last of them.
    #[schema(value_type = Option<Timestamp>)]
    pub until: Until,
}

/// A stretch of continuous video, or a span.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Recording {
    /// Why it exists.
    pub kind: RecordingKind,
    /// The camera.
    pub camera: String,
    /// Where it begins; of a span, as asked.
    pub start: Timestamp,
    /// Where it ends; of a span, as asked.
    pub end: Timestamp,
    /// Where its video begins: the key frame at or before `start`.
    pub true_start: Option<Timestamp>,
    /// Where its video ends.
    pub true_end: Option<Timestamp>,
    /// Size of the segments that it lies in.
    pub bytes: u64,
    /// How many they are.
    pub segments: usize,
    /// The directories of the stores in which they lie.
    #[schema(value_type = Vec<String>)]
    pub stores: Vec<PathBuf>,
    /// What keeps it.
    pub holds: Vec<Hold>,
    /// How much of it there is.
    pub state: RecordingState,
    /// Packets were lost somewhere in it.
    pub damaged: bool,
    /// Of a span or a pin: who asked, for what and why.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = super::facts::Perhaps)]
    pub span: Option<SpanFacts>,
}

/// One file.
#[derive(Clone, Debug, Serialize)]
pub struct StoredSegment {
    /// The camera.
    pub camera: String,
    /// Unique within the camera.
    pub sequence: u64,
    /// Counts steps of the host's clock.
    pub epoch: u32,
    /// Its first moment.
    pub start: Timestamp,
    /// The moment after its last.
    pub end: Timestamp,
    /// Its size.
    pub bytes: u64,
    /// How far it has come.
    pub state: State,
    /// The store of the configuration in which its file lies; `main` is the one with the index.
    pub store: String,
    /// Its file. It may move to another store, and is found by asking again then.
    pub path: PathBuf,
    /// Starts of its key frames' fragments.
    pub keys: Vec<Timestamp>,
}

/// A store, read only.
pub struct Reader {
    pub(super) root: PathBuf,
    pub(super) connection: Connection,
}

impl Reader {
    /// Opens the store at `root`, beside its host or without one.
    ///
    /// # Errors
    /// Refuses what is not a store, or one of another version.
    pub fn open(root: &Path) -> Result<Self> {
        let connection = index::open_read_only(&layout::index(root))?;
        Ok(Self { root: root.to_owned(), connection })
    }

    /// Recordings by camera and start: stretches of continuous video, and spans.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn recordings(&self, filter: &Filter) -> Result<Vec<Recording>> {
        let mut all = Vec::new();
        self.each(filter, |camera, since, until| {
            let segments = self.segments_of(camera, since, until)?;
            let gaps = self.gaps_of(camera, since, until)?;
            let stretches = merge::stretches(&segments, &gaps);
            let pins = pins::touching(&self.connection, camera.id, since, until)
                .map_err(failed("list pins"))?;
            let first = all.len();
            for stretch in stretches {
                let stores = self.roots_of(stretch.segments.iter().map(|found| &found.segment))?;
                all.push(Recording { stores, ..continuous(camera, stretch) });
            }
            let spans = spans::touching(&self.connection, camera.id, since, until)
                .map_err(failed("list spans"))?;
            for stored in spans {
                let Stored { span, .. } = stored;
                let hold = super::holds::Span { start: span.start, end: span.end, keep: span.keep };
                let until = hold.until(camera.keep);
                all.push(self.asked(camera, span, Hold { what: "span", until })?);
            }
            let pinned = Hold { what: "pinned", until: Until::Forever };
            for one in &mut all[first..] {
                if pins.iter().any(|pin| pin.start < one.end && one.start < pin.end) {
                    one.holds.push(pinned.clone());
                }
            }
            for pin in pins {
                let span = pin.into_span();
                let mut one = self.asked(camera, span, pinned.clone())?;
                one.kind = RecordingKind::Pin;
                all.push(one);
            }
            Ok(())
        })?;
        all.sort_by(|a, b| (&a.camera, a.start, a.kind).cmp(&(&b.camera, b.start, b.kind)));
        Ok(all)
    }

    /// Files by camera, epoch and sequence.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn segments(&self, filter: &Filter) -> Result<Vec<StoredSegment>> {
        let mut all = Vec::new();
        self.each(filter, |camera, since, until| {
            for mut found in self.segments_of(camera, since, until)? {
                self.add_keys(&mut found)?;
                let segment = found.segment;
                let place = self.place(&segment)?;
                all.push(StoredSegment {
                    path: place.segment(&segment),
                    store: place.name,
                    camera: segment.camera,
                    sequence: segment.sequence,
                    epoch: segment.epoch,
                    start: segment.start,
                    end: segment.end,
                    bytes: segment.bytes,
                    state: segment.state,
                    keys: found.keys,
                });
            }
            Ok(())
        })?;
        Ok(all)
    }

    /// Gaps by camera and start.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn gaps(&self, filter: &Filter) -> Result<Vec<StoredGap>> {
        let mut all = Vec::new();
        self.each(filter, |camera, since, until| {
            all.extend(self.gaps_of(camera, since, until)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// Events in order of receipt.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn events(&self, filter: &EventFilter) -> Result<Vec<StoredEvent>> {
        events::read(&self.connection, filter).map_err(failed("list events"))
    }

    fn each(
        &self,
        filter: &Filter,
        mut visit: impl FnMut(&read::Camera, Timestamp, Timestamp) -> Result<()>,
    ) -> Result<()> {
        let since = filter.since.unwrap_or(Timestamp::ZERO);
        let until = filter.until.unwrap_or(Timestamp::MAX);
        let cameras = read::cameras(&self.connection).map_err(failed("list cameras"))?;
        let wanted = |name: &str| filter.camera.as_deref().is_none_or(|camera| camera == name);
        cameras
            .iter()
            .filter(|camera| wanted(&camera.name))
            .try_for_each(|camera| visit(camera, since, until))
    }

    fn gaps_of(
        &self,
        camera: &read::Camera,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<StoredGap>> {
        read::gaps(&self.connection, camera.id, since, until).map_err(failed("list gaps"))
    }

    fn segments_of(
        &self,
        camera: &read::Camera,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Found>> {
        let c = &self.connection;
        let closed = read::closed(c, camera.id, since, until).map_err(failed("list segments"))?;
        let without = |segment| Found { segment, keys: Vec::new() };
        let mut found: Vec<_> = closed.into_iter().map(without).collect();
        let open = read::open(c, camera.id).map_err(failed("list open segments"))?;
        let grown = open.into_iter().filter_map(|segment| self.look(segment));
        found
            .extend(grown.filter(|found| found.segment.start < until && found.segment.end > since));
        found.sort_by_key(|found| (found.segment.epoch, found.segment.sequence));
        Ok(found)
    }

    /// Adds the key frames of a closed segment.
    fn add_keys(&self, found: &mut Found) -> Result<()> {
        if found.segment.state == State::Closed {
            let map = read::fragments(&self.connection, found.segment.id)
                .map_err(failed("read a fragment map"))?;
            found.keys = keys(found.segment.start, &map);
        }
        Ok(())
    }

    /// What an open file holds so far. The index does not know: it is not told of fragments.
    fn look(&self, mut segment: Segment) -> Option<Found> {
        let path = self.place(&segment).ok()?.segment(&segment);
        // It may be gone, or have been closed, since the row was read.
        let mut file = Disk.open(&path).ok()?;
        let scan = crate::record::scan(&mut file).ok()?;
        let state = recover::closing(&segment, &scan, scan.good_bytes, segment.start);
        let keys = keys(segment.start, &state.fragments);
        (segment.end, segment.bytes) = (state.end, state.bytes);
        (segment.end > segment.start).then_some(Found { segment, keys })
    }

    /// What there is of a stretch that was asked for.
    fn asked(&self, camera: &read::Camera, span: Span, hold: Hold) -> Result<Recording> {
        let mut under = self.segments_of(camera, span.start, span.end)?;
        under.sort_by_key(|found| found.segment.start);
        let piece = |found: &Found| Piece {
            start: found.segment.start,
            end: found.segment.end,
            keys: found.keys.clone(),
        };
        let mut pieces: Vec<Piece> = under.iter().map(piece).collect();
        for at in edge_pieces(&pieces).into_iter().flatten() {
            self.add_keys(&mut under[at])?;
            pieces[at] = piece(&under[at]);
        }
        let found = edges(span.start, span.end, &pieces);
        let growing = under.iter().any(|found| found.segment.state != State::Closed);
        // A key frame at or after its end has come: what the open file still gets is not its own.
        let is_past = |found: &Found| found.keys.iter().any(|key| *key >= span.end);
        let growing = growing && !under.iter().any(is_past);
        let state = match found {
            None => RecordingState::Missing,
            Some(_) if growing => RecordingState::Open,
            Some(Edges { truncated: true, .. }) => RecordingState::Partial,
            Some(_) => RecordingState::Closed,
        };
        Ok(Recording {
            kind: RecordingKind::Evr,
            camera: span.camera,
            start: span.start,
            end: span.end,
            true_start: found.map(|edges| edges.start),
            true_end: found.map(|edges| edges.end),
            bytes: under.iter().map(|found| found.segment.bytes).sum(),
            segments: under.len(),
            stores: self.roots_of(under.iter().map(|found| &found.segment))?,
            holds: vec![hold],
            state,
            damaged: under.iter().any(|found| found.segment.flags.has(Flags::DAMAGED)),
            span: Some(SpanFacts {
                id: span.id,
                policy: span.policy,
                label: span.label,
                because: span.because,
                correlation: span.correlation,
            }),
        })
    }
}

fn keys(start: Timestamp, map: &[Entry]) -> Vec<Timestamp> {
    let keys = map.iter().filter(|entry| entry.key);
    keys.map(|entry| moment(start, entry.start_ticks)).collect()
}

/// A segment, and where its key frames are if that was asked for.
pub(super) struct Found {
    pub(super) segment: Segment,
    pub(super) keys: Vec<Timestamp>,
}

fn continuous(camera: &read::Camera, stretch: Stretch<'_>) -> Recording {
    let segments = || stretch.segments.iter().map(|found| &found.segment);
    let until = |segment: &Segment| segment.holds().continuous_until(camera.keep);
    let hold = |what, fail_open| {
        let these = segments().filter(|segment| segment.flags.has(Flags::FAIL_OPEN) == fail_open);
        these.map(until).max().map(|until| Hold { what, until })
    };
    let open = segments().any(|segment| segment.state != State::Closed);
    Recording {
        kind: RecordingKind::Cvr,
        camera: camera.name.clone(),
        start: stretch.start,
        end: stretch.end,
        true_start: Some(stretch.start),
        true_end: Some(stretch.end),
        bytes: segments().map(|segment| segment.bytes).sum(),
        segments: stretch.segments.len(),
        stores: Vec::new(),
        holds: [hold("continuous", false), hold("fail-open", true)].into_iter().flatten().collect(),
        state: if open { RecordingState::Open } else { RecordingState::Closed },
        damaged: segments().any(|segment| segment.flags.has(Flags::DAMAGED)),
        span: None,
    }
}
