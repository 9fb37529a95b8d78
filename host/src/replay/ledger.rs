//! What a replay writes to instead of a store: events, spans and answers, in memory.
//!
//! Takes and gives what the stages ask of [`Records`], by the rules of the store. Touches no disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::future::{BoxFuture, ready};

use super::Segment;
use crate::base::clock::Clock;
use crate::base::{Result, Timestamp};
use crate::events::{Event, Notice};
use crate::policy::Span;
use crate::store::answers::PAGE;
use crate::store::{Answer, Judge, Mark, NewEvent, Outcome, Page, Records, Unjudged, seal};

/// An event that was said in a replay, and not only repeated.
#[derive(Clone, Debug)]
pub struct Said {
    /// In order of receipt, after all that is repeated.
    pub sequence: u64,
    /// The event, and what the host made of it.
    pub new: NewEvent,
}

/// Events, spans and answers of one camera's replay.
pub(super) struct Ledger {
    clock: Arc<dyn Clock>,
    keep: Duration,
    /// Held for a lookup or an insertion only.
    pages: Mutex<Pages>,
}

/// What is in a ledger.
#[derive(Default)]
pub(super) struct Pages {
    /// In order of receipt.
    pub(super) said: Vec<Said>,
    next_sequence: u64,
    /// Kinds of what was accepted, repeated or said, by time and a number.
    heard: BTreeMap<(Timestamp, usize), String>,
    /// By id.
    pub(super) spans: BTreeMap<String, Span>,
    /// Closed so far, by sequence.
    pub(super) segments: Vec<Segment>,
    /// By judge and segment.
    pub(super) answers: BTreeMap<(i64, u64), Option<Duration>>,
}

impl Ledger {
    /// Empty. What is said is numbered from `next_sequence`; spans are kept for `keep` where nobody
    /// says otherwise.
    pub(super) fn new(clock: Arc<dyn Clock>, keep: Duration, next_sequence: u64) -> Self {
        let pages = Mutex::new(Pages { next_sequence, ..Pages::default() });
        Self { clock, keep, pages }
    }

    /// Notes an event that is repeated.
    pub(super) fn repeated(&self, notice: &Notice) {
        self.pages().hear(&notice.event);
    }

    /// Notes a segment about which judges may be asked from now on.
    pub(super) fn closed(&self, segment: Segment) {
        self.pages().segments.push(segment);
    }

    /// All of it, and an empty ledger.
    pub(super) fn take(&self) -> Pages {
        std::mem::take(&mut *self.pages())
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().expect("no panic under this lock")
    }

    fn note(&self, new: NewEvent) -> u64 {
        let mut pages = self.pages();
        let sequence = pages.next_sequence;
        pages.next_sequence += 1;
        if new.outcome == Outcome::Accepted {
            pages.hear(&new.event);
        }
        pages.said.push(Said { sequence, new });
        sequence
    }

    fn put(&self, span: Span) -> Result<()> {
        let now = self.clock.wall();
        let mut pages = self.pages();
        let span = match pages.spans.get(&span.id) {
            Some(known) => seal::replace(span, known, Some(self.keep), now)?,
            None => span,
        };
        pages.spans.insert(span.id.clone(), span);
        Ok(())
    }

    fn page(&self, after: Option<u64>, judge: i64) -> Page {
        let pages = self.pages();
        let first = after
            .map_or(0, |after| pages.segments.partition_point(|segment| segment.sequence <= after));
        let mut open = pages.segments[first..].iter().filter(|segment| {
            segment.asked && !pages.answers.contains_key(&(judge, segment.sequence))
        });
        let segments: Vec<Unjudged> =
            open.by_ref().take(PAGE as usize).map(|segment| pages.ask(segment)).collect();
        let next = open.next().and(segments.last().map(|last| last.sequence));
        Page { segments, next }
    }
}

impl Pages {
    fn hear(&mut self, event: &Event) {
        let number = self.heard.len();
        self.heard.insert((event.time, number), event.kind.clone());
    }

    fn ask(&self, segment: &Segment) -> Unjudged {
        let mut kinds = BTreeMap::new();
        for (_, kind) in self.heard.range((segment.start, 0)..(segment.end, 0)) {
            *kinds.entry(kind.clone()).or_insert(0_u32) += 1;
        }
        Unjudged {
            sequence: segment.sequence,
            start: segment.start,
            end: segment.end,
            bytes: segment.bytes,
            gap_before: segment.gap_before,
            events: kinds.into_iter().collect(),
        }
    }
}

impl Records for Ledger {
    fn enter(&self, event: NewEvent) -> BoxFuture<'static, Result<u64>> {
        Box::pin(ready(Ok(self.note(event))))
    }

    fn tell(
        &self,
        event: Option<NewEvent>,
        _mark: Option<Mark>,
    ) -> BoxFuture<'_, Result<Option<u64>>> {
        Box::pin(ready(Ok(event.map(|event| self.note(event)))))
    }

    fn span(&self, span: Span) -> BoxFuture<'_, Result<()>> {
        Box::pin(ready(self.put(span)))
    }

    /// Unknown: what lay on the disk at that time may be gone by now.
    fn earliest<'a>(&'a self, _camera: &'a str) -> BoxFuture<'a, Result<Option<Timestamp>>> {
        Box::pin(ready(Ok(None)))
    }

    fn judge_answers(&self, _judge: Judge, _does: bool) -> BoxFuture<'_, Result<()>> {
        Box::pin(ready(Ok(())))
    }

    /// In a replay nobody is replaced.
    fn replace_judge(&self, judge: Judge, _digest: String) -> BoxFuture<'_, Result<Judge>> {
        Box::pin(ready(Ok(judge)))
    }

    fn unjudged(&self, judge: Judge, after: Option<u64>) -> BoxFuture<'_, Result<Page>> {
        Box::pin(ready(Ok(self.page(after, judge.number()))))
    }

    fn answer(&self, judge: Judge, said: Vec<Answer>) -> BoxFuture<'_, Result<()>> {
        let mut pages = self.pages();
        for answer in said {
            pages.answers.insert((judge.number(), answer.sequence), answer.keep);
        }
        drop(pages);
        Box::pin(ready(Ok(())))
    }
}
