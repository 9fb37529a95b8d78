//! A power cut at every change of a scenario: any part of what was not synced is lost, the
//! index's log ends anywhere after its last commit, and nothing that was said is lost.

use std::cell::RefCell;

use super::super::sim::layer::Layer;
use super::super::sim::medium::Medium;
use super::super::{ClosedSegment, Store, layout};
use super::feed::Feed;
use super::*;
use crate::policy::Span;

/// A unit, and a file in seconds.
const UNIT_BYTES: usize = 200;
const SEGMENT: u64 = 2;

/// The world at one moment: what a power cut then can leave.
struct Moment {
    medium: Medium,
    /// The index and its write-ahead log.
    index: Vec<u8>,
    log: Vec<u8>,
    /// Bytes of the log that commits have returned for.
    log_least: usize,
    /// How many segments, and how many spans, had been said to be there.
    said: usize,
    spans: usize,
    /// Whose files may be gone, since deletion has begun.
    goes: &'static [&'static str],
}

/// Everything that happened, and what was said of it.
#[derive(Default)]
struct Tape {
    root: std::path::PathBuf,
    moments: Vec<Moment>,
    log_least: usize,
    closed: Option<tokio::sync::broadcast::Receiver<ClosedSegment>>,
    said: Vec<ClosedSegment>,
    spans: usize,
    goes: &'static [&'static str],
}

impl Tape {
    fn log(&self) -> Vec<u8> {
        std::fs::read(layout::index(&self.root).with_extension("sqlite-wal")).unwrap_or_default()
    }

    fn note(&mut self, medium: &Medium) {
        // First: what was said before the rest is read holds for it.
        let (log_least, spans) = (self.log_least, self.spans);
        if let Some(closed) = &mut self.closed {
            self.said.extend(std::iter::from_fn(|| closed.try_recv().ok()));
        }
        self.moments.push(Moment {
            medium: medium.clone(),
            index: std::fs::read(layout::index(&self.root)).unwrap_or_default(),
            log: self.log(),
            log_least,
            said: self.said.len(),
            spans,
            goes: self.goes,
        });
    }
}

thread_local! {
    /// Of the index thread: SQLite's hook brings nothing along.
    static WATCHED: RefCell<Option<(Arc<Mutex<Tape>>, Layer)>> = const { RefCell::new(None) };
}

/// Lets `tape` see each commit. Instead of folding the log back now and then.
fn watch_commits(store: &Store, tape: &Arc<Mutex<Tape>>, layer: &Layer) {
    let watched = (tape.clone(), layer.clone());
    let watch = move |c: &index::Connection| {
        WATCHED.with(|cell| *cell.borrow_mut() = Some(watched));
        c.wal_hook(Some(|_, _| {
            WATCHED.with(|cell| {
                let cell = cell.borrow();
                let (tape, layer) = cell.as_ref().unwrap();
                // The last moment at which this commit had not returned.
                layer.show();
                let mut tape = tape.lock().unwrap();
                tape.log_least = tape.log().len();
            });
            Ok(())
        }));
        Ok(())
    };
    store.indexer.ask_blocking(watch).unwrap();
    let mut tape = tape.lock().unwrap();
    tape.log_least = tape.log().len();
}

fn span(id: &str, start: i64, end: i64) -> Span {
    Span {
        id: id.into(),
        camera: "gate".into(),
        policy: "p".into(),
        start: at(start),
        end: at(end),
        keep: None,
        label: String::new(),
        because: vec![],
        correlation: None,
    }
}

/// A store on a medium, and what is written down of it once it is watched.
struct Rig {
    store: Store,
    layer: Layer,
    clock: Arc<Hands>,
    tape: Arc<Mutex<Tape>>,
    _folder: tempfile::TempDir,
}

