//! Which key frame shows a moment: of the recordings, or of what has just come.
//!
//! Reads rows and boxes, at most a few KiB of a file; decodes nothing.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Error, Result, Timestamp};
use crate::ingest::mp4::video_parameters;
use crate::ingest::{VideoParameters, VideoUnit};
use crate::record::keys::{KeyFrame, Pick, key_frame, key_frame_of_growing};
use crate::record::{micros_to_ticks, ticks_to_micros};
use crate::store::Reader;
use crate::store::footage::Footage;
use crate::store::fs::{Fs, Source};

/// Of a file that grows, a moment may lie so far behind its last key frame: no camera's key frames
/// are further apart. In microseconds.
const GROWING_MAX: i64 = 60_000_000;

/// Which key frame, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FrameId {
    camera: Arc<str>,
    /// The file; `None`: it has just come, and its time says which.
    sequence: Option<u64>,
    at: i64,
}

impl FrameId {
    /// Of a key frame that has just come, at that time in microseconds.
    pub(super) fn of_live(camera: &str, micros: i64) -> Self {
        Self { camera: camera.into(), sequence: None, at: micros }
    }
}

/// A key frame that was found.
pub(super) struct Frame {
    pub(super) id: FrameId,
    /// When it was shown.
    pub(super) time: Timestamp,
    /// Nothing that comes can be a better answer.
    pub(super) settled: bool,
    coded: Coded,
}

enum Coded {
    Live(VideoUnit),
    File(Box<dyn Source>, KeyFrame),
}

impl Frame {
    /// Of a key frame that has just come.
    pub(super) fn live(camera: &str, unit: VideoUnit) -> Self {
        let id = FrameId::of_live(camera, unit.time.micros());
        Self { id, time: unit.time, settled: false, coded: Coded::Live(unit) }
    }

    /// What is to be decoded.
    ///
    /// # Errors
    /// The disk can't be read, or the description of the video is not understood.
    pub(super) fn read(self) -> Result<(Arc<VideoParameters>, Bytes)> {
        match self.coded {
            Coded::Live(unit) => Ok((unit.parameters, unit.data)),
            Coded::File(mut file, key) => {
                let failed = |error| Error::retry("read a key frame").with(error);
                let data = key.read(&mut file).map_err(failed)?;
                let data = data.ok_or_else(|| Error::retry("read a key frame: it is not whole"))?;
                Ok((Arc::new(video_parameters(&key.sample_entry)?), data))
            }
        }
    }
}

/// A moment, and how near to it a picture must be.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub(super) at: Timestamp,
    pub(super) pick: Pick,
    /// Where there is no video then: from so far around, in microseconds.
    pub(super) around: i64,
}

/// Of the recordings of a camera: the key frame of a moment; `None`: the newest.
///
/// # Errors
/// The index or the disk can't be read.
pub(super) fn recorded(
    reader: &Reader,
    fs: &dyn Fs,
    camera: &str,
    moment: Option<Moment>,
) -> Result<Option<Frame>> {
    // A file may move to another place, or go, after its row was read.
    for _ in 0..2 {
        let footage = match moment {
            Some(moment) => reader.footage(camera, moment.at, moment.around)?,
            None => reader.newest_footage(camera)?,
        };
        let Some(footage) = footage else { return Ok(None) };
        match fs.open(&footage.path) {
            Ok(file) => {
                let failed =
                    |error| Error::retry(format!("read {}", footage.path.display())).with(error);
                return frame(camera, &footage, file, moment).map_err(failed);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let path = footage.path.display();
                return Err(Error::retry(format!("open {path}")).with(error));
            }
        }
    }
    Ok(None)
}

fn frame(
    camera: &str,
    footage: &Footage,
    mut file: Box<dyn Source>,
    moment: Option<Moment>,
) -> io::Result<Option<Frame>> {
    let ticks =
        moment.map_or(i64::MAX, |moment| micros_to_ticks(moment.at.micros_since(footage.start)));
    let pick = moment.map_or(Pick::Before, |moment| moment.pick);
    let key = match &footage.fragments {
        Some(fragments) => key_frame(&mut file, fragments, ticks, pick)?,
        None => {
            let end = file.seek(io::SeekFrom::End(0))?;
            key_frame_of_growing(&mut file, end, ticks, pick)?
        }
    };
    let settled = footage.fragments.is_some() && moment.is_some();
    let frame = key.map(|key| Frame {
        id: FrameId {
            camera: camera.into(),
            sequence: Some(footage.sequence),
            at: key.shown_ticks,
        },
        time: footage.start.offset(ticks_to_micros(key.shown_ticks)),
        settled,
        coded: Coded::File(file, key),
    });
    let growing = footage.fragments.is_none();
    Ok(frame.filter(|frame| {
        !growing || moment.is_none_or(|moment| moment.at.micros_since(frame.time) < GROWING_MAX)
    }))
}
