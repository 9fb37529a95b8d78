//! The way from samples to the sink: opens a file, numbers and writes its fragments, closes it.
//!
//! Knows neither spans nor when a file should end.

use std::sync::Arc;

use tokio::time::Instant;

use super::audio::{Audio, Placed, Track};
use super::format::Identity;
use super::mp4::{self, Opening, Parts, Run};
use super::segment::{Fragment, Full, SegmentEnd, SegmentStart, Sink};
use super::ticks_to_micros;
use crate::base::Timestamp;
use crate::ingest::{AudioParameters, VideoUnit};

/// Where files go, and what they all have in common.
#[derive(Debug)]
pub(super) struct Desk<S> {
    pub(super) sink: S,
    pub(super) store: [u8; 16],
    pub(super) camera: String,
    pub(super) continuous: bool,
    pub(super) next_sequence: u64,
    pub(super) previous: Option<u64>,
    /// Audio frames that a file could not take.
    pub(super) audio_refused: u64,
}

/// How a file begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start<'a> {
    /// The unit that is shown first.
    pub(super) first: &'a VideoUnit,
    /// Presentation time of decode time 0, in the session's ticks.
    pub(super) origin: i64,
    /// UTC of that.
    pub(super) time: Timestamp,
    pub(super) fail_open: bool,
    pub(super) leading: bool,
    pub(super) no_key_start: bool,
}

/// The video of a fragment.
#[derive(Debug, Default)]
pub(super) struct Video {
    pub(super) run: Run,
    /// Key frames: presentation time from the file's start, number in the run from 1.
    pub(super) keys: Vec<(i64, u32)>,
    /// The first sample is a key frame.
    pub(super) key: bool,
    pub(super) damaged: bool,
}

/// A file that the sink has.
#[derive(Debug)]
pub(super) struct Output {
    sequence: u64,
    /// Until the first fragment is written.
    identity: Option<Identity>,
    start: Timestamp,
    /// Presentation time of decode time 0, in the session's ticks.
    origin: i64,
    bytes: u64,
    fragments: u32,
    index: Vec<mp4::Entry>,
    track: Option<Track>,
    /// Where its video ends, of what the sink took.
    end: Timestamp,
    /// The same, in ticks from its start.
    decoded: i64,
}

impl Output {
    /// Begins a file.
    pub(super) fn open<S: Sink>(
        start: Start<'_>,
        audio: Option<Arc<AudioParameters>>,
        desk: &mut Desk<S>,
    ) -> Result<Self, Full> {
        let Start { first, origin, time: start, fail_open, leading, no_key_start } = start;
        let header = mp4::header(&first.parameters, audio.as_deref());
        let bytes = header.len() as u64;
        let sequence = desk.next_sequence;
        let codec = audio.as_ref().map(|audio| audio.rfc6381.clone());
        desk.sink.open(SegmentStart {
            sequence,
            start,
            epoch: first.epoch,
            video: Arc::clone(&first.parameters),
            audio: codec.clone(),
            leading,
            no_key_start,
            continuous: desk.continuous,
            fail_open,
            header,
        })?;
        desk.next_sequence = sequence.saturating_add(1);
        let identity = Identity {
            store: desk.store,
            camera: desk.camera.clone(),
            epoch: first.epoch,
            sequence,
            previous: desk.previous.replace(sequence),
            start,
            video: first.parameters.rfc6381.clone(),
            audio: codec,
            width: first.parameters.width,
            height: first.parameters.height,
            continuous: desk.continuous,
            fail_open,
            leading,
            no_key_start,
        };
        Ok(Self {
            sequence,
            identity: Some(identity),
            start,
            origin,
            bytes,
            fragments: 0,
            index: Vec::new(),
            track: audio.map(Track::new),
            end: start,
            decoded: 0,
        })
    }

    /// Writes a fragment. `shown_end`: where its last picture ends, in the session's ticks.
    pub(super) fn write<S: Sink>(
        &mut self,
        video: Video,
        frames: Vec<Placed>,
        shown_end: i64,
        desk: &mut Desk<S>,
    ) -> Result<(), Full> {
        let (audio, refused) = match &mut self.track {
            Some(track) => track.run(frames, self.origin),
            None => (Run::default(), frames.len() as u64),
        };
        desk.audio_refused += refused;
        let samples = video.run.samples.len() as u32;
        let start_ticks = match samples {
            0 => self.decoded,
            _ => i64::try_from(video.run.decode).unwrap_or(i64::MAX),
        };
        let length: i64 = video.run.samples.iter().map(|sample| i64::from(sample.duration)).sum();
        let opening = self.identity.take().map(|identity| Opening { identity });
        let parts = Parts { number: self.fragments + 1, opening, video: video.run, audio };
        let (data, moof) = mp4::fragment(parts);
        let length_bytes = data.len() as u64;
        let end = self.start.offset(ticks_to_micros(shown_end.saturating_sub(self.origin)));
        desk.sink.append(
            self.sequence,
            Fragment { data, start_ticks, end, samples, key: video.key, damaged: video.damaged },
        )?;
        let moof_offset = self.bytes + moof as u64;
        let entry = |(ticks, sample)| mp4::Entry { ticks, moof_offset, sample };
        self.index.extend(video.keys.into_iter().map(entry));
        self.bytes += length_bytes;
        self.fragments = self.fragments.saturating_add(1);
        self.decoded = start_ticks.saturating_add(length);
        self.end = end.max(self.end);
        Ok(())
    }

    /// Ends the file.
    pub(super) fn close<S: Sink>(self, sink: &mut S) {
        let trailer = mp4::trailer(&self.index);
        sink.close(self.sequence, SegmentEnd { end: self.end, trailer });
    }

    /// The sink took a fragment.
    pub(super) fn is_written(&self) -> bool {
        self.fragments > 0
    }

    /// Presentation time of decode time 0, in the session's ticks.
    pub(super) fn origin(&self) -> i64 {
        self.origin
    }

    /// UTC of decode time 0.
    pub(super) fn start(&self) -> Timestamp {
        self.start
    }

    /// UTC of the end of its video so far.
    pub(super) fn end(&self) -> Timestamp {
        self.end
    }

    /// A better value for [`end`](Self::end).
    pub(super) fn set_end(&mut self, end: Timestamp) {
        self.end = end.max(self.start);
    }

    /// Its audio.
    pub(super) fn track(&self) -> Option<&Track> {
        self.track.as_ref()
    }
}

/// A segment that has all its video and may still get audio.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) output: Output,
    pub(super) session: u64,
    /// Audio from here on is its own, in the session's ticks,
    pub(super) from: i64,
    /// and from here on the next file's.
    pub(super) cut: i64,
    /// It is closed by then.
    pub(super) deadline: Instant,
}

impl Closing {
    /// No more audio can come for it, or it has waited long enough.
    pub(super) fn is_ready(&self, now: Instant, audio: &Audio) -> bool {
        self.output.track.is_none() || now >= self.deadline || audio.passed(self.session, self.cut)
    }

    /// Writes the audio that came late, and closes the file.
    pub(super) fn close<S: Sink>(mut self, audio: &mut Audio, desk: &mut Desk<S>) {
        let frames = audio.take(self.session, self.from, self.cut);
        if !frames.is_empty() {
            let end = self.output.origin;
            // When the disk can't take it, the video is there and the file is closed all the same.
            let count = frames.len() as u64;
            if self.output.write(Video::default(), frames, end, desk).is_err() {
                desk.audio_refused += count;
            }
        }
        self.output.close(&mut desk.sink);
    }
}
