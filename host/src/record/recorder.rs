//! One camera's recorder: video, audio, gaps and spans in, segments out.
//!
//! Decides what is recorded and where files begin and end; `file` decides about fragments and
//! times. Synchronous: the caller brings the time, and calls [`Recorder::tick`] when
//! [`Recorder::deadline`] has come.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::audio::Audio;
use super::desk::{Closing, Desk};
use super::file::{Boundary, File};
use super::order::{Depth, Pace};
use super::ring::Ring;
use super::segment::{GapMark, Sink};
use super::spans::{Wanted, Why};
use super::{micros_to_ticks, ticks_to_micros};
use crate::base::Timestamp;
use crate::base::time::micros;
use crate::ingest::packet::VIDEO_TICKS;
use crate::ingest::{AudioFrame, Gap, GapReason, VideoParameters, VideoUnit};
use crate::policy::Span;

/// A presentation time that lies so far behind the largest (20 s), or ahead of it (1 h), does not
/// continue the session, whatever the camera says.
pub(super) const JUMP_BACK: i64 = 20 * VIDEO_TICKS;
pub(super) const JUMP_AHEAD: i64 = 3600 * VIDEO_TICKS;

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    Continuous,
    /// What spans ask for.
    Events,
    /// Everything; spans keep some of it for longer.
    Both,
    /// Nothing.
    Off,
}

/// What a recorder is told once.
#[derive(Clone, Debug)]
pub struct RecorderConfig {
    /// The camera's name.
    pub camera: String,
    /// The store's id: stands in each file.
    pub store_id: [u8; 16],
    /// What is recorded.
    pub mode: Mode,
    /// A file ends at the first suitable key frame after so long.
    pub segment: Duration,
    /// With [`Mode::Events`]: so much video is kept in memory, if the bytes allow it.
    pub preroll: Duration,
    /// With [`Mode::Events`]: bytes of it at most. The newest key-frame group is kept in any case.
    pub preroll_bytes: usize,
    /// The sequence of the next file; larger than all that the camera ever had.
    pub next_sequence: u64,
}

/// How a recorder is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Video in the pre-roll ring.
    pub ring: Duration,
    /// Bytes in the pre-roll ring.
    pub ring_bytes: usize,
    /// These bound it before its seconds do.
    pub ring_short: bool,
    /// Video units without the key frame that they need; never recorded.
    pub skipped_units: u64,
    /// Video units lost because the sink could take no more.
    pub dropped_units: u64,
    /// Audio frames that belong to no recorded video, or came too late.
    pub dropped_audio: u64,
    /// Time since the last key frame. Over ten minutes a person should be told.
    pub since_key: Duration,
    /// A file is being written.
    pub recording: bool,
}

/// Records one camera.
#[derive(Debug)]
pub struct Recorder<S> {
    pub(super) mode: Mode,
    preroll: Duration,
    /// Ticks after which a file should end.
    pub(super) segment: i64,
    pub(super) wanted: Wanted,
    pub(super) ring: Ring,
    pub(super) audio: Audio,
    pub(super) desk: Desk<S>,
    /// The file that the newest key-frame group goes to.
    pub(super) current: Option<File>,
    pub(super) closing: Vec<Closing>,
    pub(super) depth: Depth,
    pub(super) pace: Pace,
    pub(super) stream: Option<Stream>,
    /// What comes is of no use before a key frame.
    pub(super) need_key: bool,
    /// Key-frame groups so far.
    pub(super) group: u64,
    pub(super) gap: Option<OpenGap>,
    pub(super) figures: Figures,
}

/// The session that video comes from.
#[derive(Debug)]
pub(super) struct Stream {
    session: u64,
    epoch: u32,
    parameters: Arc<VideoParameters>,
    /// The largest presentation time.
    largest: i64,
    /// Presentation time of the last key frame.
    key: i64,
    /// Time of the last unit.
    pub(super) last: Timestamp,
}

/// Video is missing.
#[derive(Debug)]
pub(super) struct OpenGap {
    pub(super) epoch: u32,
    pub(super) start: Timestamp,
    pub(super) reason: GapReason,
    pub(super) detail: String,
}

