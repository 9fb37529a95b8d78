//! Packet + Span -> Segment: pre-roll, cutting, fragments, MP4; and the same boxes for those who
//! look at what comes now (`live`).
//!
//! Synchronous and pure: time comes as an argument, what is to be written goes to a [`Sink`].
//! Knows no task, no file and no index. `FORMAT.md` describes what is written.

pub mod segment;
pub mod recorder;
mod route;
mod spans;
mod ring;
mod audio;
mod order;
mod samples;
mod file;
mod desk;
mod mp4;
pub mod format;
mod run;
pub mod scan;
pub mod salvage;
pub mod tables;
pub mod passage;
pub mod keys;
pub mod live;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

pub use format::Identity;
pub use mp4::movie;
pub use recorder::{Figures, Mode, Recorder, RecorderConfig};
pub use salvage::salvage;
pub use scan::{FragmentInfo, Scan, scan, trailer};
pub use segment::{Fragment, Full, GapMark, SegmentEnd, SegmentStart, Sink};

use crate::ingest::packet::VIDEO_TICKS;

/// Ticks of 90 kHz as microseconds, rounded down.
pub(crate) fn ticks_to_micros(ticks: i64) -> i64 {
    // 90 ticks are 1000 microseconds; in two parts so that no valid time overflows.
    let per_milli = VIDEO_TICKS / 1000;
    let rest = ticks.rem_euclid(per_milli) * 1000 / per_milli;
    ticks.div_euclid(per_milli).saturating_mul(1000).saturating_add(rest)
}

/// Microseconds as ticks of 90 kHz, rounded to the nearest.
pub(crate) fn micros_to_ticks(micros: i64) -> i64 {
    scale(micros, VIDEO_TICKS, 1_000_000)
}

/// `ticks` of one rate in another, rounded to the nearest.
pub(crate) fn scale(ticks: i64, to: i64, from: i64) -> i64 {
    let scaled = (i128::from(ticks) * i128::from(to) + i128::from(from / 2))
        .div_euclid(i128::from(from.max(1)));
    i64::try_from(scaled).unwrap_or(0)
}

#[cfg(test)]
mod tests;
