//! Segments that move from one place to another: whatever fails, and whenever the host ends,
//! each of them is there once, whole, and where its row says.

use std::fs;

use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::{collection::vec, prop_assert_eq, proptest};

use super::super::fs::{Disk, Fs};
use super::super::index::places as rows;
use super::super::query::{Filter, Reader};
use super::super::retain::intents;
use super::super::{Action, FreeFloor, Health, Moving, PlaceConfig};
use super::rough::Rough;
use super::*;

const DAY: i64 = 86_400;

/// A fast store whose segments move to a large one after a day.
pub(super) fn two(root: &Path) -> StoreConfig {
    let large = PlaceConfig {
        name: "large".into(),
        path: root.join("large"),
        free_floor: FreeFloor::Bytes(0),
        size_max: None,
        moving: None,
        allow_filesystem: false,
    };
    let moving = Moving { to: "large".into(), after: Duration::from_secs(DAY as u64) };
    StoreConfig { moving: Some(moving), places: vec![large], ..config(&root.join("fast")) }
}

pub(super) fn open_two(root: &Path, fs: impl Fs, clock: &Arc<Hands>) -> Store {
    try_open(root, fs, clock).unwrap().0
}

fn try_open(
    root: &Path,
    fs: impl Fs,
    clock: &Arc<Hands>,
) -> crate::base::Result<(Store, Recovered)> {
    Store::open(two(root), Arc::new(fs), clock.clone(), Metrics::default())
}

/// Two segments in the fast store, of the first seconds of a host that runs until second `until`.
pub(super) async fn recorded(root: &Path, until: i64) {
    let clock = Hands::at(0);
    let store = open_two(root, Disk, &clock);
    let (mut sink, _) = gate(&store, None);
    let mut closed = store.subscribe_closed();
    for (sequence, seconds) in [(0, 0), (1, 10)] {
        record(&mut sink, sequence, seconds, 3, true).unwrap();
        closed.recv().await.unwrap();
    }
    clock.set(until);
    store.shutdown().await;
}

fn everything(folder: &Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { everything(&path, into) } else { into.push(path) }
    }
}

/// Each row has its whole file in its place, there is no other file, nothing is on its way, and
/// the sums of the places are right. Gives the place of each segment.
pub(super) fn check_places(root: &Path, what: &str) -> Vec<i64> {
    let mut found = Vec::new();
    for place in ["fast/gate", "large/gate"].map(|place| root.join(place)) {
        if place.exists() {
            everything(&place, &mut found);
        }
    }
    let fast = root.join("fast");
    let all = segments(&fast);
    let stored = Reader::open(&fast).unwrap().segments(&Filter::default()).unwrap();
    assert_eq!(all.len(), stored.len(), "{what}");
    for (row, stored) in all.iter().zip(stored) {
        assert_eq!((row.state, row.moving), (row::State::Closed, None), "{what}: {row:?}");
        let store = if row.place == PlaceId::MAIN { "fast" } else { "large" };
        let path = stored.path;
        assert!(path.starts_with(root.join(store)), "{what}: {path:?}, and {row:?}");
        let mut file = fs::File::open(&path).unwrap_or_else(|e| panic!("{what}: {path:?}: {e}"));
        let length = file.metadata().unwrap().len();
        let scan = scan(&mut file).unwrap();
        let seconds = row.end.since(row.start).as_secs() as usize;
        assert_eq!((row.bytes, scan.fragments.len()), (length, seconds), "{what}: {path:?}");
        found.retain(|file| *file != path);
    }
    assert!(found.is_empty(), "{what}: files without row: {found:?}");
    let c = index::open_read_only(&super::super::layout::index(&fast)).unwrap();
    for place in rows::all(&c).unwrap() {
        let lying = all.iter().filter(|row| row.place == place.id);
        let sum: u64 = lying.map(|row| row.bytes).sum();
        assert_eq!(place.bytes, sum, "{what}: {}", place.name);
    }
    all.iter().map(|row| row.place.0).collect()
}

#[tokio::test]
async fn old_segments_move_and_are_found() {
    let root = tempfile::tempdir().unwrap();
    recorded(root.path(), DAY).await;
    let clock = Hands::at(DAY + 5);
    let store = open_two(root.path(), Disk, &clock);
    let moved = store.move_now().await.unwrap();
    assert_eq!(moved.segments, 1, "the second is not old enough");
    assert_eq!(check_places(root.path(), "one"), [1, 0]);
    clock.set(2 * DAY);
    assert_eq!(store.move_now().await.unwrap().bytes, moved.bytes);
    assert_eq!(check_places(root.path(), "both"), [1, 1]);
    assert!(!root.path().join("fast/gate/2025").exists(), "empty days are removed");
    assert_eq!(store.move_now().await.unwrap().segments, 0);
    let reader = Reader::open(&root.path().join("fast")).unwrap();
    let recordings = reader.recordings(&Filter::default()).unwrap();
    assert!(recordings.iter().all(|one| one.stores == [root.path().join("large")]));
    let names: Vec<_> = reader.stores().unwrap().into_iter().map(|place| place.name).collect();
    assert_eq!(names, ["main", "large"]);
}

