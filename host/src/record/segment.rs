//! What record hands to the disk, and the door it hands it through.
//!
//! Knows no file and no index: `store` implements [`Sink`], tests do too.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::Timestamp;
use crate::ingest::{GapReason, VideoParameters};

/// A new file begins.
#[derive(Clone, Debug)]
pub struct SegmentStart {
    /// Unique and increasing within the camera, for ever.
    pub sequence: u64,
    /// UTC of decode time 0: the smallest presentation time in the file, less at most 16 ticks
    /// where another picture is decoded first.
    pub start: Timestamp,
    /// Counts steps of the host's clock.
    pub epoch: u32,
    /// Parameters of all video in it.
    pub video: Arc<VideoParameters>,
    /// The `codecs` parameter of its audio (RFC 6381), where it has audio.
    pub audio: Option<String>,
    /// It begins with pictures that may not decode after a start here.
    pub leading: bool,
    /// It begins without a key frame, after a forced cut.
    pub no_key_start: bool,
    /// Kept as continuous video. Otherwise only spans hold it.
    pub continuous: bool,
    /// Kept because a plugin was down (fail-open).
    pub fail_open: bool,
    /// `ftyp` and `moov`.
    pub header: Bytes,
}

/// A whole fragment: `moof` and `mdat` with what belongs to them, written at once.
#[derive(Clone, Debug)]
pub struct Fragment {
    /// The boxes.
    pub data: Bytes,
    /// Decode time of its first video sample, in ticks of 90 kHz from the file's start.
    pub start_ticks: i64,
    /// UTC of the end of its last video sample.
    pub end: Timestamp,
    /// Video samples in it.
    pub samples: u32,
    /// Its first video sample is a key frame.
    pub key: bool,
    /// Packets were lost in it.
    pub damaged: bool,
}

/// A file ends.
#[derive(Clone, Debug)]
pub struct SegmentEnd {
    /// UTC of the end of its last video sample.
    pub end: Timestamp,
    /// `mfra`.
    pub trailer: Bytes,
}

/// Video is missing from here on, until the next segment.
#[derive(Clone, Debug)]
pub struct GapMark {
    /// UTC of the end of the last recorded unit.
    pub start: Timestamp,
    /// UTC of the first unit after it; `None` while it lasts.
    pub end: Option<Timestamp>,
    /// Why.
    pub reason: GapReason,
    /// For people.
    pub detail: String,
}

/// The disk's queue is full, or the disk refused: nothing of the call was taken. The recorder
/// drops what follows up to the next key frame, marks a gap and opens a new segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// One camera's way to the disk. Calls return at once; what they hand over is written in order.
pub trait Sink: Send {
    /// Begins a file. The one before may still be open, for late audio.
    fn open(&mut self, start: SegmentStart) -> Result<(), Full>;
    /// Adds to an open file. A file whose write failed is closed by the store at its last good
    /// state; it answers [`Full`] from then on.
    fn append(&mut self, sequence: u64, fragment: Fragment) -> Result<(), Full>;
    /// Ends a file. Always taken.
    fn close(&mut self, sequence: u64, end: SegmentEnd);
    /// Says that video is missing. Called again with `end` when it is over. Always taken.
    fn gap(&mut self, gap: GapMark);
}

impl<T: Sink + ?Sized> Sink for Box<T> {
    fn open(&mut self, start: SegmentStart) -> Result<(), Full> {
        (**self).open(start)
    }

    fn append(&mut self, sequence: u64, fragment: Fragment) -> Result<(), Full> {
        (**self).append(sequence, fragment)
    }

    fn close(&mut self, sequence: u64, end: SegmentEnd) {
        (**self).close(sequence, end);
    }

    fn gap(&mut self, gap: GapMark) {
        (**self).gap(gap);
    }
}