impl Rig {
    fn new(free_floor: FreeFloor) -> Self {
        let folder = temporary();
        let root = folder.path();
        let (layer, clock) = (Layer::new(root, Medium::default()), Hands::at(100));
        layer.set_space(full::ROOM);
        let config = StoreConfig { free_floor, ..config(root) };
        let fs = Arc::new(layer.clone());
        let (store, _) = Store::open(config, fs, clock.clone(), Metrics::default()).unwrap();
        let tape = Arc::new(Mutex::new(Tape { root: root.to_owned(), ..Tape::default() }));
        Self { store, layer, clock, tape, _folder: folder }
    }

    fn feed(&self, camera: &str, keep: Option<u64>) -> Feed {
        let keep = keep.map(Duration::from_secs);
        let settings = CameraSettings { keep, ..CameraSettings::default() };
        let sink = self.store.camera(camera, settings).unwrap();
        Feed::on(&self.store, camera, sink, UNIT_BYTES, SEGMENT)
    }

    fn watch(&self) {
        self.tape.lock().unwrap().closed = Some(self.store.subscribe_closed());
        watch_commits(&self.store, &self.tape, &self.layer);
        let seen = self.tape.clone();
        self.layer.watch(Some(Box::new(move |medium| seen.lock().unwrap().note(medium))));
    }

    /// Returns when so many segments were said to be there.
    async fn wait_for(&self, closed: usize) {
        while self.tape.lock().unwrap().said.len() < closed {
            self.store.earliest("gate").await.unwrap();
            self.layer.show();
        }
    }

    /// From now on, files of these cameras may go.
    fn deletes(&self, cameras: &'static [&'static str]) {
        self.tape.lock().unwrap().goes = cameras;
    }

    async fn end(self) -> Arc<Mutex<Tape>> {
        self.layer.show();
        self.layer.watch(None);
        self.store.shutdown().await;
        self.tape
    }
}

/// Two cameras that write, rotate and end, spans, and a sweep that deletes. Gives the tape.
async fn two_cameras() -> Arc<Mutex<Tape>> {
    let rig = Rig::new(FreeFloor::Bytes(0));
    let (mut gate, mut yard) = (rig.feed("gate", None), rig.feed("yard", Some(10)));
    rig.watch();
    for second in 0..3 * SEGMENT as i64 {
        // Lets the threads run, so that writes and syncs alternate.
        rig.store.earliest("gate").await.unwrap();
        gate.seconds(1);
        yard.seconds(1);
        rig.store.span(span(&second.to_string(), second, second + 2)).await.unwrap();
        rig.tape.lock().unwrap().spans += 1;
    }
    rig.wait_for(4).await;
    rig.clock.set(1000);
    rig.deletes(&["yard"]);
    assert_eq!(rig.store.sweep_now().await.unwrap().segments, 2);
    rig.end().await
}

/// The index's disk is full to the last byte, so that the ballast goes and files go before their
/// rows; then there is room again. Gives the tape.
async fn full_disk() -> Arc<Mutex<Tape>> {
    let rig = Rig::new(full::FLOOR);
    let mut feed = rig.feed("gate", None);
    rig.watch();
    feed.seconds(2 * SEGMENT as i64);
    feed.finish();
    rig.wait_for(2).await;
    rig.store.sweep_now().await.unwrap();
    rig.deletes(&["gate"]);
    full::fill(&rig.store, &|space| rig.layer.set_space(space)).await;
    full::empty(&rig.store, &|space| rig.layer.set_space(space)).await;
    rig.end().await
}

/// Tears a log's end as a disk would: some pages of what no commit has returned for are zeros.
fn torn(moment: &Moment, random: &mut fastrand::Rng) -> Vec<u8> {
    let most = moment.log.len().max(moment.log_least);
    let mut log =
        moment.log[..random.usize(moment.log_least..=most).min(moment.log.len())].to_vec();
    let mut at = moment.log_least;
    while at < log.len() {
        let end = (at / 4096 + 1) * 4096;
        let end = end.min(log.len());
        if random.u8(0..4) == 0 {
            log[at..end].fill(0);
        }
        at = end;
    }
    log
}

