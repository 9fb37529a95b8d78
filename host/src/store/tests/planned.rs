//! A plan says what the next sweep does.

use super::super::fs::Disk;
use super::super::pins::Named;
use super::super::plan::{CameraLimits, Limits};
use super::super::{PlaceConfig, Reader, Store};
use super::*;

const NAMES: [&str; 2] = ["gate", "yard"];

fn limits(root: &Path, size_max: Option<u64>, cameras: [(Option<u64>, Option<u64>); 2]) -> Limits {
    let main = PlaceConfig {
        name: "main".into(),
        path: root.to_owned(),
        free_floor: FreeFloor::Bytes(0),
        size_max,
        moving: None,
        allow_filesystem: false,
    };
    let camera = |(name, (keep, size_max)): (&str, (Option<u64>, Option<u64>))| {
        let keep = keep.map(Duration::from_secs);
        (name.to_owned(), CameraLimits { keep, size_max, store: "main".into() })
    };
    Limits {
        places: vec![main],
        cameras: NAMES.into_iter().zip(cameras).map(camera).collect(),
        event_keep: Duration::from_secs(90 * 86_400),
    }
}

/// Twelve files of ten seconds of each camera, one after the other; one of each is pinned.
async fn recorded(root: &Path) -> u64 {
    let store = Store::open(config(root), Arc::new(Disk), Hands::at(300), Metrics::default());
    let store = store.unwrap().0;
    let mut closed = store.subscribe_closed();
    let mut bytes = 0;
    for name in NAMES {
        let mut sink = store.camera(name, CameraSettings::default()).unwrap().0;
        for sequence in 0..12 {
            record(&mut sink, sequence, sequence as i64 * 10, 10, true).unwrap();
            bytes = closed.recv().await.unwrap().bytes;
        }
        let named = Named::Range { camera: name.into(), start: at(21), end: at(22) };
        store.pin(named, None).await.unwrap().unwrap();
    }
    store.shutdown().await;
    bytes
}

#[tokio::test]
async fn what_is_planned_is_what_a_sweep_does() {
    for (name, keeps, sizes, store_size) in [
        ("nothing", [None, None], [None, None], None),
        ("age", [Some(450), Some(430)], [None, None], None),
        ("sizes of cameras", [None, Some(430)], [Some(5), Some(30)], None),
        ("the size of the store", [None, None], [None, None], Some(9)),
        ("down to what is pinned", [None, None], [Some(0), None], Some(1)),
        ("all of it", [Some(480), None], [Some(9), Some(4)], Some(11)),
    ] {
        let root = temporary();
        let bytes = recorded(root.path()).await;
        let size = |files: u64| files * bytes + 1;
        let cameras = [(keeps[0], sizes[0].map(size)), (keeps[1], sizes[1].map(size))];
        let limits = limits(root.path(), store_size.map(size), cameras);
        let reader = Reader::open(root.path()).unwrap();
        // A moment for which the clock need not be guarded.
        let now = at(550);
        let mut planned: Vec<_> = reader
            .plan(&limits, now)
            .unwrap()
            .now
            .into_iter()
            .map(|going| (going.camera, going.sequence, going.reason.as_str()))
            .collect();
        let again = reader.plan(&limits, now).unwrap();
        assert_eq!(again.now.len(), planned.len(), "{name}: it changes nothing");

        let config = StoreConfig { size_max: store_size.map(size), ..config(root.path()) };
        let clock = Hands::at(550);
        let store = Store::open(config, Arc::new(Disk), clock, Metrics::default()).unwrap().0;
        let mut deleted = store.subscribe_deleted();
        for (camera, (keep, size_max)) in NAMES.iter().zip(cameras) {
            let keep = keep.map(Duration::from_secs);
            let settings = CameraSettings { keep, size_max, ..CameraSettings::default() };
            store.camera(camera, settings).unwrap();
        }
        store.sweep_now().await.unwrap();
        let mut done: Vec<_> = std::iter::from_fn(|| deleted.try_recv().ok())
            .map(|one| (one.camera, one.sequence, one.reason.as_str()))
            .collect();
        let (files, there) = (done.len(), segments(root.path()).len());
        // A look of the store's own, before the cameras were known, knew their sizes least.
        if store_size.is_none() || sizes == [None, None] {
            planned.sort();
            done.sort();
            assert_eq!(planned, done, "{name}");
        }
        assert_eq!(planned.len(), 24 - there, "{name}: {files}");
        store.shutdown().await;
    }
}

#[tokio::test]
async fn days_that_fit_stand_beside_those_asked_for() {
    let root = temporary();
    let bytes = recorded(root.path()).await;
    let (day, keep) = (86_400, 7 * 86_400);
    let size = 100 * bytes;
    let limits =
        limits(root.path(), Some(size), [(Some(keep), None), (Some(keep), Some(10 * bytes))]);
    let plan = Reader::open(root.path()).unwrap().plan(&limits, at(300)).unwrap();
    let rate = 12 * bytes * day / 300;
    let [gate, yard] = &plan.cameras[..] else { panic!("two cameras") };
    assert_eq!((gate.bytes_a_day, gate.segments, gate.held.pinned), (rate, 12, bytes));
    assert_eq!((gate.asked_days, gate.is_short(), yard.is_short()), (Some(7.0), true, true));
    // What is pinned takes its part; the other camera's limit is not counted on.
    let fits = (98 * bytes) as f64 / (2 * rate) as f64;
    assert!((gate.sustainable_days.unwrap() - fits).abs() < 1e-6, "{gate:?}");
    assert!((yard.sustainable_days.unwrap() - (9 * bytes) as f64 / rate as f64).abs() < 1e-6);
    let next = yard.next_by_age.as_ref().unwrap();
    assert_eq!((next.going.sequence, next.when), (0, at(10 + keep as i64)));
    assert!(yard.next_by_size.as_ref().is_some_and(|next| next.when == at(300)), "it is over");
    let next = plan.stores[0].next_by_room.as_ref().unwrap();
    assert_eq!((next.going.camera.as_str(), next.going.sequence), ("gate", 0));
    assert!(next.when > at(300));
}
