//! The slow check of all that is stored: that it finds what is wrong, keeps to its pace, and goes on
//! where it was. Time is a number.

use std::cell::Cell;

use super::super::check::Kind;
use super::super::condition::Task;
use super::super::layout;
use super::super::news::News;
use super::super::scrub::{Pace, Scrubber, State};
use super::feed::Feed;
use super::*;

/// Bytes a second.
const RATE: u64 = 10_000;
const DAY: i64 = 86_400;

/// A store with two cameras that record, of each four complete files of a second.
struct Rig {
    store: Store,
    clock: Arc<Hands>,
    fs: Faulty,
    metrics: Metrics,
    root: tempfile::TempDir,
    _open: [Feed; 2],
}

impl Rig {
    async fn new() -> Self {
        let (root, clock, fs) = (temporary(), Hands::at(100), Faulty::new(Fault::None));
        let (store, _) = open_with(root.path(), &fs, clock.clone()).unwrap();
        let mut closed = store.subscribe_closed();
        let mut feeds = ["gate", "yard"].map(|camera| Feed::new(&store, camera, 400, 1));
        feeds.iter_mut().for_each(|feed| feed.seconds(5));
        for _ in 0..8 {
            closed.recv().await.unwrap();
        }
        Self { store, clock, fs, metrics: Metrics::default(), root, _open: feeds }
    }

    fn file(&self, camera: &str, sequence: u64) -> PathBuf {
        layout::segment(camera, at(sequence as i64), sequence)
    }

    fn path(&self, camera: &str, sequence: u64) -> PathBuf {
        self.root.path().join(self.file(camera, sequence))
    }

    /// Checks until a round is over, or `rest` says that the host ends.
    fn round(&self, rest: &dyn Fn(Duration) -> bool) {
        let store = &self.store;
        let scrubber = Scrubber {
            fs: Arc::new(self.fs.clone()),
            root: self.root.path().to_owned(),
            id: store.id.clone(),
            places: store.places.clone(),
            cameras: store.cameras.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            indexer: store.indexer.clone(),
            condition: store.condition.clone(),
            news: store.news.clone(),
            rate: RATE,
        };
        let connection = index::open_read_only(&layout::index(self.root.path())).unwrap();
        let busy = || scrubber.is_busy();
        let pace = Pace::new(RATE, rest, &busy);
        State::new(&scrubber, &connection, &pace).round().unwrap();
        // What it noted is in the index.
        store.indexer.ask_blocking(|_| Ok(())).unwrap();
    }

    /// Bytes of the files that were complete from the beginning.
    fn bytes(&self) -> u64 {
        segments(self.root.path()).iter().map(|one| one.bytes).sum()
    }
}

#[tokio::test]
async fn a_round_finds_what_a_deep_check_finds_and_mends_nothing() {
    let rig = Rig::new().await;
    let mut news = rig.store.subscribe();
    let damage = |path: &Path| {
        let mut content = std::fs::read(path).unwrap();
        let middle = content.len() / 2;
        content[middle] ^= 1;
        std::fs::write(path, content).unwrap();
    };
    damage(&rig.path("gate", 0));
    std::fs::remove_file(rig.path("gate", 2)).unwrap();
    let cut = std::fs::read(rig.path("yard", 1)).unwrap();
    std::fs::write(rig.path("yard", 1), &cut[..cut.len() - 1]).unwrap();
    rig.fs.set_unreadable(vec![rig.file("yard", 2)]);
    let stray = rig.path("yard", 3).with_file_name("1763800000000-77.mp4");
    std::fs::copy(rig.path("yard", 3), &stray).unwrap();
    rig.round(&|_| true);
    let mut found = Vec::new();
    while let Ok(one) = news.try_recv() {
        if let News::Damaged(finding) = one {
            found.push((finding.kind, finding.camera.clone(), finding.file.clone()));
        }
    }
    let mut kinds: Vec<_> = found.iter().map(|one| one.0).collect();
    kinds.sort();
    let mut expected = [Kind::Damaged, Kind::NoFile, Kind::Length, Kind::Unreadable, Kind::Useless];
    expected.sort();
    assert_eq!(kinds, expected);
    assert_eq!(rig.metrics.found.get(), 5);
    let report = check::check(&rig.fs, rig.root.path(), check::Depth::Deep, &mut |_| ()).unwrap();
    let mut deep: Vec<_> =
        report.findings.into_iter().map(|one| (one.kind, one.camera, one.file)).collect();
    deep.sort();
    found.sort();
    assert_eq!(found, deep);
    assert!(stray.exists() && !rig.path("gate", 2).exists(), "nothing was repaired");
}

#[tokio::test]
async fn it_keeps_to_its_rate_and_a_round_is_due_each_week() {
    let rig = Rig::new().await;
    let (passed, bytes) = (Cell::new(Duration::ZERO), rig.bytes());
    let rest = |length| {
        passed.set(passed.get() + length);
        true
    };
    rig.round(&rest);
    assert_eq!(rig.metrics.checked.get(), bytes);
    let least = Duration::from_secs(bytes / RATE);
    assert!(passed.get() >= least, "{bytes} bytes took {:?}", passed.get());
    for (days, rounds) in [(6, 1), (8, 2), (9, 2), (-400, 3)] {
        rig.clock.set(days * DAY);
        rig.round(&rest);
        assert_eq!(rig.metrics.checked.get(), rounds * bytes, "on day {days}");
    }
}

#[tokio::test]
async fn it_goes_on_where_it_was_and_leaves_what_came_since_to_the_next() {
    let rig = Rig::new().await;
    let bytes = rig.bytes();
    let mut ends = 0;
    loop {
        // The host runs for a few seconds each time.
        let left = Cell::new(30);
        rig.round(&|_| left.replace(left.get() - 1) > 0);
        if left.get() >= 0 {
            break;
        }
        ends += 1;
        assert!(ends < 100, "it never comes to its end");
        // What is recorded meanwhile is not of this round.
        let mut feed = Feed::new(&rig.store, &format!("more{ends}"), 400, 1);
        let mut closed = rig.store.subscribe_closed();
        feed.seconds(2);
        closed.recv().await.unwrap();
    }
    assert!(ends > 2, "{ends} ends are too few to mean anything");
    assert_eq!(rig.metrics.checked.get(), bytes, "each file was counted once");
    assert_eq!(rig.metrics.found.get(), 0);
}

#[tokio::test]
async fn while_the_disk_has_other_cares_nothing_is_read() {
    let rig = Rig::new().await;
    let condition = rig.store.condition.clone();
    condition.fails(PlaceId::MAIN, Task::Record, "it does not take anything".into());
    let (looks, checked) = (Cell::new(0), rig.metrics.checked.clone());
    let rest = |length| {
        if looks.get() < 5 {
            assert_eq!((length, checked.get()), (Duration::from_secs(1), 0));
            looks.set(looks.get() + 1);
        } else {
            condition.works(PlaceId::MAIN, Task::Record);
        }
        true
    };
    rig.round(&rest);
    assert_eq!(looks.get(), 5);
    assert_eq!(checked.get(), rig.bytes());
}
