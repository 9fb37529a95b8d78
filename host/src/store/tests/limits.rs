//! The limits: sizes, and a floor that holds to the byte on a disk of a chosen size.

use super::super::fs::Disk;
use super::super::holds::Rank;
use super::super::pins::Named;
use super::super::sim::narrow::Narrow;
use super::super::{DeletedSegment, Health, Limit, Reason, Store};
use super::full::refuse_commits;
use super::*;
use crate::policy::Span;

const MIB: u64 = 1 << 20;
/// The disk, and its floor.
const TOTAL: u64 = 64 * MIB;
const FLOOR: u64 = 40 * MIB;

fn on_narrow(root: &Path, disk: &Narrow, size_max: Option<u64>) -> Store {
    let config = StoreConfig { free_floor: FreeFloor::Bytes(FLOOR), size_max, ..config(root) };
    Store::open(config, Arc::new(disk.clone()), Hands::at(1000), Metrics::default()).unwrap().0
}

fn camera(store: &Store, name: &str, size_max: Option<u64>) -> CameraSink {
    let settings = CameraSettings { size_max, ..CameraSettings::default() };
    store.camera(name, settings).unwrap().0
}

fn span(camera: &str, start: i64, end: i64) -> Span {
    Span {
        id: format!("{camera}/{start}"),
        camera: camera.into(),
        policy: "p".into(),
        start: at(start),
        end: at(end),
        keep: None,
        label: String::new(),
        because: vec![],
        correlation: None,
    }
}

async fn pin(store: &Store, camera: &str, start: i64, end: i64) {
    let named = Named::Range { camera: camera.into(), start: at(start), end: at(end) };
    store.pin(named, None).await.unwrap().unwrap();
}

/// What was deleted, in order: sequences and reasons.
fn said(deleted: &mut tokio::sync::broadcast::Receiver<DeletedSegment>) -> Vec<(u64, Reason)> {
    let said = std::iter::from_fn(|| deleted.try_recv().ok());
    said.map(|one| (one.sequence, one.reason)).collect()
}

/// Records five files of three seconds, of which 1 is spanned, 2 pinned. Gives their size.
async fn five(store: &Store, sink: &mut CameraSink, name: &str) -> u64 {
    let mut closed = store.subscribe_closed();
    store.span(span(name, 10, 13)).await.unwrap();
    let mut bytes = 0;
    for sequence in 0..5 {
        record(sink, sequence, sequence as i64 * 10, 3, true).unwrap();
        bytes = closed.recv().await.unwrap().bytes;
    }
    pin(store, name, 20, 23).await;
    bytes
}

#[tokio::test]
async fn a_camera_is_held_to_its_size_by_rank_and_order() {
    let root = temporary();
    let (store, _) = open(root.path(), &Hands::at(1000));
    let mut deleted = store.subscribe_deleted();
    let (mut gate, mut yard) = (camera(&store, "gate", None), camera(&store, "yard", None));
    let bytes = five(&store, &mut gate, "gate").await;
    five(&store, &mut yard, "yard").await;
    let mut health = store.health();
    for (name, size, expected) in [
        ("as much as there is", 5 * bytes, vec![]),
        ("a byte less", 5 * bytes - 1, vec![(0, Rank::Continuous)]),
        ("two files", 2 * bytes, vec![(3, Rank::Continuous), (4, Rank::Continuous)]),
        ("one", bytes, vec![(1, Rank::Span)]),
        ("none", 1, vec![(2, Rank::Pinned)]),
    ] {
        assert_eq!(*health.borrow_and_update(), Health::Good, "{name}");
        drop(camera(&store, "gate", Some(size)));
        store.sweep_now().await.unwrap();
        let reason = |rank| Reason::Room(Limit::CameraSize, rank);
        let expected: Vec<_> = expected.into_iter().map(|(at, rank)| (at, reason(rank))).collect();
        assert_eq!(said(&mut deleted), expected, "{name}");
    }
    let Health::Failing(words) = health.borrow_and_update().clone() else { panic!("no alarm") };
    assert!(words.contains("camera gate") && words.contains("pinned"), "{words}");
    assert_eq!(segments(root.path()).iter().filter(|one| one.camera == "yard").count(), 5);
}

