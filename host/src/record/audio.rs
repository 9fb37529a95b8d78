//! Audio that waits for the file it belongs to.
//!
//! Puts each frame on the video's time line when it arrives, so that everything after speaks of
//! one line only; whether and where it is recorded is the files' business.

use std::collections::VecDeque;
use std::sync::Arc;

use super::mp4::{Role, Run, Sample};
use super::{micros_to_ticks, scale};
use crate::base::Timestamp;
use crate::ingest::packet::VIDEO_TICKS;
use crate::ingest::{AudioFrame, AudioParameters, VideoUnit};

/// Bytes that wait at most, what each frame costs besides counted: an hour of AAC at 64 kbit/s. The
/// oldest goes first. Usually the pre-roll ends it long before.
const BYTES_MAX: usize = 64 << 20;

/// Frames that wait for the first picture of their session at most.
const EARLY_MAX: usize = 1 << 10;

/// So many frames in a row must disagree with the line before it is laid anew: one that was sent
/// while the clock stepped must not move it.
const DISAGREE_MAX: u32 = 8;

fn cost(frame: &AudioFrame) -> usize {
    frame.data.len() + size_of::<Placed>()
}

/// A frame and its place.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    /// When it starts, in the ticks of the session's video.
    pub(super) at: i64,
    /// The frame.
    pub(super) frame: AudioFrame,
}

/// A moment of a session's video, in both of its times.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    session: u64,
    pts: i64,
    time: Timestamp,
}

/// Where a moment of audio lies among the video.
#[derive(Debug)]
struct Line {
    parameters: Arc<AudioParameters>,
    pts: i64,
    at: i64,
    disagreed: u32,
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Audio {
    /// In order of (session, place).
    placed: VecDeque<Placed>,
    /// Of a session whose first video unit is not there yet.
    early: VecDeque<AudioFrame>,
    anchor: Option<Anchor>,
    line: Option<Line>,
    bytes: usize,
    dropped: u64,
}

impl Audio {
    /// Sees a video unit: its two times tie audio to video from now on.
    pub(super) fn see(&mut self, unit: &VideoUnit) {
        let fresh = self.anchor.is_none_or(|anchor| anchor.session != unit.session);
        if fresh {
            self.line = None;
        }
        self.anchor = Some(Anchor { session: unit.session, pts: unit.pts, time: unit.time });
        if fresh {
            for frame in std::mem::take(&mut self.early) {
                if frame.session == unit.session {
                    self.push(frame);
                }
            }
        }
    }

    /// Takes a frame in.
    pub(super) fn push(&mut self, frame: AudioFrame) {
        match self.anchor {
            Some(anchor) if anchor.session == frame.session => {
                let at = self.place(anchor, &frame);
                // The order of arrival is kept, also where the line is laid anew further back.
                let last = self.placed.back().filter(|last| last.frame.session == frame.session);
                let at = last.map_or(at, |last| at.max(last.at));
                self.bytes += cost(&frame);
                self.placed.push_back(Placed { at, frame });
            }
            Some(anchor) if anchor.session > frame.session => self.dropped += 1,
            _ => self.early.push_back(frame),
        }
        if self.bytes > BYTES_MAX {
            self.drop_oldest();
        }
        if self.early.len() > EARLY_MAX {
            self.early.pop_front();
            self.dropped += 1;
        }
    }

    fn place(&mut self, anchor: Anchor, frame: &AudioFrame) -> i64 {
        let apart = frame.time.micros_since(anchor.time);
        let by_time = anchor.pts.saturating_add(micros_to_ticks(apart));
        let rate = i64::from(frame.parameters.clock_rate.max(1));
        let whole = i64::from(frame.parameters.frame_ticks) * VIDEO_TICKS / rate;
        let fresh = Line {
            parameters: Arc::clone(&frame.parameters),
            pts: frame.pts,
            at: by_time,
            disagreed: 0,
        };
        let Some(line) = self.line.as_mut().filter(|line| line.parameters == frame.parameters)
        else {
            self.line = Some(fresh);
            return by_time;
        };
        let by_pts =
            line.at.saturating_add(scale(frame.pts.saturating_sub(line.pts), VIDEO_TICKS, rate));
        if by_pts.abs_diff(by_time) > whole.unsigned_abs() && line.disagreed < DISAGREE_MAX {
            line.disagreed += 1;
            return by_pts;
        }
        *line = fresh;
        by_time
    }