impl<S: Sink> Recorder<S> {
    /// A recorder that has seen nothing yet.
    pub fn new(config: RecorderConfig, sink: S) -> Self {
        Self {
            mode: config.mode,
            preroll: config.preroll,
            segment: micros_to_ticks(micros(config.segment)),
            wanted: Wanted::default(),
            ring: Ring::new(config.preroll, config.preroll_bytes),
            audio: Audio::default(),
            desk: Desk {
                sink,
                store: config.store_id,
                camera: config.camera,
                continuous: matches!(config.mode, Mode::Continuous | Mode::Both),
                next_sequence: config.next_sequence,
                previous: None,
                audio_refused: 0,
            },
            current: None,
            closing: Vec::new(),
            depth: Depth::default(),
            pace: Pace::default(),
            stream: None,
            need_key: true,
            group: 0,
            gap: None,
            figures: Figures::default(),
        }
    }

    /// Takes a video unit, in decoding order.
    pub fn video(&mut self, unit: VideoUnit, now: Instant) {
        if self.mode == Mode::Off || !self.admit(&unit, now) {
            return;
        }
        let time = unit.time;
        if unit.access.is_key() {
            self.group += 1;
            self.forget(&unit);
            self.key(unit, now);
        } else {
            self.follow(unit, now);
        }
        self.end_gap_unless_written(time);
        self.settle(now);
    }

    /// Takes an audio frame, in order of time among audio.
    pub fn audio(&mut self, frame: AudioFrame, now: Instant) {
        if self.mode != Mode::Off {
            self.audio.push(frame);
            self.settle(now);
        }
    }

    /// Video is interrupted: ends the file. What comes next begins with a key frame.
    pub fn gap(&mut self, gap: Gap, now: Instant) {
        self.interrupt(now);
        self.mark_gap(gap.reason, gap.detail);
    }

    /// Adds, replaces or withdraws a span. Matters with [`Mode::Events`] only: otherwise all is
    /// recorded, and spans only say what is kept.
    pub fn span(&mut self, span: &Span, now: Instant) {
        if self.mode == Mode::Events {
            self.wanted.put(span);
            self.catch_up(now);
            self.settle(now);
        }
    }

    /// Nobody can judge what to record: records everything from `since` on, as far as it is still
    /// in memory. `None`: somebody can again.
    pub fn fail_open(&mut self, since: Option<Timestamp>, now: Instant) {
        self.wanted.fail_open(since);
        if self.mode == Mode::Events {
            self.catch_up(now);
            self.settle(now);
        }
    }

    /// When to call [`tick`](Self::tick) at the latest.
    pub fn deadline(&self) -> Option<Instant> {
        let fragment = self.current.as_ref().and_then(|file| file.deadline(self.depth.get()));
        fragment.into_iter().chain(self.closing.iter().map(|closing| closing.deadline)).min()
    }

    /// Does what time alone asks for.
    pub fn tick(&mut self, now: Instant) {
        let due = |file: &File| file.deadline(self.depth.get()).is_some_and(|due| now >= due);
        if self.current.as_ref().is_some_and(due) {
            self.flush();
        }
        self.settle(now);
    }

    /// Ends what is being written. For shutdown; recording may go on at the next key frame.
    pub fn finish(&mut self, now: Instant) {
        self.interrupt(now);
    }

    /// How it is.
    pub fn figures(&self) -> Figures {
        let since_key = self.stream.as_ref().map_or(0, |stream| stream.largest - stream.key);
        Figures {
            ring: self.ring.length(),
            ring_bytes: self.ring.bytes(),
            ring_short: self.ring.is_short(),
            dropped_audio: self.audio.dropped() + self.desk.audio_refused,
            since_key: Duration::from_micros(ticks_to_micros(since_key).unsigned_abs()),
            recording: self.current.is_some(),
            ..self.figures
        }
    }

    /// UTC of the oldest video that is in memory only. `None`: nothing is.
    pub fn ring_start(&self) -> Option<Timestamp> {
        self.ring.oldest().map(|oldest| oldest.time)
    }

    /// The sequence that the next file will have.
    pub fn next_sequence(&self) -> u64 {
        self.desk.next_sequence
    }

    /// What files go to.
    pub fn sink_mut(&mut self) -> &mut S {
        &mut self.desk.sink
    }