/// Makes the nth change of a file fail, then ends the host and starts it again.
async fn nth_fails(fault: fn(usize) -> Fault) {
    for n in 1..200 {
        let what = format!("{:?}", fault(n));
        let root = tempfile::tempdir().unwrap();
        recorded(root.path(), 2 * DAY).await;
        let faulty = Faulty::new(Fault::None);
        let store = open_two(root.path(), faulty.clone(), &Hands::at(2 * DAY));
        faulty.set(fault(n));
        let moved = store.move_now().await;
        assert!(faulty.was_hit() || moved.is_ok(), "{what}: {moved:?}");
        drop(store);
        let store = open_two(root.path(), Disk, &Hands::at(2 * DAY));
        assert_eq!(check_places(root.path(), &what).len(), 2, "{what}");
        store.move_now().await.unwrap();
        assert_eq!(check_places(root.path(), &what), [1, 1], "{what}");
        if !faulty.was_hit() {
            assert!(n > 30, "{n} operations are too few to mean anything");
            return;
        }
    }
    panic!("the move never got through");
}

#[tokio::test]
async fn the_nth_operation_of_a_move_fails_once() {
    nth_fails(Fault::Once).await;
}

#[tokio::test]
async fn all_operations_of_a_move_fail_from_the_nth_on() {
    nth_fails(Fault::From).await;
}

#[tokio::test]
async fn the_power_goes_after_any_change() {
    for n in 0..200 {
        let root = tempfile::tempdir().unwrap();
        recorded(root.path(), 2 * DAY).await;
        let rough = Rough::after(n);
        let store = open_two(root.path(), rough.clone(), &Hands::at(2 * DAY));
        let moved = store.move_now().await;
        drop(store);
        rough.cut_power();
        let store = open_two(root.path(), Disk, &Hands::at(2 * DAY));
        assert_eq!(check_places(root.path(), &format!("{n} changes")).len(), 2);
        drop(store);
        if moved.is_ok() && rough.done() < n {
            assert!(n > 30, "{n} changes are too few to mean anything");
            return;
        }
    }
    panic!("the move never got through");
}

/// What a move may have left behind when the host was killed.
#[tokio::test]
async fn start_up_removes_the_copy_that_is_not_the_segment() {
    let (fast, large) = ("fast", "large");
    for (name, place, moving, files) in [
        ("intent only", 0, 1, &[(fast, "")][..]),
        ("half a copy", 0, 1, &[(fast, ""), (large, ".part")]),
        ("a whole copy", 0, 1, &[(fast, ""), (large, "")]),
        ("arrived", 1, 0, &[(fast, ""), (large, "")]),
        ("source gone", 1, 0, &[(large, "")]),
    ] {
        let root = tempfile::tempdir().unwrap();
        recorded(root.path(), 2 * DAY).await;
        let below = super::super::layout::segment("gate", at(0), 0);
        let whole = fs::read(root.path().join(fast).join(&below)).unwrap();
        fs::remove_file(root.path().join(fast).join(&below)).unwrap();
        for (store, end) in files {
            let path = root.path().join(store).join(format!("{}{end}", below.display()));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let kept = if end.is_empty() { &whole[..] } else { &whole[..whole.len() / 2] };
            fs::write(path, kept).unwrap();
        }
        let c = index::open(&super::super::layout::index(&root.path().join(fast))).unwrap();
        c.execute("UPDATE segment SET place = ?1, moving = ?2 WHERE sequence = 0", [place, moving])
            .unwrap();
        drop(c);
        let (store, recovered) = try_open(root.path(), Disk, &Hands::at(100)).unwrap();
        let actions: Vec<_> = recovered.repairs.iter().map(|repair| &repair.action).collect();
        assert_eq!(actions, [&Action::Moved], "{name}");
        assert_eq!(check_places(root.path(), name), [place, 0], "{name}");
        drop(store);
        let (_, again) = try_open(root.path(), Disk, &Hands::at(100)).unwrap();
        assert!(again.repairs.is_empty(), "{name}: repaired twice");
    }
}

#[tokio::test]
async fn a_bad_or_full_target_leaves_the_source_and_is_said() {
    for (name, expected) in [("spoiled", "differs"), ("full", "write")] {
        let root = tempfile::tempdir().unwrap();
        recorded(root.path(), 2 * DAY).await;
        let rough = Rough::default();
        let store = open_two(root.path(), rough.clone(), &Hands::at(2 * DAY));
        let health = store.health();
        rough.spoil(name == "spoiled");
        rough.set_room((name == "full").then_some(500));
        for _ in 0..3 {
            assert!(store.move_now().await.is_err(), "{name}");
            assert_eq!(check_places(root.path(), name), [0, 0], "{name}");
        }
        let said = health.borrow().clone();
        assert!(matches!(&said, Health::Failing(words) if words.contains(expected)), "{said:?}");
        let places = store.places();
        assert!(places[0].trouble.is_some() && places[1].trouble.is_none(), "{places:?}");
        rough.spoil(false);
        rough.set_room(None);
        while store.move_now().await.is_err() {}
        assert_eq!(*health.borrow(), Health::Good);
        assert_eq!(check_places(root.path(), "well again"), [1, 1]);
    }
}

