//! An analyzer that is woken by others: it gets pictures while an event of theirs is open, and a
//! little longer.
//!
//! Takes what is heard, tells until when pictures are wanted, on the camera's media time line: what
//! is decided does not depend on when it is decided, and is the same in a replay.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::base::Timestamp;
use crate::events::{Notice, Phase};

/// Pictures up to which time are wanted. Written by who wants them, read where they are made; clones
/// are the same one.
#[derive(Clone, Debug)]
pub struct Until(Arc<AtomicI64>);

impl Until {
    /// All of them.
    pub fn always() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MAX)))
    }

    fn never() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MIN)))
    }

    fn set(&self, until: Option<Timestamp>) {
        self.0.store(until.map_or(i64::MAX, Timestamp::micros), Ordering::Relaxed);
    }

    /// Whether a picture of this time is wanted.
    pub fn contains(&self, time: Timestamp) -> bool {
        time.micros() <= self.0.load(Ordering::Relaxed)
    }
}

/// Opens for events, and closes after them.
#[derive(Debug)]
pub struct Gate {
    tail: Duration,
    /// Ids of the events that are open.
    open: BTreeSet<String>,
    /// When it closes, once none is.
    closes: Timestamp,
    until: Until,
}

impl Gate {
    /// A closed one, which closes so long after the last event.
    pub fn new(tail: Duration) -> Self {
        let closes = Timestamp::from_micros(i64::MIN);
        Self { tail, open: BTreeSet::new(), closes, until: Until::never() }
    }

    /// Until when it lets pictures through.
    pub fn until(&self) -> Until {
        self.until.clone()
    }

    /// Takes in an event that it is to open for.
    pub fn hear(&mut self, notice: &Notice) {
        let event = &notice.event;
        match event.phase {
            Phase::Begin | Phase::Update => {
                self.open.insert(event.id.clone());
            }
            Phase::End => {
                self.open.remove(&event.id);
            }
            Phase::Instant => {}
        }
        self.closes = self.closes.max(event.time + self.tail);
        self.tell();
    }

    /// Events were missed: what seems open may be over. What is not says so again within seconds.
    pub fn forget(&mut self) {
        self.open.clear();
        self.tell();
    }

    fn tell(&self) {
        self.until.set(self.open.is_empty().then_some(self.closes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Event;

    fn notice(id: &str, phase: Phase, seconds: i64) -> Notice {
        let time = at(seconds);
        let (id, kind) = (id.into(), "motion".into());
        let event = Event {
            id,
            kind,
            phase,
            time,
            confidence: 1.0,
            regions: Vec::new(),
            cameras: Vec::new(),
            correlation: None,
            attributes: Vec::new(),
        };
        let (camera, origin) = ("gate".into(), "motion".into());
        Notice { event, camera, origin, received: time, sequence: 1 }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn it_is_open_while_any_event_is_and_for_the_tail() {
        let mut gate = Gate::new(Duration::from_secs(5));
        let until = gate.until();
        let last = |until: &Until| (0..100).rev().find(|second| until.contains(at(*second)));
        assert_eq!(last(&until), None);
        for (id, phase, second, expected) in [
            ("a", Phase::Begin, 10, 99),
            ("b", Phase::Update, 12, 99),
            ("a", Phase::End, 13, 99),
            ("b", Phase::End, 20, 25),
            ("x", Phase::End, 11, 25),
            ("c", Phase::Instant, 23, 28),
        ] {
            gate.hear(&notice(id, phase, second));
            assert_eq!(last(&until), Some(expected), "{id} {phase:?}");
        }
    }

    #[test]
    fn what_was_missed_leaves_nothing_open_for_ever() {
        let mut gate = Gate::new(Duration::from_secs(5));
        let until = gate.until();
        gate.hear(&notice("a", Phase::Begin, 10));
        gate.forget();
        assert!(until.contains(at(15)) && !until.contains(at(16)));
        gate.hear(&notice("a", Phase::Update, 30));
        assert!(until.contains(at(99)));
    }
}
