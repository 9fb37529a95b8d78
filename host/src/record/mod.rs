//! Packet + Span -> Segment: pre-roll, cutting, fragments, MP4.
//!
//! Synchronous and pure: time comes as an argument, what is to be written goes to a [`Sink`].
//! Knows no task, no file and no index. `FORMAT.md` describes what is written.

pub mod segment;
pub mod format;
pub mod scan;
mod mp4;

pub use format::Identity;
pub use scan::{FragmentInfo, Scan, scan, trailer};
pub use segment::{Fragment, Full, GapMark, SegmentEnd, SegmentStart, Sink};

use crate::ingest::packet::VIDEO_TICKS;

/// Ticks of 90 kHz as microseconds, rounded down.
pub(crate) fn ticks_to_micros(ticks: i64) -> i64 {
    // 90 ticks are 1000 microseconds; in two parts so that no valid time overflows.
    let per_milli = VIDEO_TICKS / 1000;
    ticks.div_euclid(per_milli).saturating_mul(1000)
        + ticks.rem_euclid(per_milli) * 1000 / per_milli
}
