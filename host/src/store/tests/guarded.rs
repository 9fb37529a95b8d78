//! The guard of age, through the store: restarts, and a person who confirms.

use std::sync::atomic::{AtomicI64, Ordering};

use super::super::fs::Disk;
use super::super::{Guarded, Store};
use super::*;

const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

fn open_at(root: &Path, clock: &Arc<Hands>) -> Store {
    Store::open(config(root), Arc::new(Disk), clock.clone(), Metrics::default()).unwrap().0
}

/// A file of three seconds that is kept for an hour, and what is there after a sweep.
async fn recorded(store: &Store, sequence: u64, seconds: i64) {
    let mut closed = store.subscribe_closed();
    record(&mut gate(store, Some(3600)).0, sequence, seconds, 3, true).unwrap();
    closed.recv().await.unwrap();
}

async fn left(store: &Store, root: &Path) -> usize {
    store.sweep_now().await.unwrap();
    segments(root).len()
}

fn behind(store: &Store) -> Option<i64> {
    let guarded: Option<Guarded> = *store.guarded().borrow();
    guarded.map(|guarded| guarded.behind.as_secs().cast_signed())
}

#[tokio::test]
async fn a_jump_ahead_deletes_nothing_until_it_has_stood() {
    let root = temporary();
    let clock = Hands::at(0);
    let store = open_at(root.path(), &clock);
    recorded(&store, 0, 0).await;
    clock.step(YEAR);
    assert_eq!((left(&store, root.path()).await, behind(&store)), (1, Some(YEAR)));
    // Events, spans and gaps are judged by the same time: a restart keeps it.
    store.shutdown().await;
    let store = open_at(root.path(), &clock);
    assert_eq!((left(&store, root.path()).await, behind(&store)), (1, Some(YEAR)));
    clock.set(YEAR + 3000);
    assert_eq!(left(&store, root.path()).await, 1, "the hour is not over");
    clock.set(YEAR + 3700);
    assert_eq!(left(&store, root.path()).await, 0, "an hour has really passed");
    recorded(&store, 1, YEAR + 3700).await;
    clock.set(YEAR + 2 * DAY);
    assert_eq!((left(&store, root.path()).await, behind(&store)), (0, None), "it stood");
}

/// Clocks that jump ahead just before they are read for the nth time.
struct Jumpy {
    hands: Arc<Hands>,
    left: AtomicI64,
}

impl Jumpy {
    fn hands(&self) -> &Hands {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.hands.step(YEAR);
        }
        &self.hands
    }
}

impl Clock for Jumpy {
    fn wall(&self) -> Timestamp {
        self.hands().wall()
    }

    fn moment(&self) -> (Instant, Timestamp) {
        self.hands().moment()
    }
}

#[tokio::test]
async fn a_jump_in_the_middle_of_a_sweep_deletes_nothing() {
    for n in 1..=8 {
        let root = temporary();
        let clock = Arc::new(Jumpy { hands: Hands::at(0), left: AtomicI64::new(i64::MAX) });
        let store =
            Store::open(config(root.path()), Arc::new(Disk), clock.clone(), Metrics::default());
        let store = store.unwrap().0;
        recorded(&store, 0, 0).await;
        clock.left.store(n, Ordering::Relaxed);
        for _ in 0..4 {
            assert_eq!(left(&store, root.path()).await, 1, "before reading {n}");
        }
        assert_eq!(behind(&store), Some(YEAR));
    }
}

#[tokio::test]
async fn a_boot_in_1970_deletes_nothing_then_nor_when_the_clock_is_set() {
    let root = temporary();
    let store = open_at(root.path(), &Hands::at(0));
    recorded(&store, 0, 0).await;
    store.shutdown().await;
    let clock = Hands::at(0);
    clock.step(-(1_763_800_000 - 100));
    let store = open_at(root.path(), &clock);
    assert_eq!((left(&store, root.path()).await, behind(&store)), (1, None));
    let away = 14 * DAY;
    clock.step(1_763_800_000 - 100 + away);
    assert_eq!((left(&store, root.path()).await, behind(&store)), (1, Some(away)));
}

#[tokio::test]
async fn after_two_weeks_without_a_host_a_person_can_confirm() {
    let root = temporary();
    let store = open_at(root.path(), &Hands::at(0));
    recorded(&store, 0, 0).await;
    store.shutdown().await;
    let clock = Hands::at(14 * DAY);
    let store = open_at(root.path(), &clock);
    assert_eq!((left(&store, root.path()).await, behind(&store)), (1, Some(14 * DAY)));
    let confirmed = store.confirm_time().await.unwrap().expect("it was guarded");
    assert_eq!(confirmed.behind.as_secs().cast_signed(), 14 * DAY);
    assert_eq!((left(&store, root.path()).await, behind(&store)), (0, None));
    assert_eq!(store.confirm_time().await.unwrap(), None);
}

#[tokio::test]
async fn what_is_confirmed_without_a_host_counts_at_its_start() {
    let root = temporary();
    let store = open_at(root.path(), &Hands::at(0));
    recorded(&store, 0, 0).await;
    store.shutdown().await;
    let clock = Hands::at(14 * DAY);
    let visit = Store::visit(root.path(), Arc::new(Disk), clock.clone()).unwrap().unwrap();
    visit.confirm_time().await.unwrap();
    visit.shutdown().await;
    let store = open_at(root.path(), &clock);
    assert_eq!((left(&store, root.path()).await, behind(&store)), (0, None));
}