    /// Whether a unit is of use; notices what changed with it.
    fn admit(&mut self, unit: &VideoUnit, now: Instant) -> bool {
        let stepped = self.stream.as_ref().is_some_and(|stream| stream.epoch != unit.epoch);
        if self.stream.as_ref().is_some_and(|stream| !stream.is_continued_by(unit)) {
            self.interrupt(now);
            self.mark_gap(GapReason::Offline, "the camera's times began anew".into());
            self.depth.restart();
            self.stream = None;
        }
        match &mut self.stream {
            Some(stream) => {
                if stream.parameters != unit.parameters {
                    stream.parameters = Arc::clone(&unit.parameters);
                    self.depth = Depth::default();
                }
                stream.largest = stream.largest.max(unit.pts);
                stream.epoch = unit.epoch;
                stream.last = unit.time;
            }
            None => {
                self.stream = Some(Stream {
                    session: unit.session,
                    epoch: unit.epoch,
                    parameters: Arc::clone(&unit.parameters),
                    largest: unit.pts,
                    key: unit.pts,
                    last: unit.time,
                });
            }
        }
        if stepped && self.mode == Mode::Events {
            self.wanted.stepped(now + self.preroll);
            self.catch_up(now);
        }
        self.depth.learn(unit.pts);
        if self.need_key && !unit.access.is_key() {
            self.figures.skipped_units += 1;
            return false;
        }
        self.need_key = false;
        self.audio.see(unit);
        if let Some(stream) = self.stream.as_mut().filter(|_| unit.access.is_key()) {
            stream.key = unit.pts;
        }
        true
    }

    /// Where a file is written, it says when video is there again; where nothing is wanted, its
    /// coming says so.
    fn end_gap_unless_written(&mut self, time: Timestamp) {
        let is_disk = self.gap.as_ref().is_some_and(|gap| gap.reason == GapReason::Disk);
        if self.mode == Mode::Events && !is_disk && self.current.is_none() {
            self.end_gap(time);
        }
    }

    /// A key frame: the only place where files begin and, but for forced cuts, end.
    fn key(&mut self, unit: VideoUnit, now: Instant) {
        self.wanted.settle(now);
        let why = match self.mode {
            Mode::Events => self.wanted.at(unit.time),
            _ if self.wanted.is_fail_open() => Some(Why::FailOpen),
            _ => Some(Why::Span),
        };
        match (self.current.take(), why) {
            (file, Some(why)) if file.is_some() || self.mode != Mode::Events => {
                self.current = self.put(file, unit, why, now);
                self.need_key = self.current.is_none();
            }
            (Some(file), _) => {
                self.finish_file(file, Some(Boundary::of(&unit)), now);
                self.ring.begin(self.group, unit);
            }
            (None, _) => {
                self.ring.close(Some(&unit));
                self.ring.begin(self.group, unit);
                self.catch_up(now);
            }
        }
    }

    /// Any other unit: goes where its key frame went.
    fn follow(&mut self, unit: VideoUnit, now: Instant) {
        if let Some(file) = self.current.take() {
            let why = if file.fail_open { Why::FailOpen } else { Why::Span };
            self.current = self.put(Some(file), unit, why, now);
            self.need_key = self.current.is_none();
        } else if self.ring.push(unit) {
            let newest = self.ring.newest();
            if newest.is_some_and(|group| self.wanted.any(group.start, group.end).is_some()) {
                self.catch_up(now);
            }
        } else {
            self.figures.skipped_units += 1;
            self.need_key = true;
        }
    }

    /// The stream breaks off here.
    fn interrupt(&mut self, now: Instant) {
        if let Some(file) = self.current.take() {
            self.finish_file(file, None, now);
        }
        for closing in std::mem::take(&mut self.closing) {
            closing.close(&mut self.audio, &mut self.desk);
        }
        self.ring.close(None);
        self.need_key = true;
    }

    fn mark_gap(&mut self, reason: GapReason, detail: String) {
        let Some(stream) = self.stream.as_ref().filter(|_| self.mode != Mode::Off) else { return };
        let start = stream.last.offset(ticks_to_micros(self.pace.step));
        self.open_gap(OpenGap { epoch: stream.epoch, start, reason, detail });
    }
}

impl Stream {
    fn is_continued_by(&self, unit: &VideoUnit) -> bool {
        let ahead = unit.pts.saturating_sub(self.largest);
        self.session == unit.session && (-JUMP_BACK..JUMP_AHEAD).contains(&ahead)
    }
}

impl OpenGap {
    pub(super) fn mark(&self, end: Option<Timestamp>) -> GapMark {
        GapMark { start: self.start, end, reason: self.reason, detail: self.detail.clone() }
    }
}
