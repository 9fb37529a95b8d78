//! A stream as it comes -> fragmented MP4 for players that are fed as it is made.
//!
//! Takes items, gives a head (`ftyp moov`) and pieces (`moof mdat`), one for each access unit with
//! the audio that has come by then, so that a player waits for nothing. The same samples, times and
//! boxes as in a segment. A stretch that one head serves is a run; it ends at a gap, at other
//! parameters, and where the host's clock stepped. Synchronous and pure.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::audio::{Audio, Track};
use super::mp4::{self, Parts};
use super::order::{Depth, Pace};
use super::recorder::{JUMP_AHEAD, JUMP_BACK};
use super::samples::{Samples, Until, origin};
use super::ticks_to_micros;
use crate::base::Timestamp;
use crate::ingest::{Access, AudioFrame, AudioParameters, Item, VideoParameters, VideoUnit};

/// A run begins when so much has come: by then the order of pictures and whether there is audio
/// are usually known. What was kept before somebody looked counts.
const OPEN_AGE: Duration = Duration::from_millis(400);

/// Units that a run may wait with for that.
const PENDING_MAX: usize = 1024;

/// What becomes of a stream.
#[derive(Clone, Debug)]
pub enum Said {
    /// A run begins.
    Begin(Head),
    /// The run goes on.
    Piece(Piece),
    /// The run is over; another may begin.
    End,
}

/// How a run begins.
#[derive(Clone, Debug)]
pub struct Head {
    /// `ftyp` and `moov`.
    pub data: Bytes,
    /// Parameters of its video.
    pub video: Arc<VideoParameters>,
    /// Parameters of its audio, where there is any.
    pub audio: Option<Arc<AudioParameters>>,
}

impl Head {
    /// The `codecs` parameter of RFC 6381 for all tracks.
    pub fn codecs(&self) -> String {
        let audio = self.audio.as_ref().map(|audio| audio.rfc6381.as_str());
        [Some(self.video.rfc6381.as_str()), audio]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(",")
    }
}

/// A part of a run.
#[derive(Clone, Debug)]
pub struct Piece {
    /// `moof` and `mdat`; before those that start with a key frame a `prft`.
    pub data: Bytes,
    /// It starts with a key frame.
    pub key: bool,
    /// Decode time of its first video sample, in ticks of 90 kHz.
    pub start_ticks: i64,
    /// Presentation time of that sample.
    pub shown_ticks: i64,
    /// Until the piece after it.
    pub duration_ticks: u32,
    /// UTC of decode time 0 of the run, as its first unit has it.
    pub zero: Timestamp,
}

/// Makes pieces of one stream.
#[derive(Debug, Default)]
pub struct Muxer {
    depth: Depth,
    pace: Pace,
    audio: Audio,
    /// Units from a key frame on that no run has.
    pending: Vec<VideoUnit>,
    run: Option<Run>,
    /// The last unit.
    last: Option<Last>,
}

#[derive(Debug)]
struct Last {
    parameters: Arc<VideoParameters>,
    session: u64,
    epoch: u32,
    /// The largest presentation time.
    largest: i64,
}

#[derive(Debug)]
struct Run {
    samples: Samples,
    track: Option<Track>,
    /// Presentation time of decode time 0, in the session's ticks.
    origin: i64,
    pieces: u32,
    /// It began with this open key frame: what is shown before does not decode.
    leading_until: Option<i64>,
}

impl Muxer {
    /// Takes the next item; appends what becomes of it.
    pub fn take(&mut self, item: Item, said: &mut Vec<Said>) {
        match item {
            Item::Video(unit) => self.video(unit, said),
            Item::Audio(frame) => self.frame(frame),
            Item::Gap(_) => self.end(said),
        }
    }

    /// The stream is over, or interrupted.
    pub fn end(&mut self, said: &mut Vec<Said>) {
        self.close(said);
        self.last = None;
        self.audio = Audio::default();
        self.depth.restart();
    }

    fn close(&mut self, said: &mut Vec<Said>) {
        self.pending.clear();
        if let Some(run) = self.run.take() {
            self.pace = run.samples.pace();
            said.push(Said::End);
        }
    }

    fn frame(&mut self, frame: AudioFrame) {
        self.audio.push(frame);
    }

