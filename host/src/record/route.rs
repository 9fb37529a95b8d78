//! Which file a unit goes to: cuts, spans that reach back, a sink that can take no more.
//!
//! The part of [`Recorder`] that live units and units from the ring share.

use tokio::time::Instant;

use super::file::{Begin, Boundary, File};
use super::recorder::{Mode, OpenGap, Recorder};
use super::samples::Until;
use super::segment::Sink;
use super::spans::Why;
use crate::base::Timestamp;
use crate::ingest::packet::VIDEO_TICKS;
use crate::ingest::{Access, GapReason, VideoUnit};

/// So many files wait for late audio at most; the oldest is closed first.
const CLOSING_MAX: usize = 8;

/// Audio so long (2 s) before a file's first unit may be its own: pictures that are shown before
/// the key frame come after it.
const LEAD: i64 = 2 * VIDEO_TICKS;

impl<S: Sink> Recorder<S> {
    /// What comes now is to be recorded.
    pub fn is_wanted(&self) -> bool {
        let now = || self.stream.as_ref().and_then(|stream| self.wanted.at(stream.last));
        match self.mode {
            Mode::Continuous | Mode::Both => true,
            Mode::Events => now().is_some(),
            Mode::Off => false,
        }
    }

    /// Adds a unit to a file, or to a new one where that has to begin. `None`: the sink is full;
    /// what comes is lost up to the next key frame.
    pub(super) fn put(
        &mut self,
        file: Option<File>,
        unit: VideoUnit,
        why: Why,
        now: Instant,
    ) -> Option<File> {
        let mut after = None;
        let file = match file {
            Some(file) if self.ends_before(&file, &unit, why) => {
                let cut = self.finish_file(file, Some(Boundary::of(&unit)), now);
                after = Some(cut);
                None
            }
            file => file,
        };
        let fail_open = why == Why::FailOpen;
        let begin = Begin { fail_open, after, pace: self.pace };
        let mut file = file.unwrap_or_else(|| File::new(&unit, begin));
        let (depth, pending) = (self.depth.get(), file.pending() as u64);
        match file.push(unit, depth, &mut self.desk, &mut self.audio) {
            Ok(()) => {
                self.notice_written(&file);
                Some(file)
            }
            Err(_full) => {
                self.figures.dropped_units += pending + 1;
                self.lose(file);
                None
            }
        }
    }

    fn ends_before(&self, file: &File, unit: &VideoUnit, why: Why) -> bool {
        if file.video != unit.parameters {
            return true;
        }
        if !unit.access.is_key() {
            return false;
        }
        let other_audio = || {
            let audio = self.audio.parameters(unit.session);
            audio.is_some_and(|audio| file.track().is_none_or(|track| track.parameters != audio))
        };
        let other_reason = self.mode == Mode::Events && file.fail_open != (why == Why::FailOpen);
        let elapsed = unit.pts.saturating_sub(file.first);
        // A file whose pictures can't be decoded from its start is the second best: wait for a
        // better key frame up to twice the length, if there was any hope of one.
        let group = unit.pts.saturating_sub(file.last_key);
        let late = elapsed.saturating_add(group) > self.segment.saturating_mul(2);
        let suits = unit.access == Access::Key || !file.seen_closed_key || late;
        file.epoch != unit.epoch
            || other_reason
            || (file.is_open() && other_audio())
            || (elapsed >= self.segment && suits)
    }

    /// Writes what is wanted of the ring. A file that reaches the newest unit stays open.
    pub(super) fn catch_up(&mut self, now: Instant) {
        let wanted = &self.wanted;
        let groups = self.ring.take(|group| wanted.any(group.start, group.end).is_some());
        let mut file: Option<File> = None;
        let mut before: Option<(u64, Option<Boundary>)> = None;
        for group in groups {
            let (number, next, is_open) = (group.number, group.next, group.is_open());
            // Without a next key frame the stream broke off after that group.
            if let Some((last, end)) = before
                && (last + 1 != number || end.is_none())
                && let Some(file) = file.take()
            {
                self.finish_file(file, end, now);
            }
            let why = self.wanted.any(group.start, group.end).unwrap_or(Why::Span);
            for unit in group.units {
                if file.is_some() || unit.access.is_key() {
                    file = self.put(file, unit, why, now);
                } else {
                    self.figures.dropped_units += 1;
                }
            }
            before = Some((number, next));
            if is_open {
                self.current = file.take();
                self.need_key = self.current.is_none();
            }
        }
        if let (Some(file), Some((_, end))) = (file, before) {
            self.finish_file(file, end, now);
        }
    }

