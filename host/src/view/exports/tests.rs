//! Exports over a store that the recorder has filled.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::base::clock::Simulated;
use crate::base::tasks::Tasks;
use crate::export::tests::store::Place;
use crate::export::tests::{Part, seconds};
use crate::store::fs::Disk;

struct Bench {
    place: Place,
    exports: Exports,
    tasks: Tasks,
}

impl Bench {
    /// Ten seconds of a camera `gate`.
    async fn new(floor: FreeFloor) -> Self {
        let place = Place::with_spans(&[Part::plain(10)], Vec::new()).await;
        Self::over(place, floor)
    }

    fn over(place: Place, floor: FreeFloor) -> Self {
        let clock = Arc::new(Simulated::starting_at(seconds(100.0)));
        let (exports, worker) = exports(&root(&place), Arc::new(Disk), floor, clock);
        let tasks = Tasks::new();
        tasks.spawn("exports", worker.run(tasks.shutdown().clone()));
        Self { place, exports, tasks }
    }

    async fn over_with(&self, id: &str) -> ExportStatus {
        loop {
            let status = self.exports.find(id).unwrap();
            if !matches!(status.state, State::Waiting | State::Running) {
                return status;
            }
            tokio::task::yield_now().await;
        }
    }

    fn scratch(&self) -> Vec<String> {
        Disk.list(&root(&self.place).join(layout::EXPORTS)).unwrap_or_default()
    }
}

fn root(place: &Place) -> PathBuf {
    place.folder.path().join("store")
}

fn wish(from: f64, to: f64) -> Wish {
    let wanted = Wanted { from: seconds(from), to: seconds(to) };
    Wish { camera: "gate".into(), wanted, gaps: Gaps::Hold, one_file: false, by: "anna".into() }
}

#[tokio::test]
async fn an_export_is_made_had_and_removed() {
    let bench = Bench::new(FreeFloor::Bytes(0)).await;
    let begun = bench.exports.begin(wish(2.5, 7.5)).unwrap();
    let done = bench.over_with(&begun.id).await;
    assert_eq!((done.state, done.error.as_deref()), (State::Done, None));
    assert!(done.done == done.total && done.total > 0);
    let [file] = done.files.as_slice() else { panic!("{done:?}") };
    assert_eq!(file.name, "gate_20251122T082642Z.mp4");
    assert_eq!(file.url, format!("/api/v1/exports/{}/{}", done.id, file.name));
    let path = bench.exports.file(&done.id, &file.name).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), file.bytes);
    for name in ["", ".", "..", "../../index.sqlite", "gate.mp4"] {
        assert_eq!(bench.exports.file(&done.id, name), None, "{name}");
    }
    assert_eq!(bench.exports.list(), std::slice::from_ref(&done));
    assert!(bench.exports.remove(&done.id).is_some());
    assert!(bench.exports.find(&done.id).is_none() && bench.exports.remove(&done.id).is_none());
    assert!(!path.exists() && bench.scratch().is_empty());
}

