//! One segment while it is written: units and frames in, whole fragments out to the sink.
//!
//! Decides when a fragment ends and which times its samples have. When a file begins and ends is
//! the recorder's business. Nothing is handed to the sink with the first unit: only some later is
//! it known which picture is shown first, and whether there is audio.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::audio::{Audio, Track};
use super::desk::{Closing, Desk, Output, Start};
use super::order::Pace;
use super::samples::{Samples, Until, origin};
use super::segment::{Full, Sink};
use super::ticks_to_micros;
use crate::base::Timestamp;
use crate::base::limits::{FRAGMENT_AGE, LATE_AUDIO};
use crate::ingest::packet::VIDEO_TICKS;
use crate::ingest::{Access, Codec, VideoParameters, VideoUnit};

/// A fragment ends before it has more bytes than this, unless one unit has.
const FRAGMENT_BYTES: usize = 8 << 20;

/// A key frame ends a fragment only when that is so old: a stream of nothing but key frames would
/// otherwise make a fragment of each.
const KEY_AGE: Duration = Duration::from_millis(400);

/// So long after its first unit arrived a file is begun, before its first fragment is whole: by
/// then the order of pictures and whether there is audio are usually known, and what has to be
/// durable before the first fragment can be written is, when that comes.
const OPEN_AGE: Duration = Duration::from_millis(400);

/// How a file begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    /// Wanted only because nobody can judge.
    pub(super) fail_open: bool,
    /// Where the file before ended, in the session's ticks: audio from there on belongs to this
    /// one. `None`: it begins with its video.
    pub(super) after: Option<i64>,
    /// What is likely of its pictures.
    pub(super) pace: Pace,
}

/// A segment that units are added to.
#[derive(Debug)]
pub(super) struct File {
    pub(super) video: Arc<VideoParameters>,
    pub(super) session: u64,
    pub(super) epoch: u32,
    pub(super) fail_open: bool,
    /// Presentation time of its first unit.
    pub(super) first: i64,
    first_time: Timestamp,
    /// The last key frame.
    pub(super) last_key: i64,
    /// A closed key frame has come since the start.
    pub(super) seen_closed_key: bool,
    start_access: Access,
    after: Option<i64>,
    pending: Vec<VideoUnit>,
    pending_bytes: usize,
    samples: Samples,
    /// The largest presentation time.
    last: i64,
    output: Option<Output>,
}

/// The key frame after the last unit of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boundary {
    session: u64,
    epoch: u32,
    pts: i64,
    time: Timestamp,
    /// Nothing is shown before it that follows it.
    first_shown: bool,
}

impl Boundary {
    /// Of the unit that begins what follows.
    pub(super) fn of(unit: &VideoUnit) -> Self {
        Self {
            session: unit.session,
            epoch: unit.epoch,
            pts: unit.pts,
            time: unit.time,
            // An H.265 key frame may have leading pictures that decode.
            first_shown: unit.access == Access::Key && unit.parameters.codec == Codec::H264,
        }
    }
}

/// What became of a file that ended.
#[derive(Debug)]
pub(super) struct Finished {
    /// Where it ended, in the session's ticks.
    pub(super) cut: i64,
    /// What is likely of its pictures.
    pub(super) pace: Pace,
    /// To be closed. `None`: nothing was ever written.
    pub(super) closing: Option<Closing>,
    /// The sink did not take the last units.
    pub(super) is_full: bool,
}

impl File {
    /// Begins with `unit`, which is not yet added.
    pub(super) fn new(unit: &VideoUnit, begin: Begin) -> Self {
        Self {
            video: Arc::clone(&unit.parameters),
            session: unit.session,
            epoch: unit.epoch,
            fail_open: begin.fail_open,
            first: unit.pts,
            first_time: unit.time,
            last_key: unit.pts,
            seen_closed_key: false,
            start_access: unit.access,
            after: begin.after,
            pending: Vec::with_capacity(32),
            pending_bytes: 0,
            samples: Samples::new(begin.pace),
            last: unit.pts,
            output: None,
        }
    }

    /// Adds a unit; ends the fragment before it where that is old enough.
    pub(super) fn push<S: Sink>(
        &mut self,
        unit: VideoUnit,
        depth: usize,
        desk: &mut Desk<S>,
        audio: &mut Audio,
    ) -> Result<(), Full> {
        if self.is_full_before(&unit) {
            self.flush(Until::Unit(unit.pts), depth, desk, audio)?;
        }
        if unit.access.is_key() {
            self.last_key = unit.pts;
            self.seen_closed_key |= unit.access == Access::Key;
        }
        self.last = self.last.max(unit.pts);
        self.pending_bytes += unit.data.len();
        let arrived = unit.arrived;
        self.pending.push(unit);
        let age =
            self.pending.first().map(|first| arrived.saturating_duration_since(first.arrived));
        if self.output.is_none() && self.pending.len() > depth && age >= Some(OPEN_AGE) {
            self.output = self.open(depth, desk, audio)?;
        }
        Ok(())
    }

    fn is_full_before(&self, unit: &VideoUnit) -> bool {
        let Some(first) = self.pending.first() else { return false };
        let media = unit.pts.abs_diff(first.pts);
        let arrived = unit.arrived.saturating_duration_since(first.arrived);
        let older = |age: Duration| arrived >= age || media >= to_ticks(age);
        older(FRAGMENT_AGE)
            || (unit.access.is_key() && older(KEY_AGE))
            || self.pending_bytes + unit.data.len() > FRAGMENT_BYTES
    }