#[tokio::test]
async fn a_size_that_an_open_file_is_over_is_told() {
    let root = temporary();
    let clock = Hands::at(1000);
    let (store, _) = open(root.path(), &clock);
    let mut gate = camera(&store, "gate", Some(5000));
    let (mut health, mut closed) = (store.health(), store.subscribe_closed());
    gate.open(start(0, 0, true)).unwrap();
    gate.append(0, fragment(0, 0)).unwrap();
    let grow = async |store: &Store, gate: &mut CameraSink, n| {
        gate.append(0, fragment(0, n)).unwrap();
        while gate.is_waiting() {
            store.earliest("gate").await.unwrap();
        }
        store.sweep_now().await.unwrap();
    };
    grow(&store, &mut gate, 1).await;
    assert_eq!(*health.borrow_and_update(), Health::Good);
    for n in 2..6 {
        grow(&store, &mut gate, n).await;
    }
    let Health::Failing(words) = health.borrow_and_update().clone() else { panic!("no alarm") };
    assert!(words.contains("camera gate") && words.contains("being written"), "{words}");
    gate.close(0, end(6));
    // Only what has a row can be swept.
    closed.recv().await.unwrap();
    clock.set(1000 + 2 * 3600);
    store.sweep_now().await.unwrap();
    store.sweep_now().await.unwrap();
    health.wait_for(|health| *health == Health::Good).await.unwrap();
}

#[tokio::test]
async fn a_store_is_held_to_its_size_whoever_recorded_last() {
    let root = temporary();
    let disk = Narrow::new(TOTAL);
    let first = on_narrow(root.path(), &disk, None);
    let (mut gate, mut yard) = (camera(&first, "gate", None), camera(&first, "yard", None));
    let mut closed = first.subscribe_closed();
    // The yard was recorded when the clock stood years before, the gate after that, and a
    // third time when it was years ahead: what counts is the order of recording.
    let year = 365 * 86_400;
    let mut bytes = 0;
    for (is_gate, sequence, seconds) in
        [(true, 0, 5 * year), (false, 0, -9 * year), (true, 1, 0), (false, 1, 0)]
    {
        let sink = if is_gate { &mut gate } else { &mut yard };
        record(sink, sequence, seconds, 3, true).unwrap();
        bytes = closed.recv().await.unwrap().bytes;
    }
    first.shutdown().await;
    let store = on_narrow(root.path(), &disk, Some(2 * bytes));
    let mut deleted = store.subscribe_deleted();
    store.sweep_now().await.unwrap();
    let reason = Reason::Room(Limit::StoreSize, Rank::Continuous);
    // The first look may have been before anybody listened.
    assert!(said(&mut deleted).iter().all(|one| one.1 == reason));
    let left: Vec<_> =
        segments(root.path()).into_iter().map(|one| (one.camera, one.sequence)).collect();
    assert_eq!(left, [("gate".to_owned(), 1), ("yard".to_owned(), 1)]);
}

#[tokio::test]
async fn what_is_read_or_stuck_is_passed_over() {
    let root = temporary();
    let disk = Narrow::new(TOTAL);
    let store = on_narrow(root.path(), &disk, None);
    let mut deleted = store.subscribe_deleted();
    let mut gate = camera(&store, "gate", None);
    let bytes = five(&store, &mut gate, "gate").await;
    let path =
        |sequence: i64| super::super::layout::segment("gate", at(sequence * 10), sequence as u64);
    let hold = Disk.hold(&root.path().join(path(0))).unwrap();
    disk.set_stuck(vec![path(3)]);
    drop(camera(&store, "gate", Some(4 * bytes)));
    // That one is stuck is told; the next went all the same.
    let _ = store.sweep_now().await;
    let reason = |rank| Reason::Room(Limit::CameraSize, rank);
    assert_eq!(said(&mut deleted), [(4, reason(Rank::Continuous))]);
    drop(hold);
    disk.set_stuck(vec![]);
    store.shutdown().await;
    check_agreement(root.path(), "passed over");
    assert_eq!(segments(root.path()).len(), 4);
}

/// Records until the camera's door is shut. Gives the sequences that were closed whole.
async fn fill(store: &Store, sink: &mut CameraSink, from: u64) -> u64 {
    for sequence in from.. {
        let seconds = sequence as i64 * 100;
        sink.open(start(sequence, seconds, true)).unwrap();
        for n in 0..60 {
            // Lets the writer come along, so that the door is shut by the disk alone.
            let _ = store.earliest("gate").await;
            if sink.append(sequence, fragment(seconds, n)).is_err() {
                sink.close(sequence, end(seconds + i64::from(n)));
                return sequence;
            }
        }
        sink.close(sequence, end(seconds + 60));
    }
    unreachable!("the disk is never full")
}

