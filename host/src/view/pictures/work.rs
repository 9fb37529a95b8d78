//! From a wish to a JPEG: finds the key frame, decodes it alone, scales, marks and codes it; what was
//! made before is taken from the cache.
//!
//! Blocks: runs on the lane only.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::cache::{Cache, Key, Made};
use super::canvas::Canvas;
use super::find::{self, Frame, FrameId, Moment};
use super::{Answer, Picture, Refusal};
use crate::base::clock::Clock;
use crate::base::{Error, Timestamp};
use crate::decode::{EncodedUnit, Image, open};
use crate::events::Event;
use crate::ingest::Access;
use crate::ingest::access_unit::Classifier;
use crate::record::keys::Pick;
use crate::store::fs::Fs;
use crate::store::{EventFilter, Reader};
use crate::view::live::Live;

/// An event may lie so far from the video that was recorded because of it, in microseconds: longer
/// than most cameras' key frames are apart.
const EVENT_AROUND: i64 = 10_000_000;

/// Times are often said in milliseconds: the first moment of a file, too. In microseconds.
const MOMENT_AROUND: i64 = 1000;

/// What the lane works with.
pub(super) struct Worker {
    root: PathBuf,
    fs: Arc<dyn Fs>,
    clock: Arc<dyn Clock>,
    live: Live,
    /// Open while there is something to do; after an error a new one is opened.
    reader: Option<Reader>,
    cache: Cache,
}

type Result<T> = std::result::Result<T, Refusal>;

impl Worker {
    pub(super) fn new(
        root: &Path,
        fs: Arc<dyn Fs>,
        clock: Arc<dyn Clock>,
        live: Live,
        bytes: usize,
    ) -> Self {
        let (root, cache) = (root.to_owned(), Cache::new(bytes));
        Self { root, fs, clock, live, reader: None, cache }
    }

