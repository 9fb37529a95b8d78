//! All that a replay takes in, in the one order in which it came: notices, messages, video, and
//! segments as they are closed.
//!
//! Pure but for the films that it reads as it goes. Of what came at one moment notices are first:
//! those up to a picture's time come before that picture.

use std::collections::VecDeque;
use std::time::Duration;

use super::film::{Delivered, Projector};
use super::{Message, Segment};
use crate::base::{Result, Timestamp};
use crate::events::Notice;
use crate::ingest::Item;
use crate::store::holds::Until;

/// A file is closed so long after its last video: a sync round of the store.
const CLOSING: Duration = Duration::from_secs(2);

/// One thing that comes in.
pub(super) enum Input {
    Notice(Notice),
    Message(Message),
    Video(Item),
    Closed(Segment),
}

/// What comes in, and when.
pub(super) struct Feed {
    notices: VecDeque<Notice>,
    messages: VecDeque<Message>,
    closings: VecDeque<Segment>,
    projector: Projector,
    ahead: Option<Delivered>,
    cutter: Option<Cutter>,
}

impl Feed {
    /// Of recorded `notices`, in order of receipt, of `messages` in order of time, of recorded
    /// `segments` by sequence, and of what the projector plays. Where `cut` is given there are no
    /// segments: they are made of what is played, of about that length.
    pub(super) fn new(
        notices: Vec<Notice>,
        messages: Vec<Message>,
        segments: Vec<Segment>,
        projector: Projector,
        cut: Option<Duration>,
    ) -> Self {
        Self {
            notices: notices.into(),
            messages: messages.into(),
            closings: segments.into(),
            projector,
            ahead: None,
            cutter: cut.map(Cutter::new),
        }
    }

    /// The next input; `None` at the end.
    ///
    /// # Errors
    /// When a film can't be read.
    pub(super) fn next(&mut self) -> Result<Option<(Timestamp, Input)>> {
        if self.ahead.is_none() {
            self.ahead = self.projector.next()?;
            self.cut();
        }
        let heads = [
            self.notices.front().map(|notice| notice.received),
            self.messages.front().map(|message| message.received),
            self.ahead.as_ref().map(|delivered| delivered.at),
            self.closings.front().map(|segment| segment.end + CLOSING),
        ];
        let due = heads.iter().flatten().min().copied();
        let Some(at) = due else { return Ok(None) };
        let input = match heads.iter().position(|head| *head == Some(at)) {
            Some(0) => self.notices.pop_front().map(Input::Notice),
            Some(1) => self.messages.pop_front().map(Input::Message),
            Some(2) => self.ahead.take().map(|delivered| Input::Video(delivered.item)),
            _ => self.closings.pop_front().map(Input::Closed),
        };
        Ok(input.map(|input| (at, input)))
    }

    /// Makes segments of what is played.
    fn cut(&mut self) {
        let Some(cutter) = &mut self.cutter else { return };
        let end = self.projector.end();
        let closed = match self.ahead.as_ref().map(|delivered| &delivered.item) {
            Some(Item::Video(unit)) => {
                cutter.take(unit.time, unit.access.is_key(), unit.data.len() as u64)
            }
            Some(Item::Audio(_)) => None,
            Some(Item::Gap(_)) | None => cutter.end(end),
        };
        self.closings.extend(closed);
    }
}

/// Cuts played video into segments as a recorder would: at key frames, when one is due.
struct Cutter {
    length: Duration,
    sequence: u64,
    open: Option<Segment>,
    gap: bool,
}

impl Cutter {
    fn new(length: Duration) -> Self {
        Self { length, sequence: 0, open: None, gap: false }
    }

    /// Takes a unit; gives the segment that it ends.
    fn take(&mut self, time: Timestamp, key: bool, bytes: u64) -> Option<Segment> {
        let is_due = |open: &mut Segment| key && time.since(open.start) >= self.length;
        let closed = self.open.take_if(is_due).map(|open| Segment { end: time, ..open });
        let open = self.open.get_or_insert_with(|| {
            self.sequence += 1;
            Segment {
                sequence: self.sequence,
                start: time,
                end: time,
                bytes: 0,
                gap_before: std::mem::take(&mut self.gap),
                asked: true,
                held: Until::NEVER,
            }
        });
        open.bytes += bytes;
        closed
    }

    /// The video ends, or has a gap.
    fn end(&mut self, at: Timestamp) -> Option<Segment> {
        self.gap = true;
        self.open.take().map(|open| Segment { end: at.max(open.start), ..open })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_end_at_key_frames_and_at_gaps() {
        let mut cutter = Cutter::new(Duration::from_secs(10));
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        let mut closed: Vec<Segment> = Vec::new();
        for second in 0..25 {
            closed.extend(cutter.take(at(second), second % 4 == 0, 100));
        }
        closed.extend(cutter.end(at(25)));
        closed.extend(cutter.end(at(26)));
        closed.extend(cutter.take(at(30), true, 1));
        closed.extend(cutter.end(at(31)));
        let found: Vec<_> = closed
            .iter()
            .map(|one| (one.sequence, one.start, one.end, one.bytes, one.gap_before))
            .collect();
        assert_eq!(
            found,
            [
                (1, at(0), at(12), 1200, false),
                (2, at(12), at(24), 1200, false),
                (3, at(24), at(25), 100, false),
                (4, at(30), at(31), 1, true),
            ]
        );
    }
}
