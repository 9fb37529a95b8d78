//! The newest seconds of a stream as HLS (RFC 8216), for players that have nothing else: Safari on
//! older phones, VLC, ffmpeg.
//!
//! Segments are made of the same pieces. They end at key frames, and where those are far apart in
//! between. Plain HLS: such a player is three segments behind, the page is not made for it.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;

use super::Stream;
use super::run::Run;
use crate::base::Timestamp;
use crate::ingest::packet::VIDEO_TICKS;
use crate::record::live::Piece;
use crate::record::ticks_to_micros;

/// A segment is at least so long, where key frames come more often.
const SEGMENT_TICKS_MIN: i64 = VIDEO_TICKS;

/// A segment is at most so long, where they do not.
const SEGMENT_SECONDS_MAX: i64 = 6;

/// Segments in a playlist, and of those that are no longer in it but may still be fetched.
const LISTED: usize = 6;
const UNLISTED: usize = 3;

/// Bytes of all of them. Beyond that the oldest go, but for the three that a player needs.
const BYTES_MAX: usize = 48 << 20;

/// A stretch of a run.
struct Segment {
    number: u64,
    run: Arc<Run>,
    /// It does not continue the one before it.
    anew: bool,
    /// How many before it did not.
    breaks: u64,
    /// UTC of its first picture.
    time: Timestamp,
    start_ticks: i64,
    end_ticks: i64,
    bytes: usize,
    pieces: Vec<Bytes>,
}

impl Segment {
    fn ticks(&self) -> i64 {
        self.end_ticks.saturating_sub(self.start_ticks)
    }
}

/// Segments of a stream.
pub(super) struct Shelf {
    whole: VecDeque<Segment>,
    growing: Option<Segment>,
    run: Option<Arc<Run>>,
    next: u64,
    /// What the first playlist says is said by all. In seconds.
    target: Option<i64>,
}

impl Shelf {
    /// Begins with what there is of a run.
    pub(super) fn new(first: u64, run: Option<&Arc<Run>>) -> Self {
        let mut shelf =
            Self { whole: VecDeque::new(), growing: None, run: None, next: first, target: None };
        if let Some(run) = run {
            shelf.begin(run);
            run.newest_group().iter().for_each(|piece| shelf.push(piece));
        }
        shelf
    }

    /// A run begins.
    pub(super) fn begin(&mut self, run: &Arc<Run>) {
        self.end();
        self.run = Some(run.clone());
    }

    /// The run is over.
    pub(super) fn end(&mut self) {
        self.complete();
        self.run = None;
    }

    /// The next piece of the run.
    pub(super) fn push(&mut self, piece: &Piece) {
        let Some(run) = self.run.clone() else { return };
        let end_ticks = piece.start_ticks.saturating_add(piece.duration_ticks.into());
        if let Some(growing) = &self.growing {
            // A length counts as rounded to the nearest second (RFC 8216, 4.3.3.1).
            let most =
                self.target.unwrap_or(SEGMENT_SECONDS_MAX) * VIDEO_TICKS + VIDEO_TICKS / 2 - 1;
            let longer = end_ticks.saturating_sub(growing.start_ticks);
            if (piece.key && growing.ticks() >= SEGMENT_TICKS_MIN) || longer > most {
                self.complete();
            }
        }
        let first = || {
            let last = self.whole.back();
            let anew = last.is_some_and(|last| !Arc::ptr_eq(&last.run, &run));
            let breaks = last.map_or(0, |last| last.breaks + u64::from(last.anew));
            let time = piece.zero.offset(ticks_to_micros(piece.shown_ticks));
            let (start_ticks, number) = (piece.start_ticks, self.next);
            let (run, pieces, bytes) = (run.clone(), Vec::new(), 0);
            Segment { number, run, anew, breaks, time, start_ticks, end_ticks, bytes, pieces }
        };
        let mut growing = self.growing.take().unwrap_or_else(first);
        growing.end_ticks = end_ticks;
        growing.bytes += piece.data.len();
        growing.pieces.push(piece.data.clone());
        self.growing = Some(growing);
    }

    fn complete(&mut self) {
        let Some(segment) = self.growing.take() else { return };
        self.next += 1;
        self.whole.push_back(segment);
        let bytes = |whole: &VecDeque<Segment>| whole.iter().map(|one| one.bytes).sum::<usize>();
        while self.whole.len() > LISTED + UNLISTED
            || (self.whole.len() > 3 && bytes(&self.whole) > BYTES_MAX)
        {
            self.whole.pop_front();
        }
    }

    /// The playlist; `None`: no segment is whole yet.
    pub(super) fn playlist(&mut self, stream: Stream) -> Option<String> {
        let listed = || self.whole.iter().skip(self.whole.len().saturating_sub(LISTED));
        let (first, breaks) = listed().next().map(|first| (first.number, first.breaks))?;
        let longest = listed().map(Segment::ticks).max()?;
        let rounded = longest.saturating_add(VIDEO_TICKS / 2) / VIDEO_TICKS;
        let target = *self.target.get_or_insert(rounded.clamp(1, SEGMENT_SECONDS_MAX));
        let mut text = format!(
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target}\n\
             #EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-DISCONTINUITY-SEQUENCE:{breaks}\n"
        );
        let (stream, mut run) = (stream.as_str(), None);
        for segment in listed() {
            if segment.anew {
                text.push_str("#EXT-X-DISCONTINUITY\n");
            }
            let number = segment.run.number;
            if run.replace(number) != Some(number) {
                writeln!(text, "#EXT-X-MAP:URI=\"live/{stream}/{number}/init.mp4\"").ok()?;
            }
            let seconds = segment.ticks() as f64 / VIDEO_TICKS as f64;
            let time = Timestamp::from_millis(segment.time.millis());
            writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{time}\n#EXTINF:{seconds:.5},").ok()?;
            writeln!(text, "live/{stream}/{number}/{}.m4s", segment.number).ok()?;
        }
        Some(text)
    }

    /// The head of a run.
    pub(super) fn head(&self, run: u64) -> Option<Bytes> {
        let runs = self.whole.iter().map(|segment| &segment.run).chain(&self.run);
        runs.into_iter().find(|known| known.number == run).map(|known| known.head.data.clone())
    }

    /// The pieces of a segment.
    pub(super) fn segment(&self, number: u64) -> Option<Vec<Bytes>> {
        let found = self.whole.iter().find(|segment| segment.number == number);
        found.map(|segment| segment.pieces.clone())
    }
}
