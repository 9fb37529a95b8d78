//! A power cut at every change of a scenario: any part of what was not synced is lost, the
//! index's log ends anywhere after its last commit, and nothing that was said is lost.

use std::cell::RefCell;

use super::super::sim::layer::Layer;
use super::super::sim::medium::Medium;
use super::super::{ClosedSegment, Store, layout};
use super::*;
use crate::policy::Span;

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
    /// Deletion has begun: what may be gone.
    deleting: bool,
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
    deleting: bool,
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
            deleting: self.deleting,
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

/// Two cameras that write, rotate and end, a span, and a sweep that deletes. Gives the tape.
async fn scenario() -> Arc<Mutex<Tape>> {
    let folder = temporary();
    let root = folder.path();
    let layer = Layer::new(root, Medium::default());
    let clock = Hands::at(100);
    let (store, _) =
        Store::open(config(root), Arc::new(layer.clone()), clock.clone(), Metrics::default())
            .unwrap();
    let tape = Arc::new(Mutex::new(Tape { root: root.to_owned(), ..Tape::default() }));
    let settings = |keep: Option<u64>| CameraSettings {
        keep: keep.map(Duration::from_secs),
        ..CameraSettings::default()
    };
    let mut gate = store.camera("gate", settings(None)).unwrap().0;
    let mut yard = store.camera("yard", settings(Some(10))).unwrap().0;
    tape.lock().unwrap().closed = Some(store.subscribe_closed());
    watch_commits(&store, &tape, &layer);
    let seen = tape.clone();
    layer.watch(Some(Box::new(move |medium| seen.lock().unwrap().note(medium))));
    for (sequence, seconds) in [(0, 0), (1, 10), (2, 20)] {
        for sink in [&mut gate, &mut yard] {
            sink.open(start(sequence, seconds, true)).unwrap();
        }
        for n in 0..5 {
            // Lets the threads run, so that writes and syncs alternate.
            store.earliest("gate").await.unwrap();
            gate.append(sequence, fragment(seconds, n)).unwrap();
            yard.append(sequence, fragment(seconds, n)).unwrap();
        }
        store.span(span(&sequence.to_string(), seconds, seconds + 2)).await.unwrap();
        tape.lock().unwrap().spans += 1;
        if sequence < 2 {
            gate.close(sequence, end(seconds + 5));
            yard.close(sequence, end(seconds + 5));
        }
    }
    while tape.lock().unwrap().said.len() < 4 {
        store.earliest("gate").await.unwrap();
        layer.show();
    }
    clock.set(1000);
    tape.lock().unwrap().deleting = true;
    assert_eq!(store.sweep_now().await.unwrap().segments, 2);
    layer.show();
    layer.watch(None);
    store.shutdown().await;
    tape
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
fn check(
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
    let (store, recovered) =
        Store::open(config(root), Arc::new(layer.clone()), Hands::at(2000), Metrics::default())
            .unwrap_or_else(|error| panic!("{what}: {}", error.chain()));
    let failed = |repair: &&super::super::Repair| {
        matches!(repair.action, super::super::Action::Failed { .. })
    };
    assert!(recovered.repairs.iter().find(failed).is_none(), "{what}: {recovered:?}");
    drop(store);
    check_agreement_of(&layer, root, what);
    let there = segments(root);
    for one in said.iter().take(moment.said) {
        if moment.deleting && one.camera == "yard" {
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
#[tokio::test]
async fn a_power_cut_at_any_moment_loses_nothing_that_was_said() {
    let states: usize = std::env::var("TORTURE_CUTS").map_or(2, |text| text.parse().unwrap());
    let mut random = fastrand::Rng::with_seed(7);
    let (mut cuts, mut moments, mut most) = (0, 0, 0);
    for run in 0..states.div_ceil(8) {
        let tape = scenario().await;
        let tape = tape.lock().unwrap();
        assert!(tape.moments.len() > 60, "{} moments are too few", tape.moments.len());
        assert_eq!(tape.said.len(), 4);
        for (number, moment) in tape.moments.iter().enumerate() {
            let unsynced = moment.medium.unsynced();
            most = most.max(unsynced);
            let all = 1_u64.checked_shl(unsynced as u32).filter(|all| *all <= states as u64);
            for state in 0..all.unwrap_or(states as u64) {
                let what = format!("run {run}, moment {number}, state {state}");
                let log = torn(moment, &mut random);
                let bits = if all.is_some() { state } else { random.u64(..) };
                // The first two lose everything, and nothing.
                let (bits, rest) = match (all, state) {
                    (None, 0) => (0, false),
                    (None, 1) => (u64::MAX, true),
                    _ => (bits, false),
                };
                let mut left = (0..64).map(|bit| bits >> bit & 1 != 0);
                check(moment, &log, &tape.said, &what, || left.next().unwrap_or(rest));
                cuts += 1;
            }
        }
        moments += tape.moments.len();
    }
    println!(
        "torture | power cut | {cuts} states of the medium after {moments} changes, up to {most} \
         of them not synced, the index's log torn after its last commit | nothing lost that was \
         available; every file plays"
    );
}