#[tokio::test]
async fn nothing_is_written_below_the_floor_and_recording_resumes() {
    let root = temporary();
    // Nothing can go, and others leave little room.
    let disk = Narrow::new(TOTAL);
    let store = on_narrow(root.path(), &disk, None);
    let mut health = store.health();
    let mut room = store.room();
    let mut sink = camera(&store, "gate", None);
    store.sweep_now().await.unwrap();
    let used = TOTAL - disk.free();
    disk.set_others(TOTAL - FLOOR - used - 60_000);
    disk.set_stuck(vec![super::super::layout::segment("gate", at(0), 0)]);
    disk.least();
    let last = fill(&store, &mut sink, 0).await;
    assert!(disk.least() >= FLOOR, "the floor holds to the byte");
    let full = |health: &Health| matches!(health, Health::Failing(why) if why.contains("is full"));
    health.wait_for(full).await.unwrap();
    room.wait_for(|room| room.is_some_and(|room| room.is_shut)).await.unwrap();
    // A little room does not open it.
    disk.set_others(TOTAL - FLOOR - used - 200_000);
    let _stuck = store.sweep_now().await;
    let _refused = record(&mut sink, last + 1, 100_000, 3, true);
    let _stuck = store.sweep_now().await;
    assert!(room.borrow_and_update().unwrap().is_shut);
    // Room for a file of each camera does.
    disk.set_others(0);
    disk.set_stuck(vec![]);
    let mut closed = store.subscribe_closed();
    record(&mut sink, last + 2, 200_000, 3, true).unwrap();
    while closed.recv().await.unwrap().sequence != last + 2 {}
    health.wait_for(|health| !full(health)).await.unwrap();
    store.shutdown().await;
    check_agreement(root.path(), "after the floor");
}

#[tokio::test]
async fn recording_stops_no_longer_than_it_takes_to_free_a_segment() {
    let root = temporary();
    let disk = Narrow::new(TOTAL);
    let store = on_narrow(root.path(), &disk, None);
    let mut closed = store.subscribe_closed();
    let mut sink = camera(&store, "gate", None);
    for sequence in 0..30 {
        record(&mut sink, sequence, sequence as i64 * 100, 60, true).unwrap();
        while closed.recv().await.unwrap().sequence != sequence {}
    }
    // With its ballast, for which room would be made too.
    store.sweep_now().await.unwrap();
    // Somebody goes below the floor: room is made at once, by what is oldest.
    let used = TOTAL - disk.free();
    disk.set_others(TOTAL - used - FLOOR + 500_000);
    disk.least();
    for sequence in 30.. {
        let _refused = record(&mut sink, sequence, sequence as i64 * 100, 10, true);
        // What waits for the disk needs room too: a camera brings a file a minute.
        while store.cameras.reserve(PlaceId::MAIN).open > 0 {
            let _ = store.earliest("gate").await;
        }
        let file = super::super::layout::segment("gate", at(sequence as i64 * 100), sequence);
        if root.path().join(file).exists() {
            break;
        }
        assert!(sequence < 1_000_000, "it never resumes");
    }
    assert!(disk.least() >= FLOOR, "nothing was written before");
    store.shutdown().await;
    check_agreement(root.path(), "room was made");
    let left = segments(root.path());
    assert!(left[0].sequence > 0, "the oldest went");
    assert!(left[0].sequence < 30, "and no more than was lacking");
}

#[tokio::test]
async fn ballast_is_made_with_room_and_given_away_without() {
    let root = temporary();
    let ballast = super::super::layout::ballast(root.path());
    let disk = Narrow::new(TOTAL);
    let store = on_narrow(root.path(), &disk, None);
    store.sweep_now().await.unwrap();
    assert_eq!(std::fs::metadata(&ballast).unwrap().len(), TOTAL / 64);
    let used = TOTAL - disk.free();
    disk.set_others(TOTAL - used);
    store.sweep_now().await.unwrap();
    assert!(!ballast.exists());
    assert!(store.places()[0].trouble.is_some(), "it is told");
    disk.set_others(0);
    store.sweep_now().await.unwrap();
    assert!(ballast.exists());
    assert_eq!(store.places()[0].trouble, None);
}

#[tokio::test]
async fn with_a_full_index_files_go_first_and_rows_follow() {
    for crash in [false, true] {
        let root = temporary();
        let intents = super::super::layout::intents(root.path());
        let disk = Narrow::new(TOTAL);
        let store = on_narrow(root.path(), &disk, None);
        let mut gate = camera(&store, "gate", None);
        let bytes = five(&store, &mut gate, "gate").await;
        store.sweep_now().await.unwrap();
        refuse_commits(&store, true);
        // Zero bytes are free, and all that there is does not make up the floor.
        // The second time, somebody else has taken what the ballast gave.
        for _ in 0..2 {
            disk.set_others(0);
            let own = TOTAL - disk.free();
            disk.set_others(TOTAL - own);
            let _full = store.sweep_now().await;
        }
        assert!(intents.exists(), "what went is written down");
        let mut left = Vec::new();
        files(&Disk, root.path(), &mut left);
        assert_eq!(left.len(), 0, "all that could go went: {bytes}");
        assert_eq!(segments(root.path()).len(), 5, "the index does not know");
        disk.set_others(0);
        if crash {
            drop(store);
            drop(on_narrow(root.path(), &disk, None));
        } else {
            refuse_commits(&store, false);
            let _ = store.sweep_now().await;
            store.shutdown().await;
        }
        check_agreement(root.path(), "the index takes rows again");
        assert_eq!(segments(root.path()).len(), 0);
        assert!(!intents.exists());
    }
}
