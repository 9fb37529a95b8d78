//! What files that are being written take up, and what they will still take.
//!
//! The writer keeps the figures as it writes; limits are held against them. Knows no file and no
//! index.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use super::super::places::PlaceId;
use super::super::sink::Camera;

/// What may be written until room has been made: between two looks, a file that is due to end goes
/// on, or the next begins.
const LEAST: Duration = Duration::from_secs(3);
/// Shorter files say nothing of a rate.
const SECOND: Duration = Duration::from_secs(1);
/// A key frame is large: what a file's first seconds took says little of its rate.
const TELLING: Duration = Duration::from_secs(5);
/// No file is expected to take more.
const NEED_MAX: u64 = 1 << 30;

/// Of one camera's open files.
#[derive(Debug, Default)]
pub(in super::super) struct Load {
    written: AtomicU64,
    needed: AtomicU64,
    /// Bytes a second of its last complete file; 0: none yet.
    rate: AtomicU64,
}

/// One open file's part of its camera's load, until it is dropped.
pub(in super::super) struct Share {
    camera: Arc<Camera>,
    written: u64,
    needed: u64,
}

impl Share {
    pub(in super::super) fn new(camera: Arc<Camera>) -> Self {
        Self { camera, written: 0, needed: 0 }
    }

    /// The file has so many bytes, for so much video.
    pub(in super::super) fn grow(&mut self, written: u64, recorded: Duration) {
        let planned = self.camera.segment;
        let before = self.camera.load.rate.load(Ordering::Relaxed);
        self.set(written, need(written, recorded, planned, before));
    }

    /// It is complete, and the index is about to count it.
    pub(in super::super) fn complete(&mut self, recorded: Duration) {
        if recorded >= SECOND {
            self.camera.load.rate.store(rate(self.written, recorded), Ordering::Relaxed);
        }
        self.set(0, 0);
    }

    fn set(&mut self, written: u64, needed: u64) {
        let Load { written: all, needed: need, .. } = &self.camera.load;
        // More first, so that no reader sees less than nothing.
        all.fetch_add(written, Ordering::Relaxed);
        all.fetch_sub(self.written, Ordering::Relaxed);
        need.fetch_add(needed, Ordering::Relaxed);
        need.fetch_sub(self.needed, Ordering::Relaxed);
        (self.written, self.needed) = (written, needed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0, 0);
    }
}

fn rate(bytes: u64, length: Duration) -> u64 {
    let millis = u64::try_from(length.max(SECOND).as_millis()).unwrap_or(u64::MAX);
    bytes.saturating_mul(1000) / millis
}

/// What a file of `planned` length will still take; `before` is the rate of the one before it.
fn need(written: u64, recorded: Duration, planned: Duration, before: u64) -> u64 {
    let rate = if recorded < TELLING && before > 0 { before } else { rate(written, recorded) };
    let left = planned.saturating_sub(recorded).max(LEAST);
    let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    (rate.saturating_mul(millis) / 1000).min(NEED_MAX)
}

/// All cameras that write, or have a file open.
#[derive(Default)]
pub(in super::super) struct Cameras(Mutex<Vec<Weak<Camera>>>);

/// What is to be left free in a place beside its floor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Reserve {
    /// For files that are open, and what waits for them.
    pub(in super::super) open: u64,
    /// For one file of each camera.
    pub(in super::super) files: u64,
}

impl Cameras {
    pub(in super::super) fn add(&self, camera: &Arc<Camera>) {
        let mut all = self.0.lock().expect("no panic under this lock");
        all.retain(|one| one.strong_count() > 0);
        all.push(Arc::downgrade(camera));
    }

    fn all(&self) -> Vec<Arc<Camera>> {
        self.0.lock().expect("no panic under this lock").iter().filter_map(Weak::upgrade).collect()
    }

    /// More of some camera waits for the disk than a disk that keeps up leaves.
    pub(in super::super) fn is_behind(&self) -> bool {
        self.all().iter().any(|camera| camera.is_behind())
    }

    /// Bytes in open files of a camera.
    pub(in super::super) fn of_camera(&self, id: i64) -> u64 {
        self.written(|camera| camera.id == id)
    }

    /// Bytes in open files of a place.
    pub(in super::super) fn of_place(&self, place: PlaceId) -> u64 {
        self.written(|camera| camera.place == place)
    }

    fn written(&self, is: impl Fn(&Camera) -> bool) -> u64 {
        let all = self.all();
        all.iter()
            .filter(|camera| is(camera))
            .map(|camera| camera.load.written.load(Ordering::Relaxed))
            .sum()
    }

    /// What the cameras of a place will take.
    pub(in super::super) fn reserve(&self, place: PlaceId) -> Reserve {
        let mut reserve = Reserve::default();
        for camera in self.all().iter().filter(|camera| camera.place == place) {
            let waiting = camera.queued_bytes() as u64;
            reserve.open += camera.load.needed.load(Ordering::Relaxed) + waiting;
            let rate = camera.load.rate.load(Ordering::Relaxed);
            reserve.files += need(0, Duration::ZERO, camera.segment, rate);
        }
        reserve
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::CameraSettings;
    use super::*;
    use crate::base::metrics::Metrics;

    #[test]
    fn a_file_needs_its_rate_until_its_planned_end() {
        let seconds = Duration::from_secs;
        for (name, written, recorded, planned, before, expected) in [
            ("nothing yet", 0, 0, 60, 0, 0),
            ("the first seconds of the first", 4_000, 2, 60, 0, 116_000),
            ("the first seconds of another", 4_000, 2, 60, 1_000, 58_000),
            ("half", 60_000, 30, 60, 1_000, 60_000),
            ("longer than planned", 180_000, 90, 60, 0, 6_000),
            ("of no planned length", 4_000, 2, 0, 0, 6_000),
            ("more than anything", u64::MAX, 9, 3600, 0, NEED_MAX),
        ] {
            let got = need(written, seconds(recorded), seconds(planned), before);
            assert_eq!(got, expected, "{name}");
        }
    }

    #[test]
    fn what_is_closed_is_counted_no_more() {
        let settings =
            CameraSettings { segment: Duration::from_secs(60), ..CameraSettings::default() };
        let camera = Arc::new(Camera::new(7, "gate", settings, &Metrics::default()));
        let cameras = Cameras::default();
        cameras.add(&camera);
        let (mut one, mut two) = (Share::new(camera.clone()), Share::new(camera.clone()));
        one.grow(30_000, Duration::from_secs(30));
        two.grow(500, Duration::from_secs(5));
        assert_eq!((cameras.of_camera(7), cameras.of_camera(8)), (30_500, 0));
        assert_eq!(cameras.reserve(PlaceId::MAIN), Reserve { open: 30_000 + 5_500, files: 0 });
        one.complete(Duration::from_secs(30));
        assert_eq!(cameras.of_place(PlaceId::MAIN), 500);
        assert_eq!(cameras.reserve(PlaceId::MAIN).files, 60_000);
        drop((one, two));
        assert_eq!(cameras.reserve(PlaceId::MAIN).open, 0);
        drop(camera);
        assert_eq!(cameras.reserve(PlaceId::MAIN), Reserve::default());
    }
}
