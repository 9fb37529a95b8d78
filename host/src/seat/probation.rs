//! Half a minute in which the one before stands by: the inputs are noted, and if the new one falls
//! or is too slow, the old one is given them and is in charge again.

use std::time::Duration;

use tokio::time::Instant;

use super::journal::{Journal, Told};
use super::order::Offer;
use super::post::{Given, Reply, Seated, ask, has_events};
use super::sit::{SAVE, Seat};
use super::vault::Kept;
use super::voice::Change;
use crate::base::Timestamp;
use crate::kv::Shelf;
use crate::wasm::supervise::{Guest, Trouble};
use crate::wasm::{CallStats, Kind};

/// So long the one before stands by.
pub(super) const PROBATION: Duration = Duration::from_secs(30);

/// So many overruns in a row end a probation badly.
const OVERRUNS_MAX: u32 = 3;

/// Offers that are remembered as bad.
const BAD_MAX: usize = 16;

/// Why a probation ends badly.
pub(super) struct Fall {
    why: String,
    /// It was the host that could not go on: the same may do well another time.
    is_hosts: bool,
}

impl Fall {
    /// It took too long, again and again.
    pub(super) fn slow() -> Self {
        let why = "three calls in a row took more than half of what they may".into();
        Self { why, is_hosts: false }
    }

    fn next(&self) -> &'static str {
        match self.is_hosts {
            true => "this says nothing against it: reload it once the host can",
            false => {
                "not tried again until its component or parameters change, or a person reloads it"
            }
        }
    }
}

impl From<&Trouble> for Fall {
    fn from(trouble: &Trouble) -> Self {
        Self { why: trouble.to_string(), is_hosts: trouble.is_hosts() }
    }
}

/// The one before, standing by.
pub(super) struct Probation<T: Kind> {
    pub(super) offer: Offer,
    pub(super) guest: Guest<T>,
    pub(super) wishes: T::Wishes,
    pub(super) run: Timestamp,
    /// What it handed over.
    pub(super) kept: Option<Kept>,
    pub(super) until: Instant,
    pub(super) overruns: u32,
    /// Where the one in charge keeps what it keeps by key and value: noted is what stood there before.
    pub(super) shelf: Option<Shelf>,
}

impl<T: Kind> Seat<T> {
    /// The one in charge has shown that it is fit: the one before goes.
    pub(super) async fn trust(&mut self) -> Result<(), Trouble> {
        let saved = self.save().await?;
        self.end_probation();
        self.tell_trusted();
        match saved {
            Some(snapshot) => self.keep(snapshot, false),
            // What there is belongs to the one before.
            None => {
                self.kept = None;
                self.journal = Journal::new(false);
            }
        }
        let has_state = self.offer.as_ref().is_some_and(|offer| offer.plugin.has_state());
        self.save_at = has_state.then(|| Instant::now() + SAVE);
        Ok(())
    }

    /// The one before goes. What the one in charge has kept stays.
    pub(super) fn end_probation(&mut self) {
        let probation = self.probation.take();
        if let Some(shelf) = probation.and_then(|probation| probation.shelf) {
            shelf.settle();
        }
    }

    /// Whether a call shows that the one on probation is too slow. Ends the probation when there
    /// is no room for more inputs.
    pub(super) fn is_too_slow(&mut self, stats: &CallStats) -> bool {
        let Some(probation) = &mut self.probation else {
            // No room for many more: save early.
            if self.journal.is_filling() {
                self.save_at = self.save_at.map(|_| Instant::now());
            }
            return false;
        };
        probation.overruns = if stats.overrun { probation.overruns + 1 } else { 0 };
        if self.journal.is_filling() {
            probation.until = Instant::now();
        }
        probation.overruns >= OVERRUNS_MAX
    }

    /// The one before comes back, and is given what it missed, and `last`, on which the other fell.
    /// `last_words` is the other's last answer.
    pub(super) async fn roll_back(
        &mut self,
        fall: Fall,
        last_words: Option<Reply<T>>,
        last: Option<T::Input>,
    ) -> Given<T> {
        let mut given = Given { last_words, seated: None, replies: Vec::new(), trouble: None };
        let (Some(probation), Some(fallen)) = (self.probation.take(), self.offer.take()) else {
            return given;
        };
        if !fall.is_hosts {
            if self.bad.len() >= BAD_MAX {
                self.bad.pop_first();
            }
            self.bad.insert(fallen.digest(), fall.why.clone());
        }
        let (from, to) = (fallen.describe(), probation.offer.describe());
        let is_whole = self.journal.is_whole();
        let continues = is_whole && self.run == probation.run;
        let mut guest = probation.guest;
        // What the other kept was kept on what it was given; the one before is given that itself now.
        if let Some(shelf) = probation.shelf {
            shelf.undo();
        }
        self.offer = Some(probation.offer);
        self.wishes = Some(probation.wishes.clone());
        self.kept = probation.kept;
        self.run = probation.run;
        if !is_whole {
            // What happened meanwhile it will never know: its ids must not be those again.
            self.run = self.run.max(self.shared.clock.wall());
            self.begin_run();
        }
        given.seated = Some(Seated { wishes: probation.wishes, run: self.run, continues });
        let missed: Vec<_> = self.journal.entries().collect();
        let missed = missed.into_iter().map(|(input, had)| (input, Some(had)));
        self.journal = Journal::new(is_whole);
        for (input, again) in missed.chain(last.map(|input| (input, None))) {
            match ask(&mut guest, input.clone(), again).await {
                Ok(mut reply) => {
                    let told = Told { input, asked: std::mem::take(&mut reply.asked) };
                    self.journal.push(told, has_events(&reply));
                    given.replies.push(reply);
                }
                Err(trouble) => {
                    given.trouble = Some(trouble);
                    break;
                }
            }
        }
        self.sitter = Some(guest);
        let is_saved = self.offer.as_ref().is_some_and(|offer| offer.plugin.has_state());
        self.save_at = is_saved.then(|| Instant::now() + SAVE);
        let reason = format!("{}: {}", fall.why, fall.next());
        self.tell_facts(Some(fall.why));
        self.voice.tell(Change::RolledBack, &from, &to, &reason).await;
        given
    }
}
