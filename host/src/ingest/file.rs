//! An MP4 file as a camera: its samples, by their own times or as fast as they are taken, once or
//! over and over.
//!
//! Takes a [`FileOrigin`]; gives a [`Source`]. Reads ahead on tokio's blocking threads, bounded in
//! bytes. Knows no box: `mp4` does.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::camera::{AtEnd, FileOrigin, Pace};
use super::mp4::{FileSample, Mp4File, Timed};
use super::packet::{GapReason, VIDEO_TICKS};
use super::source::{AudioSample, End, Sample, Source, Then, VideoSample};
use crate::base::{Error, Result};

/// What is read ahead: enough that a thread is not woken for every sample.
const AHEAD_BYTES: usize = 1 << 20;

/// The same in samples, so that small ones do not come late.
const AHEAD_SAMPLES: usize = 64;

/// A file that plays.
pub struct FileSource {
    origin: FileOrigin,
    video: std::sync::Arc<super::packet::VideoParameters>,
    audio: Option<std::sync::Arc<super::packet::AudioParameters>>,
    /// Length of one round, 90 kHz.
    length: i64,
    reading: Reading,
    ahead: VecDeque<FileSample>,
    /// The samples ahead are the last of this round.
    at_end: Option<End>,
    /// Completed rounds, in ticks of 90 kHz.
    shift: i64,
    /// When decode time 0 of the first round was due.
    started: Option<Instant>,
    /// End of the last audio frame: rounds must not overlap.
    audio_end: i64,
}

enum Reading {
    Idle(Box<Mp4File>),
    Busy(JoinHandle<Batch>),
    Over,
}

struct Batch {
    file: Box<Mp4File>,
    samples: Vec<FileSample>,
    /// Nothing follows: the end of the file, or damage.
    end: Option<Option<Error>>,
}

impl FileSource {
    /// Opens the file.
    pub async fn open(origin: &FileOrigin) -> Result<Self> {
        let path = origin.path.clone();
        let file = tokio::task::spawn_blocking(move || Mp4File::open(&path))
            .await
            .map_err(|error| Error::bug("open an MP4 file").with(error))??;
        Ok(Self {
            origin: origin.clone(),
            video: file.video().clone(),
            audio: file.audio().cloned(),
            length: file.length(),
            reading: Reading::Idle(Box::new(file)),
            ahead: VecDeque::new(),
            at_end: None,
            shift: 0,
            started: None,
            audio_end: i64::MIN,
        })
    }

    /// Has at least one sample ahead, or says why there is none.
    async fn fill(&mut self) -> Result<(), End> {
        while self.ahead.is_empty() {
            if let Some(end) = self.at_end.take() {
                return Err(end);
            }
            match std::mem::replace(&mut self.reading, Reading::Over) {
                Reading::Idle(file) => {
                    let task = tokio::task::spawn_blocking(move || read_ahead(file));
                    self.reading = Reading::Busy(task);
                }
                Reading::Busy(task) => {
                    // Back in its place before waiting: this future may be dropped.
                    self.reading = Reading::Busy(task);
                    let Reading::Busy(task) = &mut self.reading else { continue };
                    let batch = task.await.map_err(|error| stop(error.to_string()))?;
                    self.take(batch);
                }
                Reading::Over => return Err(stop("the end of the file".into())),
            }
        }
        Ok(())
    }

    fn take(&mut self, batch: Batch) {
        let Batch { mut file, samples, end } = batch;
        for sample in samples {
            let moved = self.moved(sample);
            self.ahead.push_back(moved);
        }
        match end {
            None => self.reading = Reading::Idle(file),
            Some(None) if self.origin.at_end == AtEnd::Repeat && self.length > 0 => {
                self.shift = self.shift.saturating_add(self.length);
                file.rewind();
                self.reading = Reading::Idle(file);
            }
            Some(error) => {
                let said = error.map_or("the end of the file".into(), |error| error.chain());
                self.at_end = Some(stop(said));
                self.reading = Reading::Over;
            }
        }
    }

    /// In its round.
    fn moved(&self, sample: FileSample) -> FileSample {
        let shifted = |timed: Timed, shift: i64| Timed {
            dts: timed.dts.saturating_add(shift),
            pts: timed.pts.saturating_add(shift),
            ..timed
        };
        match sample {
            FileSample::Video(timed) => FileSample::Video(shifted(timed, self.shift)),
            FileSample::Audio(timed) => {
                let shift = i128::from(self.shift) * i128::from(self.audio_rate());
                let shift = i64::try_from(shift / i128::from(VIDEO_TICKS)).unwrap_or(i64::MAX);
                FileSample::Audio(shifted(timed, shift))
            }
        }
    }

    fn audio_rate(&self) -> i64 {
        self.audio.as_ref().map_or(VIDEO_TICKS, |audio| audio.clock_rate.into())
    }

    /// Waits until the next sample is due.
    async fn pace(&mut self) {
        let (ticks, rate) = match self.ahead.front() {
            Some(FileSample::Video(timed)) => (timed.dts, VIDEO_TICKS),
            Some(FileSample::Audio(timed)) => (timed.dts, self.audio_rate()),
            None => return,
        };
        let micros = i128::from(ticks) * 1_000_000 / i128::from(rate);
        let due = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        let started = *self.started.get_or_insert_with(Instant::now);
        if let Some(due) = started.checked_add(due).filter(|&due| due > Instant::now()) {
            tokio::time::sleep_until(due).await;
        }
    }

    fn sample(&mut self, sample: FileSample) -> Option<Sample> {
        match sample {
            FileSample::Video(Timed { pts, data, .. }) => {
                let parameters = self.video.clone();
                Some(Sample::Video(VideoSample { parameters, pts, lost: 0, data }))
            }
            FileSample::Audio(Timed { pts, data, .. }) => {
                let parameters = self.audio.clone()?;
                if pts < self.audio_end {
                    return None;
                }
                self.audio_end = pts.saturating_add(parameters.frame_ticks.into());
                Some(Sample::Audio(AudioSample { parameters, pts, lost: 0, data }))
            }
        }
    }
}

impl Source for FileSource {
    async fn next(&mut self) -> Result<Sample, End> {
        loop {
            self.fill().await?;
            if self.origin.pace == Pace::Real {
                self.pace().await;
            }
            let sample = self.ahead.pop_front().and_then(|sample| self.sample(sample));
            if let Some(sample) = sample {
                return Ok(sample);
            }
        }
    }

    async fn close(self) {}
}

fn stop(detail: String) -> End {
    End { reason: GapReason::Ended, then: Then::Stop, detail }
}

fn read_ahead(mut file: Box<Mp4File>) -> Batch {
    let mut samples = Vec::with_capacity(AHEAD_SAMPLES);
    let mut bytes = 0;
    while samples.len() < AHEAD_SAMPLES && bytes < AHEAD_BYTES {
        match file.read() {
            Ok(Some(sample)) => {
                let (FileSample::Video(timed) | FileSample::Audio(timed)) = &sample;
                bytes += timed.data.len();
                samples.push(sample);
            }
            Ok(None) => return Batch { file, samples, end: Some(None) },
            Err(error) => return Batch { file, samples, end: Some(Some(error)) },
        }
    }
    Batch { file, samples, end: None }
}