#[tokio::test]
async fn what_can_not_be_is_refused_and_what_fails_leaves_nothing() {
    let bench = Bench::new(FreeFloor::Bytes(0)).await;
    for (wrong, says) in [
        (wish(3.0, 3.0), "not before"),
        (wish(0.0, 90_000.0), "more than 24 hours"),
        (Wish { camera: "../gate".into(), ..wish(0.0, 1.0) }, "camera"),
    ] {
        match bench.exports.begin(wrong) {
            Err(Denied::Wrong(why)) => assert!(why.contains(says), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    for (wish, says) in [
        (wish(1000.0, 1001.0), "no video from"),
        (Wish { camera: "yard".into(), ..wish(0.0, 1.0) }, "no recordings"),
    ] {
        let id = bench.exports.begin(wish).unwrap().id;
        let failed = bench.over_with(&id).await;
        assert_eq!(failed.state, State::Failed);
        assert!(failed.error.unwrap().contains(says));
    }
    assert!(bench.scratch().is_empty());
}

#[tokio::test]
async fn an_export_never_takes_the_store_below_its_floor() {
    let bench = Bench::new(FreeFloor::Bytes(u64::MAX / 2)).await;
    let id = bench.exports.begin(wish(0.0, 9.0)).unwrap().id;
    let failed = bench.over_with(&id).await;
    assert_eq!(failed.state, State::Failed, "{failed:?}");
    assert!(failed.error.unwrap().contains("no room"));
    assert!(bench.scratch().is_empty());
}

#[tokio::test]
async fn exports_are_bounded_in_number_and_can_be_ended() {
    let place = Place::with_spans(&[Part::plain(2)], Vec::new()).await;
    let clock = Arc::new(Simulated::starting_at(seconds(100.0)));
    // Nobody works: all wait.
    let (exports, _worker) =
        super::exports(&root(&place), Arc::new(Disk), FreeFloor::Bytes(0), clock);
    let ids: Vec<_> = (0..WAITING_MAX).map(|_| exports.begin(wish(0.0, 1.0)).unwrap().id).collect();
    assert!(matches!(exports.begin(wish(0.0, 1.0)), Err(Denied::Full(_))));
    assert_eq!(exports.remove(&ids[0]).unwrap().state, State::Cancelled);
    assert_eq!(exports.list().len(), WAITING_MAX, "it is seen that it was ended");
    exports.begin(wish(0.0, 1.0)).expect("its place is free at once");
    assert!(matches!(exports.begin(wish(0.0, 1.0)), Err(Denied::Full(_))));
    assert_eq!(exports.next().unwrap().id, ids[1], "the first that still waits");
    while exports.list().len() < JOBS_MAX {
        exports.begin(wish(0.0, 1.0)).unwrap();
        exports.next().unwrap();
    }
    match exports.begin(wish(0.0, 1.0)) {
        Err(Denied::Full(why)) => assert!(why.contains("remove some"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn who_takes_a_file_in_parts_takes_it_once_an_hour() {
    let exports = Exports::of_tests();
    let id = exports.begin(wish(0.0, 1.0)).unwrap().id;
    for (name, who, is_new) in [
        ("a.mp4", "anna", true),
        ("a.mp4", "anna", false),
        ("a.mp4", "cleo", true),
        ("b.mp4", "anna", true),
        ("a.mp4", "anna", false),
    ] {
        assert_eq!(exports.takes(&id, name, who), is_new, "{who} {name}");
    }
    tokio::time::advance(ONCE).await;
    assert!(exports.takes(&id, "a.mp4", "anna") && !exports.takes(&id, "a.mp4", "anna"));
}

#[tokio::test(start_paused = true)]
async fn exports_are_kept_for_a_day_and_none_over_a_restart() {
    let bench = Bench::new(FreeFloor::Bytes(0)).await;
    let id = bench.exports.begin(wish(2.5, 7.5)).unwrap().id;
    assert_eq!(bench.over_with(&id).await.state, State::Done);
    tokio::time::sleep(KEEP - 2 * LOOK).await;
    assert!(bench.exports.find(&id).is_some() && bench.scratch() == [id.as_str()]);
    tokio::time::sleep(4 * LOOK).await;
    while !bench.scratch().is_empty() {
        tokio::time::sleep(LOOK).await;
    }
    assert!(bench.exports.find(&id).is_none());

    let id = bench.exports.begin(wish(2.5, 7.5)).unwrap().id;
    assert_eq!(bench.over_with(&id).await.state, State::Done);
    assert!(bench.tasks.end(Duration::from_secs(5)).await.is_empty());
    assert_eq!(bench.scratch(), [id]);
    let again = Bench::over(bench.place, FreeFloor::Bytes(0));
    while !again.scratch().is_empty() {
        tokio::time::sleep(LOOK).await;
    }
    assert!(again.exports.list().is_empty());
}
