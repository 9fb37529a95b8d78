//! What of a camera was really kept, file by file, and by which spans: what a replay starts from and
//! is compared with. Reads beside a running host.

use std::path::PathBuf;
use std::time::Duration;

use super::holds::{Continuous, Until};
use super::index::row::{Flags, Segment};
use super::index::{failed, read, spans};
use super::query::Reader;
use crate::base::{Error, Result, Timestamp};
use crate::policy::Span;

/// A camera's closed files in a range, and the spans that touch it.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// In order of (epoch, sequence).
    pub files: Vec<KeptFile>,
    /// By start.
    pub spans: Vec<Span>,
}

/// A closed file, and what keeps it beside spans and pins.
#[derive(Clone, Debug)]
pub struct KeptFile {
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
    /// It does not continue the camera's file before it.
    pub gap_before: bool,
    /// It was recorded as continuous video, and policies are asked how long to keep it.
    pub asked: bool,
    /// Why it is kept as continuous video.
    pub continuous: Continuous,
    /// Where it lies.
    pub path: PathBuf,
}

impl KeptFile {
    /// When its hold as continuous video ends, on a camera with `camera_keep`.
    pub fn continuous_until(&self, camera_keep: Option<Duration>) -> Until {
        self.continuous.until(self.end, camera_keep)
    }

    /// It has video of `[start, end)`.
    pub fn touches(&self, start: Timestamp, end: Timestamp) -> bool {
        self.start < end && start < self.end
    }
}

impl Reader {
    /// What there is of `camera` in `[start, end)`.
    ///
    /// # Errors
    /// Refuses a camera that was never recorded; or when the index can't be read.
    pub fn kept(&self, camera: &str, start: Timestamp, end: Timestamp) -> Result<Kept> {
        let c = &self.connection;
        let cameras = read::cameras(c).map_err(failed("list cameras"))?;
        let known = cameras.iter().find(|known| known.name == camera).ok_or_else(|| {
            let names: Vec<&str> = cameras.iter().map(|known| known.name.as_str()).collect();
            Error::refuse(format!(
                "nothing was ever recorded of camera {camera} in the store {}; there is: {}",
                self.root.display(),
                names.join(", ")
            ))
        })?;
        let closed = read::closed(c, known.id, start, end).map_err(failed("list segments"))?;
        let files = closed.iter().map(|segment| self.kept_file(segment)).collect::<Result<_>>()?;
        let stored = spans::touching(c, known.id, start, end).map_err(failed("list spans"))?;
        Ok(Kept { files, spans: stored.into_iter().map(|stored| stored.span).collect() })
    }

    fn kept_file(&self, segment: &Segment) -> Result<KeptFile> {
        let fail_open = segment.flags.has(Flags::FAIL_OPEN);
        Ok(KeptFile {
            sequence: segment.sequence,
            epoch: segment.epoch,
            start: segment.start,
            end: segment.end,
            bytes: segment.bytes,
            gap_before: segment.flags.has(Flags::GAP_BEFORE),
            asked: segment.continuous != Continuous::NO && !fail_open,
            continuous: segment.continuous,
            path: self.place(segment)?.segment(segment),
        })
    }
}