    fn video(&mut self, unit: VideoUnit, said: &mut Vec<Said>) {
        if !self.continues(&unit) {
            self.end(said);
        }
        self.audio.see(&unit);
        self.depth.learn(unit.pts);
        let largest = self.last.as_ref().map_or(unit.pts, |last| last.largest.max(unit.pts));
        self.last = Some(Last {
            parameters: unit.parameters.clone(),
            session: unit.session,
            epoch: unit.epoch,
            largest,
        });
        if unit.access.is_key() && self.other_audio(unit.session) {
            self.close(said);
        }
        match &self.run {
            Some(run) if run.leading_until.is_some_and(|key| unit.pts < key) => {}
            Some(_) => self.write(vec![unit], said),
            None => self.wait(unit, said),
        }
    }

    fn continues(&self, unit: &VideoUnit) -> bool {
        self.last.as_ref().is_none_or(|last| {
            let same = Arc::ptr_eq(&last.parameters, &unit.parameters)
                || last.parameters == unit.parameters;
            same && (last.session, last.epoch) == (unit.session, unit.epoch)
                && (-JUMP_BACK..JUMP_AHEAD).contains(&unit.pts.saturating_sub(last.largest))
        })
    }

    /// The session's audio is not that of the run.
    fn other_audio(&self, session: u64) -> bool {
        let Some(run) = &self.run else { return false };
        let audio = self.audio.parameters(session);
        audio.is_some_and(|audio| run.track.as_ref().is_none_or(|track| track.parameters != audio))
    }

    /// Keeps a unit until enough is known to begin a run.
    fn wait(&mut self, unit: VideoUnit, said: &mut Vec<Said>) {
        let leads = self.pending.first().filter(|first| first.access == Access::OpenKey);
        if (self.pending.is_empty() && !unit.access.is_key())
            || leads.is_some_and(|first| unit.pts < first.pts)
        {
            return;
        }
        let arrived = unit.arrived;
        self.pending.push(unit);
        let age =
            self.pending.first().map(|first| arrived.saturating_duration_since(first.arrived));
        let enough = self.pending.len() > self.depth.get() && age >= Some(OPEN_AGE);
        if enough || self.pending.len() >= PENDING_MAX {
            self.begin(said);
        }
    }

    fn begin(&mut self, said: &mut Vec<Said>) {
        let units = std::mem::take(&mut self.pending);
        let (Some(first), Some(origin)) = (units.first(), origin(&units, self.depth.get())) else {
            return;
        };
        let audio = self.audio.parameters(first.session);
        let data = mp4::header(&first.parameters, audio.as_deref());
        let track = audio.clone().map(Track::new);
        said.push(Said::Begin(Head { data, video: first.parameters.clone(), audio }));
        let leading_until = (first.access == Access::OpenKey).then_some(first.pts);
        let samples = Samples::new(self.pace);
        self.run = Some(Run { samples, track, origin, pieces: 0, leading_until });
        self.write(units, said);
    }

    fn write(&mut self, units: Vec<VideoUnit>, said: &mut Vec<Said>) {
        let (Some(run), Some(first)) = (&mut self.run, units.first()) else { return };
        let zero = first.time.offset(-ticks_to_micros(first.pts.saturating_sub(run.origin)));
        let (session, shown_ticks) = (first.session, first.pts.saturating_sub(run.origin));
        let video =
            run.samples.next(units.into_iter(), Until::Unknown, self.depth.get(), run.origin);
        self.audio.forget_before(session, run.origin);
        let frames = self.audio.take(session, run.origin, i64::MAX);
        let audio = run.track.as_mut().map(|track| track.run(frames, run.origin).0);
        run.pieces = run.pieces.wrapping_add(1);
        let start_ticks = i64::try_from(video.run.decode).unwrap_or(i64::MAX);
        let lengths = video.run.samples.iter().map(|sample| sample.duration);
        let duration_ticks = lengths.fold(0, u32::saturating_add);
        let audio = audio.unwrap_or_default();
        let parts = Parts { number: run.pieces, opening: None, video: video.run, audio };
        let data = mp4::piece(&parts, video.key.then_some(zero));
        let key = video.key;
        said.push(Said::Piece(Piece { data, key, start_ticks, shown_ticks, duration_ticks, zero }));
    }
}
