//! Room for what moves: a target that has none, and a source that has none to wait in.

use super::super::pins::Named;
use super::super::sim::narrow::Narrow;
use super::super::{FreeFloor, Health};
use super::moving::{check_places, recorded, two};
use super::*;
use crate::policy::Span;

const DAY: i64 = 86_400;
/// Of disks twice as large.
const FLOOR: u64 = 32 << 20;

#[tokio::test]
async fn nothing_moves_to_a_store_below_its_floor() {
    let root = tempfile::tempdir().unwrap();
    recorded(root.path(), 2 * DAY).await;
    let faulty = Faulty::new(Fault::None);
    let mut config = two(root.path());
    config.places[0].free_floor = FreeFloor::Bytes(1 << 30);
    faulty.set_free((1 << 30) - 1);
    let fs = Arc::new(faulty.clone());
    let store = Store::open(config, fs, Hands::at(2 * DAY), Metrics::default()).unwrap().0;
    assert_eq!(store.move_now().await.unwrap().segments, 0);
    faulty.set_free((1 << 30) + (1 << 20));
    assert_eq!(store.move_now().await.unwrap().segments, 2);
}

/// Two stores on one disk, of which the large one has a floor.
fn with_a_floor(root: &Path) -> (Narrow, Arc<Hands>, Store) {
    let (disk, clock) = (Narrow::new(2 * FLOOR), Hands::at(0));
    let mut config = two(root);
    config.places[0].free_floor = FreeFloor::Bytes(FLOOR);
    let store = Store::open(config, Arc::new(disk.clone()), clock.clone(), Metrics::default());
    (disk, clock, store.unwrap().0)
}

#[tokio::test]
async fn a_full_store_loses_its_oldest_for_what_is_to_come() {
    let root = tempfile::tempdir().unwrap();
    let (disk, clock, store) = with_a_floor(root.path());
    let (mut sink, _) = gate(&store, None);
    let mut closed = store.subscribe_closed();
    for sequence in 0..5 {
        record(&mut sink, sequence, sequence as i64 * 100, 60, true).unwrap();
        closed.recv().await.unwrap();
        if sequence == 2 {
            clock.set(2 * DAY);
            assert_eq!(store.move_now().await.unwrap().segments, 3, "there is room");
            clock.set(0);
        }
    }
    // Somebody takes what room the large store has.
    let own = 2 * FLOOR - disk.free();
    disk.set_others(FLOOR - own);
    clock.set(2 * DAY);
    assert_eq!(store.move_now().await.unwrap().segments, 0, "it waits for room");
    assert_eq!(check_places(root.path(), "waits"), [1, 1, 1, 0, 0], "and nothing was lost");
    // The sweep of the large store makes it, of its own oldest.
    let mut moved = 0;
    for _ in 0..10 {
        store.sweep_now().await.unwrap();
        moved += store.move_now().await.unwrap().segments;
    }
    assert_eq!(moved, 2);
    let there: Vec<u64> =
        segments(&root.path().join("fast")).iter().map(|segment| segment.sequence).collect();
    assert_eq!(check_places(root.path(), "room was made"), vec![1; there.len()]);
    assert!(there.ends_with(&[3, 4]) && !there.contains(&0), "{there:?}");
    assert!(disk.free() >= FLOOR, "the floor holds");
}

/// A clock that is wrong makes nothing of the fast store old, unless that has no room to wait in.
#[tokio::test]
async fn what_a_jump_of_the_clock_makes_old_moves_only_from_a_store_without_room() {
    for (name, confirms, size_max, free, expected) in [
        ("it waits", false, None, 20 << 20, [0, 0]),
        ("a person says that the clock is right", true, None, 20 << 20, [1, 1]),
        ("the floor is near", false, None, 500_000, [1, 1]),
        ("its size is near", false, Some(50_000), 20 << 20, [1, 1]),
    ] {
        let root = tempfile::tempdir().unwrap();
        let disk = Narrow::new(2 * FLOOR);
        let mut config = two(root.path());
        (config.free_floor, config.size_max) = (FreeFloor::Bytes(FLOOR), size_max);
        let clock = Hands::at(0);
        let store = Store::open(config, Arc::new(disk.clone()), clock.clone(), Metrics::default());
        let store = store.unwrap().0;
        let segment = Duration::from_secs(60);
        let settings = CameraSettings { segment, ..CameraSettings::default() };
        let (mut sink, _) = store.camera("gate", settings).unwrap();
        let mut closed = store.subscribe_closed();
        for (sequence, seconds) in [(0, 0), (1, 10)] {
            record(&mut sink, sequence, seconds, 3, true).unwrap();
            closed.recv().await.unwrap();
        }
        clock.set(20);
        store.sweep_now().await.unwrap();
        let own = 2 * FLOOR - disk.free();
        disk.set_others(FLOOR - own - free);
        clock.step(365 * DAY);
        if confirms {
            store.confirm_time().await.unwrap();
        }
        store.sweep_now().await.unwrap();
        store.move_now().await.unwrap();
        assert_eq!(check_places(root.path(), name), expected, "{name}");
    }
}

