//! What a policy is still to be asked: how long to keep each closed segment of its camera.
//!
//! Takes pages of segments from the store and gives it answers. New segments and those from before
//! the policy or its parameters changed come the same way, the oldest first. Calls no plugin.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::base::Result;
use crate::store::{Answer, Judge, Records, Unjudged};

/// Between two pages, so that a year of segments leaves the lane and the index to others.
const PAUSE: Duration = Duration::from_millis(200);
/// Before what was left unanswered is asked again.
const AGAIN: Duration = Duration::from_secs(60);
/// Files may be closed in another order than they were begun: so far back is looked again.
const BACK: u64 = 16;

/// The questions to one policy on one camera.
pub(super) struct Asking {
    judge: Judge,
    /// Segments up to this need not be looked at.
    after: Option<u64>,
    /// The page at hand.
    waiting: VecDeque<Unjudged>,
    answers: Vec<Answer>,
    /// Where the next page begins.
    next: Option<u64>,
    /// The last that was asked about.
    last: Option<u64>,
    /// The first that was left unanswered.
    left: Option<u64>,
    /// When to look for a page; `None`: when another segment is closed.
    due: Option<Instant>,
}

impl Asking {
    /// All questions, from the first on.
    pub(super) fn new(judge: Judge) -> Self {
        Self {
            judge,
            after: None,
            waiting: VecDeque::new(),
            answers: Vec::new(),
            next: None,
            last: None,
            left: None,
            due: Some(Instant::now()),
        }
    }

    /// Another segment was closed.
    pub(super) fn wake(&mut self) {
        self.due.get_or_insert_with(Instant::now);
    }

    /// The time until there may be something to ask.
    pub(super) fn pause(&self) -> Option<Duration> {
        if !self.waiting.is_empty() {
            return Some(Duration::ZERO);
        }
        self.due.map(|due| due.saturating_duration_since(Instant::now()))
    }

    /// The next question. `None`: not now.
    ///
    /// # Errors
    /// When the index can't be read: asked again later.
    pub(super) async fn next(&mut self, store: &dyn Records) -> Result<Option<Unjudged>> {
        if self.waiting.is_empty() && self.due.is_some_and(|due| due <= Instant::now()) {
            self.due = Some(Instant::now() + AGAIN);
            let page = store.unjudged(self.judge, self.after).await?;
            (self.waiting, self.next) = (page.segments.into(), page.next);
            if self.waiting.is_empty() {
                self.turn();
            }
        }
        Ok(self.waiting.pop_front())
    }

    /// What the policy said of `segment`; `None`: it can't say now. With the last answer to a
    /// page, all of them are stored.
    ///
    /// # Errors
    /// When the index can't be written: the page is asked again later.
    pub(super) async fn answered(
        &mut self,
        store: &dyn Records,
        segment: &Unjudged,
        keep: Option<Option<Duration>>,
    ) -> Result<()> {
        self.last = Some(segment.sequence);
        match keep {
            Some(keep) => self.answers.push(Answer { sequence: segment.sequence, keep }),
            None => self.left = self.left.or(self.last),
        }
        if !self.waiting.is_empty() {
            return Ok(());
        }
        self.due = Some(Instant::now() + AGAIN);
        store.answer(self.judge, std::mem::take(&mut self.answers)).await?;
        self.turn();
        Ok(())
    }

    /// A page is done: on to the next, back to what was left, or wait for what comes.
    fn turn(&mut self) {
        let now = Instant::now();
        if let Some(next) = self.next {
            (self.after, self.due) = (Some(next), Some(now + PAUSE));
        } else if let Some(left) = self.left.take() {
            (self.after, self.due) = (left.checked_sub(1), Some(now + AGAIN));
        } else {
            let near = self.last.and_then(|last| last.checked_sub(BACK));
            (self.after, self.due) = (near.max(self.after), None);
        }
    }
}