    /// Takes out the frames of a session that start in `[from, until)`, in order.
    pub(super) fn take(&mut self, session: u64, from: i64, until: i64) -> Vec<Placed> {
        let begin = self
            .placed
            .partition_point(|placed| (placed.frame.session, placed.at) < (session, from));
        let end = self
            .placed
            .partition_point(|placed| (placed.frame.session, placed.at) < (session, until));
        let taken: Vec<_> = self.placed.drain(begin..end.max(begin)).collect();
        self.bytes -= taken.iter().map(|placed| cost(&placed.frame)).sum::<usize>();
        taken
    }

    /// Gives up what starts before anything that can still be recorded.
    pub(super) fn forget_before(&mut self, session: u64, at: i64) {
        while self
            .placed
            .front()
            .is_some_and(|placed| (placed.frame.session, placed.at) < (session, at))
        {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(placed) = self.placed.pop_front() {
            self.bytes -= cost(&placed.frame);
            self.dropped += 1;
        }
    }

    /// Whether a frame that starts at or after `at` has come: then none before it will.
    pub(super) fn passed(&self, session: u64, at: i64) -> bool {
        self.placed.back().is_some_and(|last| (last.frame.session, last.at) >= (session, at))
    }

    /// The form of a session's audio, where it has any.
    pub(super) fn parameters(&self, session: u64) -> Option<Arc<AudioParameters>> {
        let of_session = self.anchor.is_some_and(|anchor| anchor.session == session);
        self.line.as_ref().filter(|_| of_session).map(|line| Arc::clone(&line.parameters))
    }

    /// Frames that found no file.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// The audio track of one file.
#[derive(Debug)]
pub(super) struct Track {
    /// Its form.
    pub(super) parameters: Arc<AudioParameters>,
    /// The last frame: its own time, its place in the file.
    last: Option<(i64, i64)>,
}

impl Track {
    /// A track without frames.
    pub(super) fn new(parameters: Arc<AudioParameters>) -> Self {
        Self { parameters, last: None }
    }

    /// Frames as samples, and how many of them have another form. `origin`: where the track's time 0
    /// is, in the session's video ticks.
    pub(super) fn run(&mut self, frames: Vec<Placed>, origin: i64) -> (Run, u64) {
        let (mut run, mut refused, mut previous) = (Run::default(), 0, 0);
        for Placed { at, frame } in frames {
            if frame.parameters != self.parameters {
                refused += 1;
                continue;
            }
            let place = self.place(frame.pts, at.saturating_sub(origin));
            match run.samples.last_mut() {
                Some(last) => last.duration = u32::try_from(place - previous).unwrap_or(u32::MAX),
                None => run.decode = place.unsigned_abs(),
            }
            previous = place;
            let duration = self.parameters.frame_ticks;
            run.samples.push(Sample { duration, offset: 0, role: Role::Key, data: frame.data });
        }
        (run, refused)
    }

    /// The decode time of the next frame, in ticks of the track from the file's start. `at`: where
    /// it starts, in video ticks from there. Frames follow one another by their own times, so that
    /// no rounding adds up; a frame that would be off by more than its length is placed anew.
    fn place(&mut self, pts: i64, at: i64) -> i64 {
        let rate = i64::from(self.parameters.clock_rate.max(1));
        let length = i64::from(self.parameters.frame_ticks);
        let wish = scale(at, rate, VIDEO_TICKS).max(0);
        let place = match self.last {
            None => wish,
            Some((last_pts, last)) => {
                let next = last.saturating_add(pts.saturating_sub(last_pts));
                let off = next.abs_diff(wish) > length.unsigned_abs();
                if off { wish.max(last.saturating_add(length)) } else { next.max(last + 1) }
            }
        };
        self.last = Some((pts, place));
        place
    }
}