/// Opens what a power cut left at `moment`, where `stays` answers what of the unsynced stays.
async fn check(
    moment: &Moment,
    log: &[u8],
    said: &[ClosedSegment],
    what: &str,
    stays: impl FnMut() -> bool,
) {
    let folder = temporary();
    let root = folder.path();
    std::fs::write(layout::index(root), &moment.index).unwrap();
    std::fs::write(layout::index(root).with_extension("sqlite-wal"), log).unwrap();
    let layer = Layer::new(root, moment.medium.cut(stays));
    layer.set_space(full::ROOM);
    let config = StoreConfig { free_floor: full::FLOOR, ..config(root) };
    let fs = Arc::new(layer.clone());
    let (store, recovered) = Store::open(config, fs, Hands::at(2000), Metrics::default())
        .unwrap_or_else(|error| panic!("{what}: {}", error.chain()));
    let failed = |repair: &&super::super::Repair| {
        matches!(repair.action, super::super::Action::Failed { .. })
    };
    assert!(recovered.repairs.iter().find(failed).is_none(), "{what}: {recovered:?}");
    store.shutdown().await;
    check_agreement_of(&layer, root, what);
    check_deep(&layer, root, what);
    let there = segments(root);
    for one in said.iter().take(moment.said) {
        if moment.goes.contains(&one.camera.as_str()) {
            continue;
        }
        let is = |row: &&row::Segment| row.camera == one.camera && row.sequence == one.sequence;
        let row = there.iter().find(is);
        let row = row.unwrap_or_else(|| panic!("{what}: {one:?} was available"));
        assert_eq!((row.end, row.bytes), (one.end, one.bytes), "{what}");
    }
    let c = index::open_read_only(&layout::index(root)).unwrap();
    let spans: i64 = c.query_row("SELECT count(*) FROM span", [], |row| row.get(0)).unwrap();
    assert!(spans as usize >= moment.spans, "{what}: {spans} spans of {}", moment.spans);
}

/// Cuts at each moment of a few runs; `TORTURE_CUTS` says how many states of each are tried.
async fn cut_everywhere(what: &str, scenario: impl AsyncFn() -> Arc<Mutex<Tape>>, segments: usize) {
    let states: usize = std::env::var("TORTURE_CUTS").map_or(2, |text| text.parse().unwrap());
    let mut random = fastrand::Rng::with_seed(7);
    let (mut cuts, mut moments, mut most) = (0, 0, 0);
    for run in 0..states.div_ceil(8) {
        let tape = scenario().await;
        let tape = std::mem::take(&mut *tape.lock().unwrap());
        assert!(tape.moments.len() > 60, "{} moments are too few", tape.moments.len());
        assert_eq!(tape.said.len(), segments);
        for (number, moment) in tape.moments.iter().enumerate() {
            let unsynced = moment.medium.unsynced();
            most = most.max(unsynced);
            let all = 1_u64.checked_shl(unsynced as u32).filter(|all| *all <= states as u64);
            for state in 0..all.unwrap_or(states as u64) {
                let what = format!("{what}, run {run}, moment {number}, state {state}");
                let log = torn(moment, &mut random);
                let bits = if all.is_some() { state } else { random.u64(..) };
                // The first two lose everything, and nothing.
                let (bits, rest) = match (all, state) {
                    (None, 0) => (0, false),
                    (None, 1) => (u64::MAX, true),
                    _ => (bits, false),
                };
                let mut left = (0..64).map(|bit| bits >> bit & 1 != 0);
                check(moment, &log, &tape.said, &what, || left.next().unwrap_or(rest)).await;
                cuts += 1;
            }
        }
        moments += tape.moments.len();
    }
    println!(
        "torture | power cut, {what} | {cuts} states of the medium after {moments} changes, up to \
         {most} of them not synced, the index's log torn after its last commit | nothing lost that \
         was available; a deep check passes after each"
    );
}

#[tokio::test]
async fn a_power_cut_at_any_moment_loses_nothing_that_was_said() {
    cut_everywhere("two cameras", two_cameras, 4).await;
}

#[tokio::test]
async fn a_power_cut_while_the_disk_is_full_leaves_agreement() {
    cut_everywhere("full disk", full_disk, 2).await;
}