    /// Hands to the sink what the current file has.
    pub(super) fn flush(&mut self) {
        let Some(mut file) = self.current.take() else { return };
        let (depth, pending) = (self.depth.get(), file.pending() as u64);
        match file.flush(Until::Unknown, depth, &mut self.desk, &mut self.audio) {
            Ok(()) => {
                self.notice_written(&file);
                self.current = Some(file);
            }
            Err(_full) => {
                self.figures.dropped_units += pending;
                self.lose(file);
                self.need_key = true;
            }
        }
    }

    /// Ends a file; says where, in the session's ticks.
    pub(super) fn finish_file(&mut self, file: File, next: Option<Boundary>, now: Instant) -> i64 {
        let depth = self.depth.get();
        let pending = file.pending() as u64;
        let (start, epoch) = (file.start(), file.epoch);
        let finished = file.finish(next, now, depth, &mut self.desk, &mut self.audio);
        self.pace = finished.pace;
        if finished.is_full {
            self.figures.dropped_units += pending;
            let end = finished.closing.as_ref().map_or(start, |closing| closing.output.end());
            self.open_disk_gap(epoch, end);
        } else if let Some(closing) = &finished.closing {
            let start = closing.output.start();
            self.end_gap_by_file(epoch, start);
        }
        self.closing.extend(finished.closing);
        finished.cut
    }

    /// Closes the files that wait for no more audio.
    pub(super) fn settle(&mut self, now: Instant) {
        if self.closing.is_empty() {
            return;
        }
        let excess = self.closing.len().saturating_sub(CLOSING_MAX);
        for (index, closing) in std::mem::take(&mut self.closing).into_iter().enumerate() {
            if index < excess || closing.is_ready(now, &self.audio) {
                closing.close(&mut self.audio, &mut self.desk);
            } else {
                self.closing.push(closing);
            }
        }
    }

    /// Forgets, at a key frame, the spans and the audio that can matter no more.
    pub(super) fn forget(&mut self, unit: &VideoUnit) {
        let oldest = self.ring.oldest().filter(|_| self.mode == Mode::Events);
        self.wanted.forget_before(oldest.map_or(unit.time, |oldest| oldest.time.min(unit.time)));
        let ring = oldest.map(|oldest| (oldest.session, oldest.pts.saturating_sub(LEAD)));
        let file = self.current.as_ref().map(|file| (file.session, file.audio_from(LEAD)));
        let closing = self.closing.iter().map(|closing| (closing.session, closing.from)).min();
        let new = (unit.session, unit.pts.saturating_sub(LEAD));
        let (session, at) = [ring, file, closing].into_iter().flatten().fold(new, Ord::min);
        self.audio.forget_before(session, at);
    }

    /// The sink took nothing: gives up the file.
    fn lose(&mut self, file: File) {
        let (start, epoch) = (file.start(), file.epoch);
        let end = file.abandon(&mut self.desk).unwrap_or(start);
        self.open_disk_gap(epoch, end);
    }

    fn open_disk_gap(&mut self, epoch: u32, start: Timestamp) {
        // In mode `events` the camera came back, whatever the disk does.
        let is_other = self.gap.as_ref().is_some_and(|gap| gap.reason != GapReason::Disk);
        if self.mode == Mode::Events && is_other {
            self.end_gap(start);
        }
        let detail = "the disk could not take more".to_owned();
        self.open_gap(OpenGap { epoch, start, reason: GapReason::Disk, detail });
    }

    fn notice_written(&mut self, file: &File) {
        if self.gap.is_some() && file.is_written() {
            self.end_gap_by_file(file.epoch, file.start());
        }
    }

    /// The disk took a file. One that was written late for an earlier time says nothing of the disk.
    fn end_gap_by_file(&mut self, epoch: u32, end: Timestamp) {
        let over =
            |gap: &OpenGap| gap.reason != GapReason::Disk || (gap.epoch, gap.start) <= (epoch, end);
        if self.gap.as_ref().is_some_and(over) {
            self.end_gap(end);
        }
    }

    /// Says that video is missing, unless that is known.
    pub(super) fn open_gap(&mut self, gap: OpenGap) {
        if self.gap.is_none() {
            self.desk.sink.gap(gap.mark(None));
            self.gap = Some(gap);
        }
    }

    /// Says that video is there again.
    pub(super) fn end_gap(&mut self, end: Timestamp) {
        if let Some(gap) = self.gap.take() {
            // The clock may have stepped back meanwhile.
            let end = end.max(gap.start);
            self.desk.sink.gap(gap.mark(Some(end)));
        }
    }
}