    /// There is nothing to do: lets go of the index.
    pub(super) fn rest(&mut self) {
        self.reader = None;
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    /// The picture of a moment; without one, the newest there is.
    pub(super) fn moment(
        &mut self,
        camera: &str,
        at: Option<Timestamp>,
        width: Option<u32>,
    ) -> Answer {
        let frame = match at {
            Some(at) => {
                self.find(camera, Moment { at, pick: Pick::Before, around: MOMENT_AROUND })?
            }
            None => match self.live.newest_key(camera) {
                Some(unit) => Some(Frame::live(camera, unit)),
                None => self.recorded(camera, None)?,
            },
        };
        let frame = frame.ok_or(Refusal::NoVideo)?;
        self.picture(camera, frame, width, None)
    }

    /// The picture of an event.
    pub(super) fn event(&mut self, sequence: u64, width: Option<u32>, regions: bool) -> Answer {
        let after = Some(sequence.checked_sub(1).ok_or(Refusal::NoVideo)?);
        let filter = EventFilter { after, most: Some(1), ..EventFilter::default() };
        let found = self.with(|reader, _| reader.events(&filter))?;
        let stored = found.into_iter().find(|stored| stored.sequence == sequence);
        let stored = stored.ok_or(Refusal::NoVideo)?;
        let at = stored.event.time;
        let nearest = Moment { at, pick: Pick::Nearest, around: EVENT_AROUND };
        let frame = self.find(&stored.camera, nearest)?.ok_or(Refusal::NoVideo)?;
        let marks = regions.then_some((sequence, &stored.event));
        self.picture(&stored.camera, frame, width, marks)
    }

    /// The frame of a moment, recorded or just come: whichever is the better answer.
    pub(super) fn find(&mut self, camera: &str, moment: Moment) -> Result<Option<Frame>> {
        let recorded = self.recorded(camera, Some(moment))?;
        let Some(unit) = self.live.newest_key(camera) else { return Ok(recorded) };
        let behind = moment.at.micros_since(unit.time);
        let near = match moment.pick {
            // Whatever comes after it, up to now.
            Pick::Before => behind >= 0 && unit.time <= self.now() && moment.at <= self.now(),
            Pick::Nearest => behind.abs() <= moment.around,
        };
        let better = recorded.as_ref().is_none_or(|recorded| match moment.pick {
            Pick::Before => recorded.time < unit.time,
            Pick::Nearest => moment.at.micros_since(recorded.time).abs() > behind.abs(),
        });
        Ok(if near && better { Some(Frame::live(camera, unit)) } else { recorded })
    }

    fn recorded(&mut self, camera: &str, moment: Option<Moment>) -> Result<Option<Frame>> {
        self.with(|reader, fs| find::recorded(reader, fs, camera, moment))
    }

    fn with<T>(
        &mut self,
        ask: impl FnOnce(&Reader, &dyn Fs) -> crate::base::Result<T>,
    ) -> Result<T> {
        let asked = match self.reader.take() {
            Some(reader) => Ok(reader),
            None => Reader::open(&self.root),
        }
        .and_then(|reader| {
            let answer = ask(&reader, &*self.fs)?;
            Ok((reader, answer))
        });
        let (reader, answer) = asked.map_err(|error| failed(&error))?;
        self.reader = Some(reader);
        Ok(answer)
    }

    fn picture(
        &mut self,
        camera: &str,
        frame: Frame,
        width: Option<u32>,
        marks: Option<(u64, &Event)>,
    ) -> Answer {
        let (time, settled) = (frame.time, frame.settled);
        let key = Key::Picture {
            frame: frame.id.clone(),
            width,
            marks: marks.map(|(sequence, _)| sequence),
        };
        let tag = tag(&key);
        let jpeg = self.jpeg(key, || {
            let mut canvas = Canvas::within(&*decoded(frame)?, width);
            let regions = marks.into_iter().flat_map(|(_, event)| &event.regions);
            regions.for_each(|region| canvas.mark(region.area));
            Ok(canvas)
        })?;
        Ok(Picture { camera: camera.to_owned(), jpeg, time, tag, settled })
    }

    /// What was coded before, or what `make` gives.
    pub(super) fn jpeg(
        &mut self,
        key: Key,
        make: impl FnOnce() -> Result<Canvas>,
    ) -> Result<Bytes> {
        if let Some(Made::Jpeg(jpeg)) = self.cache.get(&key) {
            return Ok(jpeg);
        }
        let jpeg = make()?.jpeg().map_err(|error| failed(&error))?;
        self.cache.put(key, Made::Jpeg(jpeg.clone()));
        Ok(jpeg)
    }

    /// A frame as a cell of a strip. The first one says how high all are.
    pub(super) fn cell(
        &mut self,
        frame: Frame,
        width: u32,
        height: Option<u32>,
    ) -> Result<Arc<Canvas>> {
        let key = Key::Cell { frame: frame.id.clone(), width, height };
        if let Some(Made::Canvas(canvas)) = self.cache.get(&key) {
            return Ok(canvas);
        }
        let image = decoded(frame)?;
        let height = height.unwrap_or_else(|| {
            let high = (u64::from(width) * u64::from(image.height)).div_ceil(image.width.into());
            u32::try_from(high).unwrap_or(width).clamp(2, 2 * width)
        });
        let canvas = Arc::new(Canvas::filling(&image, width, height));
        self.cache.put(key, Made::Canvas(canvas.clone()));
        Ok(canvas)
    }
}

/// Decodes a key frame by itself.
fn decoded(frame: Frame) -> Result<Arc<Image>> {
    let (parameters, data) = frame.read().map_err(|error| failed(&error))?;
    let access = Classifier::new(&parameters).classify(&data).unwrap_or(Access::Key);
    let undecodable = |error: crate::decode::DecodeError| Refusal::Undecodable(error.to_string());
    let mut decoder = open(&parameters).map_err(undecodable)?;
    let mut pictures = Vec::new();
    let unit = EncodedUnit { data: &data, pts: 0, access };
    decoder.decode(unit, &mut pictures).map_err(undecodable)?;
    decoder.flush(&mut pictures);
    let picture = pictures.into_iter().next().map(|decoded| decoded.image);
    picture.ok_or_else(|| Refusal::Undecodable("no picture came of a key frame".into()))
}

fn failed(error: &Error) -> Refusal {
    Refusal::Failed(error.chain())
}

/// Equal for equal pictures, whenever this version of the host makes them.
pub(super) fn tag(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Which frames a strip shows.
pub(super) type Shown = Vec<Option<FrameId>>;