/// What is pinned in the target stays, whatever waits to be moved there, and that is told.
#[tokio::test]
async fn what_has_no_room_in_a_full_store_waits_and_is_told() {
    let root = tempfile::tempdir().unwrap();
    let (disk, clock, store) = with_a_floor(root.path());
    let (mut sink, _) = gate(&store, None);
    let mut closed = store.subscribe_closed();
    for sequence in 0..3 {
        record(&mut sink, sequence, sequence as i64 * 100, 60, true).unwrap();
        closed.recv().await.unwrap();
    }
    clock.set(DAY + 400);
    assert_eq!(store.move_now().await.unwrap().segments, 3);
    for sequence in 3..5 {
        record(&mut sink, sequence, DAY + sequence as i64 * 100, 60, true).unwrap();
        closed.recv().await.unwrap();
    }
    let own = 2 * FLOOR - disk.free();
    disk.set_others(FLOOR - own);
    let span = Span {
        id: "s".into(),
        camera: "gate".into(),
        policy: "p".into(),
        start: at(0),
        end: at(260),
        keep: Some(Duration::from_secs(100 * DAY as u64)),
        label: String::new(),
        because: vec![],
        correlation: None,
    };
    store.span(span).await.unwrap();
    let pin = store.pin(Named::Id("s".into()), None).await.unwrap().unwrap();
    clock.set(3 * DAY);
    let health = store.health();
    for _ in 0..3 {
        assert_eq!(store.move_now().await.unwrap().segments, 0, "it waits for room");
        store.sweep_now().await.unwrap();
    }
    assert_eq!(check_places(root.path(), "waits"), [1, 1, 1, 0, 0]);
    assert_eq!(*health.borrow(), Health::Good, "nothing is wrong yet");
    clock.set(3 * DAY + 60);
    let told = store.move_now().await.unwrap_err().chain();
    assert!(told.contains("`large` has had no room"), "{told}");
    assert_eq!(*health.borrow(), Health::Failing(told));
    // What spans alone keep goes for what is newer.
    store.unpin(Named::Id(pin.id)).await.unwrap();
    let mut moved = 0;
    while moved < 2 {
        store.sweep_now().await.unwrap();
        moved += store.move_now().await.map_or(0, |moved| moved.segments);
    }
    store.move_now().await.unwrap();
    assert_eq!(*health.borrow(), Health::Good);
    let left = check_places(root.path(), "room was made");
    assert!(left.len() < 5 && left.iter().all(|place| *place == 1), "{left:?}");
    assert!(disk.free() >= FLOOR, "the floor holds");
}

/// Two stores move to a third, which is full. One has nothing that is due.
#[tokio::test]
async fn who_has_nothing_to_move_takes_no_room_from_who_has() {
    let root = tempfile::tempdir().unwrap();
    recorded(root.path(), 2 * DAY).await;
    let disk = Faulty::new(Fault::None);
    disk.set_free(FLOOR - 1);
    let mut config = two(root.path());
    config.places[0].free_floor = FreeFloor::Bytes(FLOOR);
    let second = super::super::PlaceConfig {
        name: "second".into(),
        path: root.path().join("second"),
        free_floor: FreeFloor::Bytes(0),
        moving: config.moving.clone(),
        ..config.places[0].clone()
    };
    config.places.push(second);
    let clock = Hands::at(2 * DAY);
    let store = Store::open(config, Arc::new(disk.clone()), clock, Metrics::default()).unwrap().0;
    assert_eq!(store.move_now().await.unwrap().segments, 0, "there is no room");
    let large = store.places.iter().find(|place| place.name == "large").unwrap();
    assert!(large.gate.coming() > 0, "its sweep knows of what is to come");
    disk.set_free(4 * FLOOR);
    assert_eq!(store.move_now().await.unwrap().segments, 2);
    assert_eq!(large.gate.coming(), 0);
}

/// What one store deletes is free for the other as well, where both lie on one filesystem.
#[tokio::test]
async fn stores_on_one_filesystem_delete_together_what_is_lacking() {
    let root = tempfile::tempdir().unwrap();
    let (disk, clock) = (Narrow::new(2 * FLOOR), Hands::at(0));
    let mut config = two(root.path());
    (config.free_floor, config.moving) = (FreeFloor::Bytes(FLOOR), None);
    config.places[0].free_floor = FreeFloor::Bytes(FLOOR);
    let store = Store::open(config, Arc::new(disk.clone()), clock.clone(), Metrics::default());
    let store = store.unwrap().0;
    let mut closed = store.subscribe_closed();
    for (camera, place) in [("gate", "main"), ("yard", "large")] {
        let place = store.place(place).unwrap();
        let settings = CameraSettings { place, ..CameraSettings::default() };
        let (mut sink, _) = store.camera(camera, settings).unwrap();
        for sequence in 0..20 {
            record(&mut sink, sequence, sequence as i64 * 100, 60, true).unwrap();
            closed.recv().await.unwrap();
        }
    }
    clock.set(3000);
    store.sweep_now().await.unwrap();
    let all = segments(&root.path().join("fast"));
    let one = all.iter().map(|segment| segment.bytes).max().unwrap();
    // Somebody takes so much that four files must go.
    let own = 2 * FLOOR - disk.free();
    disk.set_others(FLOOR - own + 4 * one);
    store.sweep_now().await.unwrap();
    let left = segments(&root.path().join("fast"));
    let gone: u64 = all.iter().map(|segment| segment.bytes).sum::<u64>()
        - left.iter().map(|segment| segment.bytes).sum::<u64>();
    assert!(disk.free() >= FLOOR, "the floor holds");
    assert!((4..=6).contains(&(gone / one)), "{} files went", gone / one);
}
