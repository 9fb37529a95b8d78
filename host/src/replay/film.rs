//! Recorded video as a camera delivers it: files one after the other -> units on one time line.
//!
//! Knows no stage. Reads one unit at a time; what can't be read ends its file, and is told.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::time::Instant;

use crate::base::{Result, Timestamp};
use crate::ingest::access_unit::Classifier;
use crate::ingest::mp4::{FileSample, Mp4File, Timed};
use crate::ingest::{Gap, GapReason, Item, VideoParameters, VideoUnit};
use crate::record::{micros_to_ticks, ticks_to_micros};

/// A file of video.
#[derive(Clone, Debug)]
pub struct Film {
    /// An MP4 file, plain or fragmented.
    pub path: PathBuf,
    /// The moment of its presentation time 0; `None`: where the film before it ends.
    pub start: Option<Timestamp>,
    /// It goes on where the film before it ended, without a break.
    pub continues: bool,
}

/// What a film delivers, and when.
pub(super) struct Delivered {
    /// The latest time shown so far: nothing comes before its time, and nothing goes back.
    pub(super) at: Timestamp,
    pub(super) item: Item,
}

/// Plays films.
pub(super) struct Projector {
    films: VecDeque<Film>,
    reel: Option<Reel>,
    /// Where ticks begin.
    origin: Timestamp,
    /// Where the last picture so far ends.
    end: Timestamp,
    at: Timestamp,
    /// So far; times are continuous only within one.
    sessions: u64,
    until: Timestamp,
}

/// A film that plays.
struct Reel {
    file: Mp4File,
    classifier: Classifier,
    start: Timestamp,
}

impl Projector {
    /// Plays `films`, the first from `start` where it says nothing else, up to `until`.
    pub(super) fn new(films: Vec<Film>, start: Timestamp, until: Timestamp) -> Self {
        let films = films.into();
        let (end, at) = (start, start);
        Self { films, reel: None, origin: start, end, at, sessions: 0, until }
    }

    /// What the first film shows; `None`: there is none.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(super) fn parameters(&self) -> Result<Option<Arc<VideoParameters>>> {
        let first = self.films.front().map(|film| Mp4File::open(&film.path)).transpose()?;
        Ok(first.map(|file| file.video().clone()))
    }

    /// Where the last picture so far ends.
    pub(super) fn end(&self) -> Timestamp {
        self.end
    }

    /// The next unit or gap; `None` at the end.
    ///
    /// # Errors
    /// When a file can't be read.
    pub(super) fn next(&mut self) -> Result<Option<Delivered>> {
        loop {
            let Some(reel) = &mut self.reel else {
                let Some(film) = self.films.pop_front() else { return Ok(None) };
                let goes_on = film.continues && self.sessions > 0;
                self.reel = Some(Reel::open(film, self.end)?);
                if goes_on {
                    continue;
                }
                self.sessions += 1;
                if self.sessions > 1 {
                    return Ok(Some(self.gap()));
                }
                continue;
            };
            let Some(sample) = reel.file.read()? else {
                self.reel = None;
                continue;
            };
            if let FileSample::Video(timed) = sample
                && let Some(item) = self.unit(timed)
            {
                return Ok(Some(item));
            }
        }
    }

    fn gap(&self) -> Delivered {
        let detail = "the recordings have a gap here".to_owned();
        Delivered { at: self.at, item: Item::Gap(Gap { reason: GapReason::Ended, detail }) }
    }

    /// `None`: no picture comes of it, or it lies outside what is wanted.
    fn unit(&mut self, timed: Timed) -> Option<Delivered> {
        let reel = self.reel.as_mut()?;
        let access = reel.classifier.classify(&timed.data)?;
        let moment = |ticks: i64| reel.start.offset(ticks_to_micros(ticks));
        let time = moment(timed.pts);
        if time >= self.until {
            return None;
        }
        self.end = self.end.max(moment(timed.pts.saturating_add(timed.duration)));
        self.at = self.at.max(time);
        let unit = VideoUnit {
            parameters: reel.file.video().clone(),
            session: self.sessions,
            epoch: 0,
            pts: micros_to_ticks(time.micros_since(self.origin)),
            time,
            arrived: Instant::now(),
            access,
            damaged: false,
            data: timed.data,
        };
        Some(Delivered { at: self.at, item: Item::Video(unit) })
    }
}

impl Reel {
    fn open(film: Film, end: Timestamp) -> Result<Self> {
        let file = Mp4File::open(&film.path)?;
        let classifier = Classifier::new(file.video());
        Ok(Self { file, classifier, start: film.start.unwrap_or(end) })
    }
}
