//! A camera that is a few numbers, through a real recorder: 25 pictures a second, a key frame each
//! second, at any pace.

use tokio::time::Instant;

use super::super::fs::Fs;
use super::super::sim::layer::Layer;
use super::super::{CameraSink, Resume, Store};
use super::*;
use crate::ingest::{Access, VideoUnit};
use crate::record::{GapMark, Mode, Recorder, RecorderConfig};

/// Ticks of a picture.
const PICTURE: i64 = 3600;
/// Stands before a unit's number.
const MARK: &[u8; 12] = b"number unit:";

/// A camera's sink that counts what it takes.
pub(super) struct Tallied {
    sink: CameraSink,
    pub(super) fragments: u64,
}

impl Sink for Tallied {
    fn open(&mut self, start: SegmentStart) -> Result<(), Full> {
        self.sink.open(start)
    }

    fn append(&mut self, sequence: u64, fragment: Fragment) -> Result<(), Full> {
        self.sink.append(sequence, fragment)?;
        self.fragments += 1;
        Ok(())
    }

    fn close(&mut self, sequence: u64, end: SegmentEnd) {
        self.sink.close(sequence, end);
    }

    fn gap(&mut self, gap: GapMark) {
        self.sink.gap(gap);
    }
}

/// A recorder and what it is fed.
pub(super) struct Feed {
    pub(super) recorder: Recorder<Tallied>,
    parameters: Arc<VideoParameters>,
    start: Instant,
    unit_bytes: usize,
    pub(super) units: i64,
}

impl Feed {
    /// Units of so many bytes, in files of so many seconds.
    pub(super) fn new(store: &Store, camera: &str, unit_bytes: usize, segment: u64) -> Self {
        let sink = store.camera(camera, CameraSettings::default()).unwrap();
        Self::on(store, camera, sink, unit_bytes, segment)
    }

    /// The same, to what the store gave for the camera.
    pub(super) fn on(
        store: &Store,
        camera: &str,
        (sink, resume): (CameraSink, Resume),
        unit_bytes: usize,
        segment: u64,
    ) -> Self {
        let config = RecorderConfig {
            camera: camera.into(),
            store_id: uuid::Uuid::parse_str(store.store_id()).unwrap().into_bytes(),
            mode: Mode::Continuous,
            segment: Duration::from_secs(segment),
            preroll: Duration::from_secs(60),
            preroll_bytes: 64 << 20,
            next_sequence: resume.next_sequence,
        };
        let recorder = Recorder::new(config, Tallied { sink, fragments: 0 });
        Self { recorder, parameters: video(), start: Instant::now(), unit_bytes, units: 0 }
    }

    /// Feeds so many seconds more. Never waits, whatever the disk does.
    pub(super) fn seconds(&mut self, length: i64) {
        for _ in 0..length * 25 {
            let pts = self.units * PICTURE;
            let since = Duration::from_micros((pts * 100 / 9).unsigned_abs());
            let arrived = self.start + since;
            while let Some(due) = self.recorder.deadline().filter(|due| *due <= arrived) {
                self.recorder.tick(due);
            }
            let mut data = Vec::with_capacity(self.unit_bytes);
            data.put_u32(self.unit_bytes as u32 - 4);
            data.put_slice(MARK);
            data.put_i64(self.units);
            data.resize(self.unit_bytes, 0);
            let unit = VideoUnit {
                parameters: self.parameters.clone(),
                session: 0,
                epoch: 0,
                pts,
                time: at(0) + since,
                arrived,
                access: if self.units % 25 == 0 { Access::Key } else { Access::Reference },
                damaged: false,
                data: data.into(),
            };
            self.recorder.video(unit, arrived);
            self.units += 1;
        }
    }

    /// Returns when nothing waits for the disk.
    pub(super) fn drain(&mut self) {
        while self.recorder.sink_mut().sink.is_waiting() {
            std::thread::yield_now();
        }
    }

    /// Ends the last file.
    pub(super) fn finish(&mut self) {
        self.recorder.finish(self.start + Duration::from_secs(1 << 20));
    }
}

/// The numbers of the units in a camera's files, in order.
pub(super) fn numbers(layer: &Layer, root: &Path, camera: &str) -> Vec<i64> {
    let of_camera = |segment: &row::Segment| segment.camera == camera;
    let mut numbers = Vec::new();
    for segment in segments(root).into_iter().filter(of_camera) {
        let path = super::super::layout::segment(camera, segment.start, segment.sequence);
        let content = layer.read(&root.join(path)).unwrap();
        let mut rest = &content[..];
        while let Some(found) = rest.windows(MARK.len()).position(|bytes| bytes == MARK) {
            let (number, after) = rest[found + MARK.len()..].split_first_chunk().unwrap();
            numbers.push(i64::from_be_bytes(*number));
            rest = after;
        }
    }
    numbers
}

/// Start, end and reason of a camera's gaps.
pub(super) fn gaps(root: &Path, camera: &str) -> Vec<(i64, Option<i64>, String)> {
    let c = index::open_read_only(&super::super::layout::index(root)).unwrap();
    let sql = "SELECT g.start, g.end, g.reason FROM gap g JOIN camera c ON c.id = g.camera
               WHERE c.name = ?1 ORDER BY g.start";
    let mut statement = c.prepare(sql).unwrap();
    let rows = statement.query_map([camera], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.unwrap().map(|row| row.unwrap()).collect()
}
