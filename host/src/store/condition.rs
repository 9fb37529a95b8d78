//! What is wrong with each place at the moment, said once for each change.
//!
//! Takes what threads meet, gives the health of the whole. Knows no file.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::news::Health;
use super::places::PlaceId;

/// What a place was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Task {
    /// To be there.
    Stand,
    /// To take what is recorded.
    Record,
    /// To have room for it.
    Fit,
    /// To keep what a person wants kept.
    Keep,
    /// To keep within a size.
    Bound,
    /// To let go of what is to be deleted.
    Release,
    /// To have room for its index.
    Index,
    /// To give its old segments to another place.
    Move,
    /// To take the journal.
    Note,
}

/// Clones share the state.
#[derive(Clone)]
pub(super) struct Condition {
    /// What failed last, of those that have not worked since.
    failing: Arc<Mutex<BTreeMap<(PlaceId, Task), String>>>,
    health: watch::Sender<Health>,
}

impl Default for Condition {
    fn default() -> Self {
        Self { failing: Arc::default(), health: watch::Sender::new(Health::Good) }
    }
}

impl Condition {
    /// Something failed. Gives whether it worked before.
    pub(super) fn fails(&self, place: PlaceId, task: Task, words: String) -> bool {
        let mut failing = self.failing.lock().expect("no panic under this lock");
        let new = !failing.contains_key(&(place, task));
        if new {
            failing.insert((place, task), words);
            self.tell(&failing);
        }
        new
    }

    /// It was said to be wrong.
    pub(super) fn is_failing(&self, place: PlaceId, task: Task) -> bool {
        self.failing.lock().expect("no panic under this lock").contains_key(&(place, task))
    }

    /// It works. Gives whether it failed before.
    pub(super) fn works(&self, place: PlaceId, task: Task) -> bool {
        let mut failing = self.failing.lock().expect("no panic under this lock");
        let changed = failing.remove(&(place, task)).is_some();
        if changed {
            self.tell(&failing);
        }
        changed
    }

    /// What is wrong with a place.
    pub(super) fn trouble(&self, place: PlaceId) -> Option<String> {
        let failing = self.failing.lock().expect("no panic under this lock");
        failing.iter().find(|((at, _), _)| *at == place).map(|(_, words)| words.clone())
    }

    /// Hears of changes of the whole: it is well when all places are.
    pub(super) fn subscribe(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    fn tell(&self, failing: &BTreeMap<(PlaceId, Task), String>) {
        let now = failing.values().next().cloned().map_or(Health::Good, Health::Failing);
        self.health.send_if_modified(|health| {
            let changed = *health != now;
            *health = now;
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_well_when_each_place_is() {
        let condition = Condition::default();
        let health = condition.subscribe();
        let (main, other) = (PlaceId::MAIN, PlaceId(1));
        assert!(condition.fails(other, Task::Record, "torn out".into()));
        assert!(!condition.fails(other, Task::Record, "again".into()));
        assert!(condition.fails(main, Task::Move, "no room".into()));
        assert_eq!(*health.borrow(), Health::Failing("no room".into()));
        assert_eq!(condition.trouble(other).as_deref(), Some("torn out"));
        assert!(condition.works(main, Task::Move));
        assert_eq!(*health.borrow(), Health::Failing("torn out".into()));
        assert!(condition.works(other, Task::Record));
        assert!(!condition.works(other, Task::Record));
        assert_eq!((health.borrow().clone(), condition.trouble(other)), (Health::Good, None));
    }
}