#[tokio::test]
async fn a_source_that_is_read_is_deleted_later() {
    let root = tempfile::tempdir().unwrap();
    recorded(root.path(), 2 * DAY).await;
    let source = root.path().join("fast").join(super::super::layout::segment("gate", at(0), 0));
    let hold = Disk.hold(&source).unwrap();
    let clock = Hands::at(2 * DAY);
    let store = open_two(root.path(), Disk, &clock);
    assert_eq!(store.move_now().await.unwrap().segments, 2);
    assert!(source.exists());
    let row = &segments(&root.path().join("fast"))[0];
    assert_eq!((row.place, row.moving), (PlaceId(1), Some(PlaceId::MAIN)));
    drop(store);
    let store = open_two(root.path(), Disk, &clock);
    assert!(source.exists(), "a start does not take it away either");
    store.confirm_time().await.unwrap();
    gate(&store, Some(60));
    assert_eq!(store.sweep_now().await.unwrap().segments, 1, "its row is still needed");
    drop(hold);
    store.move_now().await.unwrap();
    assert_eq!(check_places(root.path(), "read"), [1]);
    assert_eq!(store.sweep_now().await.unwrap().segments, 1);
    assert!(check_places(root.path(), "swept").is_empty());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Record,
    Wait { seconds: i64 },
    Move,
    Sweep,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Record),
        3 => (1_i64..2 * DAY).prop_map(|seconds| Step::Wait { seconds }),
        2 => Just(Step::Move),
        2 => Just(Step::Sweep),
        1 => Just(Step::Restart),
    ]
}

/// Against a model: sequence, end and place of each segment. Kept for three days.
async fn check(steps: Vec<Step>) -> Result<(), proptest::test_runner::TestCaseError> {
    const KEEP: i64 = 3 * DAY;
    let root = tempfile::tempdir().unwrap();
    let (mut now, mut next) = (0, 0);
    let clock = Hands::at(now);
    let mut model: Vec<(u64, i64, i64)> = Vec::new();
    let mut store = open_two(root.path(), Disk, &clock);
    for step in steps {
        let mut sink = gate(&store, Some(KEEP as u64)).0;
        match step {
            Step::Record => {
                let mut closed = store.subscribe_closed();
                record(&mut sink, next, now, 3, true).unwrap();
                now += 3;
                clock.set(now);
                closed.recv().await.unwrap();
                model.push((next, now, 0));
                next += 1;
            }
            Step::Wait { seconds } => {
                now += seconds;
                clock.set(now);
            }
            Step::Move => {
                store.move_now().await.unwrap();
                let old = model.iter_mut().filter(|(_, end, _)| end + DAY <= now);
                old.for_each(|(_, _, place)| *place = 1);
            }
            Step::Sweep => {
                store.sweep_now().await.unwrap();
                model.retain(|(_, end, _)| end + KEEP > now);
            }
            Step::Restart => {
                store.shutdown().await;
                store = open_two(root.path(), Disk, &clock);
                store.confirm_time().await.unwrap();
            }
        }
        let expected: Vec<i64> = model.iter().map(|(_, _, place)| *place).collect();
        prop_assert_eq!(check_places(root.path(), "model"), expected);
    }
    Ok(())
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(16))]
    #[test]
    fn moves_and_sweeps_agree_with_a_model(steps in vec(step(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(steps))?;
    }
}

/// What was to be deleted where it lay, and was not, has moved since.
#[tokio::test]
async fn an_old_note_of_a_deletion_costs_nothing_that_lies_elsewhere() {
    let root = tempfile::tempdir().unwrap();
    recorded(root.path(), 2 * DAY).await;
    let fast = root.path().join("fast");
    for row in segments(&fast) {
        intents::append(&Disk, &fast, &intents::Intent::of(&row)).unwrap();
    }
    let store = open_two(root.path(), Disk, &Hands::at(2 * DAY));
    assert!(!super::super::layout::intents(&fast).exists());
    let noted = segments(&fast);
    store.move_now().await.unwrap();
    store.shutdown().await;
    for row in &noted {
        intents::append(&Disk, &fast, &intents::Intent::of(row)).unwrap();
    }
    drop(open_two(root.path(), Disk, &Hands::at(2 * DAY)));
    assert_eq!(check_places(root.path(), "moved"), [1, 1]);
}
