//! When the store is low or full, and when it is well again.
//!
//! Pure: what was measured and what was deleted in, changes out. Each state ends well above the
//! mark at which it began, so that a disk that stays at its floor is told of once.

use std::time::Duration;

use tokio::time::Instant;

use crate::store::Room;

/// Under its floor for so long, the store has nothing left to delete.
const HELPLESS: Duration = Duration::from_secs(3);

/// What becomes of the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Less than one and a half floors are free.
    Low,
    /// That is over.
    Enough,
    /// The floor is reached, and what something still holds goes, or nothing is left to go.
    Full,
    /// That is over.
    Free,
}

/// Watches how full the store is.
#[derive(Debug, Default)]
pub(super) struct Watch {
    low: bool,
    full: bool,
    /// Under the floor since then.
    under: Option<Instant>,
}

impl Watch {
    /// Takes what was measured. `held_went`: something held was deleted for want of space since
    /// the last time.
    pub(super) fn observe(&mut self, room: Room, held_went: bool, now: Instant) -> Vec<Change> {
        let Room { free, floor, is_shut } = room;
        let quarters = |count: u64| floor.saturating_mul(count) / 4;
        let mut changes = Vec::new();
        let mut turn = |state: &mut bool, to: bool, change: Change| {
            if *state != to {
                *state = to;
                changes.push(change);
            }
        };
        if free < quarters(6) {
            turn(&mut self.low, true, Change::Low);
        }
        self.under = (free < floor).then(|| self.under.unwrap_or(now));
        let helpless = self.under.is_some_and(|since| now - since >= HELPLESS);
        if held_went || is_shut || helpless {
            turn(&mut self.full, true, Change::Full);
        } else if free >= quarters(5) {
            turn(&mut self.full, false, Change::Free);
        }
        if free >= quarters(7) {
            turn(&mut self.low, false, Change::Enough);
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_told_once() {
        let mut watch = Watch::default();
        let start = Instant::now();
        for (name, second, free, held_went, expected) in [
            ("plenty", 0, 900, false, vec![]),
            ("just enough", 1, 600, false, vec![]),
            ("low", 2, 599, false, vec![Change::Low]),
            ("still low", 3, 699, false, vec![]),
            ("enough", 4, 700, false, vec![Change::Enough]),
            ("low again", 5, 500, false, vec![Change::Low]),
            ("under, and what is over goes", 6, 399, false, vec![]),
            ("the floor is kept", 7, 401, false, vec![]),
            ("under again", 8, 399, false, vec![]),
            ("held video goes", 9, 399, true, vec![Change::Full]),
            ("at the floor", 10, 401, false, vec![]),
            ("and again", 60, 401, true, vec![]),
            ("free", 61, 500, false, vec![Change::Free]),
            ("nothing left", 62, 399, false, vec![]),
            ("to delete", 64, 399, false, vec![]),
            ("for three seconds", 65, 399, false, vec![Change::Full]),
            ("free again", 66, 500, false, vec![Change::Free]),
            ("shut at the floor", 67, 401, false, vec![Change::Full]),
            ("shut still", 68, 501, false, vec![]),
            ("a large disk comes", 69, 9000, false, vec![Change::Free, Change::Enough]),
        ] {
            let now = start + Duration::from_secs(second);
            let room = Room { free, floor: 400, is_shut: name.starts_with("shut") };
            assert_eq!(watch.observe(room, held_went, now), expected, "{name}");
        }
    }

    #[test]
    fn without_a_floor_nothing_is_low() {
        let room = Room { free: 0, floor: 0, is_shut: false };
        assert!(Watch::default().observe(room, false, Instant::now()).is_empty());
    }
}
