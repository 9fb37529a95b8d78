//! What an analyzer hears of those that it comes after, in time with its pictures.
//!
//! Takes notices and the times of pictures; gives what is to be told before a picture, and says
//! through a gate whether there are pictures at all. Calls no plugin.

use std::collections::VecDeque;
use std::time::Duration;

use super::gate::{Gate, Until};
pub use super::order::Patience;
use super::order::{self, Ahead};
use crate::base::{Timestamp, limits};
use crate::events::{Follower, Notice};

/// Notices that an analyzer is told at once.
const NOTICES_MAX: usize = limits::EVENT_QUEUE;

/// The ear of one analyzer on one camera.
#[derive(Debug)]
pub struct Hearing {
    follower: Follower,
    /// Where it is woken by what it hears.
    gate: Option<Gate>,
    /// The analyzers of its camera that it comes after.
    ahead: Vec<Ahead>,
    patience: Patience,
    /// Heard and not told yet, in order of receipt; at most [`NOTICES_MAX`].
    waiting: VecDeque<Notice>,
}

impl Hearing {
    /// For one that comes after `ahead`; with a `tail` it gets pictures only while what it hears is
    /// open, and for so long after.
    pub fn new(
        follower: Follower,
        ahead: Vec<Ahead>,
        tail: Option<Duration>,
        patience: Patience,
    ) -> Self {
        let (gate, waiting) = (tail.map(Gate::new), VecDeque::new());
        Self { follower, gate, ahead, patience, waiting }
    }

    /// Until when it gets pictures.
    pub fn until(&self) -> Until {
        self.gate.as_ref().map_or_else(Until::always, Gate::until)
    }

    /// Waits until there is something to tell; for ever where nobody says anything any more.
    pub async fn some(&mut self) {
        if !self.waiting.is_empty() {
            return;
        }
        match self.follower.next(NOTICES_MAX).await {
            Some(notices) => self.take_in(notices),
            None => std::future::pending().await,
        }
    }

    /// What is to be told before a picture of this time: waits for those ahead, who may look at it
    /// still. In order of receipt, so what came before one that is due is told with it.
    pub async fn before(&mut self, time: Timestamp) -> Vec<Notice> {
        order::wait(&mut self.ahead, time, self.patience).await;
        self.look();
        let due = self.waiting.iter().rposition(|notice| notice.event.time <= time);
        self.waiting.drain(..due.map_or(0, |last| last + 1)).collect()
    }

    /// All that waits to be told.
    pub fn all(&mut self) -> Vec<Notice> {
        self.look();
        self.waiting.drain(..).collect()
    }

    /// Takes in what was said meanwhile, without waiting.
    fn look(&mut self) {
        let room = NOTICES_MAX.saturating_sub(self.waiting.len());
        let notices = self.follower.waiting(room);
        self.take_in(notices);
    }

    fn take_in(&mut self, notices: Vec<Notice>) {
        if let Some(gate) = &mut self.gate {
            if self.follower.missed() > 0 {
                gate.forget();
            }
            notices.iter().for_each(|notice| gate.hear(notice));
        }
        self.waiting.extend(notices);
    }
}