    /// When what is pending must be on its way.
    pub(super) fn deadline(&self, depth: usize) -> Option<Instant> {
        // Where pictures can be shown before the key frame, they decide where the file begins.
        let may_lead = self.start_access == Access::OpenKey || self.video.codec == Codec::H265;
        let undecided = self.output.is_none() && may_lead && self.pending.len() <= depth;
        let first = self.pending.first().filter(|_| !undecided)?;
        Some(first.arrived + FRAGMENT_AGE)
    }

    /// Where it would end if nothing more came, or if `next` were the first unit after it.
    fn end(&self, next: Option<Boundary>, depth: usize) -> i64 {
        let likely = self.last.saturating_add(self.samples.pace().step);
        let Some(next) = next.filter(|next| next.session == self.session) else { return likely };
        let end = if depth == 0 || next.first_shown { next.pts } else { next.pts.min(likely) };
        end.max(self.last.saturating_add(1))
    }

    /// Begins the file in the sink; `None` where there is no unit yet.
    fn open<S: Sink>(
        &self,
        depth: usize,
        desk: &mut Desk<S>,
        audio: &Audio,
    ) -> Result<Option<Output>, Full> {
        let Some(first) = self.pending.iter().min_by_key(|unit| unit.pts) else {
            return Ok(None);
        };
        let no_key_start = !self.start_access.is_key();
        // Without reordering nothing is shown before the picture that is decoded first.
        let leading = self.start_access == Access::OpenKey && depth > 0;
        let origin = origin(&self.pending, depth).unwrap_or(first.pts);
        let (time, fail_open) = (self.start_time(first, origin), self.fail_open);
        let start = Start { first, origin, time, fail_open, leading, no_key_start };
        Output::open(start, audio.parameters(self.session), desk).map(Some)
    }

    /// Hands what is pending to the sink.
    pub(super) fn flush<S: Sink>(
        &mut self,
        until: Until,
        depth: usize,
        desk: &mut Desk<S>,
        audio: &mut Audio,
    ) -> Result<(), Full> {
        if self.pending.is_empty() {
            return Ok(());
        }
        if self.output.is_none() {
            self.output = self.open(depth, desk, audio)?;
        }
        let Some(mut output) = self.output.take() else { return Ok(()) };
        let from = self.after.unwrap_or(output.origin());
        let pending = self.pending.drain(..);
        let video = self.samples.next(pending, until, depth, output.origin());
        let (heard_end, shown_end) = match until {
            Until::End(end) => (end, end),
            // Later sounds may belong to the next file.
            _ => (self.last, self.last.saturating_add(self.samples.pace().step)),
        };
        let frames = audio.take(self.session, from, heard_end);
        self.pending_bytes = 0;
        let written = output.write(video, frames, shown_end, desk);
        self.output = Some(output);
        written
    }

    /// UTC of `origin`. A session's first units may come late, those that have come by now tell.
    fn start_time(&self, first: &VideoUnit, origin: i64) -> Timestamp {
        let told =
            |unit: &VideoUnit| unit.time.offset(-ticks_to_micros(unit.pts.saturating_sub(origin)));
        match self.after {
            // It goes on where the file before it ended.
            Some(_) => told(first),
            None => self.pending.iter().map(told).min().unwrap_or(first.time),
        }
    }

    /// Ends. `next`: the unit after its last, where there is one in the same session.
    pub(super) fn finish<S: Sink>(
        mut self,
        next: Option<Boundary>,
        now: Instant,
        depth: usize,
        desk: &mut Desk<S>,
        audio: &mut Audio,
    ) -> Finished {
        let cut = self.end(next, depth);
        let written = self.flush(Until::End(cut), depth, desk, audio);
        let pace = self.samples.pace();
        let closing = self.output.map(|mut output| {
            let abuts =
                next.filter(|next| (next.session, next.epoch) == (self.session, self.epoch));
            if let (Ok(()), Some(next)) = (written, abuts) {
                // The same time as that which the next file will begin with.
                let early = ticks_to_micros(next.pts.saturating_sub(cut));
                output.set_end(next.time.offset(-early));
            }
            let from = self.after.unwrap_or(output.origin());
            // Where the stream breaks off, the last sound may outlast the last picture.
            let tail = if next.is_none() { VIDEO_TICKS } else { 0 };
            // A file that did not get all its video gets no late audio either.
            let cut = if written.is_ok() { cut.saturating_add(tail) } else { from };
            Closing { output, session: self.session, from, cut, deadline: now + LATE_AUDIO }
        });
        Finished { cut, pace, closing, is_full: written.is_err() }
    }

    /// Gives up what is pending; what the sink took stays.
    pub(super) fn abandon<S: Sink>(self, desk: &mut Desk<S>) -> Option<Timestamp> {
        self.output.map(|output| {
            let end = output.end();
            output.close(&mut desk.sink);
            end
        })
    }

    /// The form of its audio; `None` also while that is undecided.
    pub(super) fn track(&self) -> Option<&Track> {
        self.output.as_ref().and_then(Output::track)
    }

    /// The sink has it.
    pub(super) fn is_open(&self) -> bool {
        self.output.is_some()
    }

    /// The sink has a fragment of it.
    pub(super) fn is_written(&self) -> bool {
        self.output.as_ref().is_some_and(Output::is_written)
    }

    /// UTC of its start, as far as known.
    pub(super) fn start(&self) -> Timestamp {
        self.output.as_ref().map_or(self.first_time, Output::start)
    }

    /// Audio from here on is its own; `lead` before its first unit while that is undecided.
    pub(super) fn audio_from(&self, lead: i64) -> i64 {
        self.after.unwrap_or(self.first.saturating_sub(lead))
    }

    /// Units that are not yet handed to the sink.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }
}

fn to_ticks(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX).saturating_mul(VIDEO_TICKS as u64)
        / 1_000_000
}
