//! Many cameras as fast as the machine goes: nothing lost, and what it costs in writes, bytes,
//! transactions and memory.
//!
//! `TORTURE_CAMERAS` and `TORTURE_SECONDS` make it long: then memory is looked at too.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::super::Store;
use super::super::sim::counter::{Counter, Counts};
use super::feed::Feed;
use super::*;
use crate::base::metrics;

/// 25 units of this a second are 2 Mbit/s.
const UNIT_BYTES: usize = 10_000;
/// Seconds of a file.
const SEGMENT: u64 = 60;
/// More resident memory than this after the first tenth is a leak.
const GROWTH_MAX: u64 = 48 << 20;

/// What a run cost.
struct Cost {
    received: u64,
    media: u64,
    index: u64,
    files: u64,
    fragments: u64,
    writes: u64,
    commits: u64,
    /// Resident bytes after the first tenth, and the most after that.
    resident: (u64, u64),
}

fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

/// Counts transactions, but for those of what goes by real time: the journal, which empties the outbox,
/// and the sweep, which notes the time.
fn count_commits(c: &index::Connection, count: Arc<AtomicU64>) -> crate::base::Result<()> {
    let is_of_recording = Arc::new(AtomicBool::new(false));
    let seen = is_of_recording.clone();
    let look = move |_, _: &str, table: &str, _| {
        seen.fetch_or(!["outbox", "meta"].contains(&table), Ordering::Relaxed);
    };
    let commit = move || {
        let is_counted = is_of_recording.swap(false, Ordering::Relaxed);
        count.fetch_add(is_counted.into(), Ordering::Relaxed);
        false
    };
    let installed = c.update_hook(Some(look)).and_then(|()| c.commit_hook(Some(commit)));
    installed.map_err(index::failed("count commits"))
}

async fn run(root: &Path, cameras: usize, seconds: i64, is_hollow: bool) -> Cost {
    let counts = Arc::new(Counts::default());
    let fs = Counter { counts: counts.clone(), is_hollow };
    let metrics = Metrics::default();
    // The slow check notes its place, as often as there is time: no part of what recording costs.
    let settings = StoreConfig { check_rate: 0, ..config(root) };
    let (store, _) = Store::open(settings, Arc::new(fs), Hands::at(0), metrics.clone()).unwrap();
    let commits = Arc::new(AtomicU64::new(0));
    let name = |camera: usize| format!("c{camera}");
    let mut feeds: Vec<Feed> =
        (0..cameras).map(|camera| Feed::new(&store, &name(camera), UNIT_BYTES, SEGMENT)).collect();
    let counted = commits.clone();
    let install = move |c: &index::Connection| count_commits(c, counted);
    store.indexer.ask_blocking(install).unwrap();
    let mut memory = (0, 0);
    for second in 0..seconds {
        for feed in &mut feeds {
            feed.seconds(1);
        }
        // As fast as the disk goes, and no faster.
        for (camera, feed) in feeds.iter_mut().enumerate() {
            let label = metrics::Camera { camera: name(camera) };
            let written = metrics.fragments.get_or_create(&label).clone();
            let handed = feed.recorder.sink_mut().fragments;
            while written.get() < handed {
                std::thread::yield_now();
            }
        }
        match second * 10 / seconds {
            0 => memory.0 = resident(),
            _ => memory.1 = resident().max(memory.1),
        }
    }
    let mut fragments = 0;
    for feed in &mut feeds {
        feed.finish();
        assert_eq!(feed.recorder.figures().dropped_units, 0);
        fragments += feed.recorder.sink_mut().fragments;
    }
    let units: i64 = feeds.iter().map(|feed| feed.units).sum();
    // Not in the bounded time of a shutdown: as long as it takes.
    let mut closed = 0;
    while closed < counts.files.load(Ordering::Relaxed) {
        // Asking the index would be a transaction of its own.
        std::thread::yield_now();
        let count = |camera| metrics.segments.get_or_create(&metrics::Camera { camera }).get();
        closed = (0..cameras).map(|camera| count(name(camera))).sum();
    }
    let commits = commits.load(Ordering::Relaxed);
    store.shutdown().await;
    assert_eq!(samples(root), units, "every unit is in one file");
    Cost {
        received: units as u64 * UNIT_BYTES as u64,
        media: counts.bytes.load(Ordering::Relaxed),
        index: std::fs::metadata(super::super::layout::index(root)).unwrap().len(),
        files: counts.files.load(Ordering::Relaxed),
        fragments,
        writes: counts.writes.load(Ordering::Relaxed),
        commits,
        resident: memory,
    }
}

/// Samples in all fragment maps.
fn samples(root: &Path) -> i64 {
    let c = index::open_read_only(&super::super::layout::index(root)).unwrap();
    let mut statement = c.prepare("SELECT map FROM fragments").unwrap();
    let maps = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    let count = |map: Vec<u8>| {
        let entries = index::map::decode(&map).unwrap();
        entries.iter().map(|entry| i64::from(entry.samples)).sum::<i64>()
    };
    maps.map(|map| count(map.unwrap())).sum()
}

impl Cost {
    fn check(&self, what: &str) {
        let Self { received, media, index, files, fragments, writes, commits, .. } = *self;
        let part = |bytes: u64| bytes as f64 / received as f64;
        assert!(part(media) <= 1.01, "{what}: media is {} of what was received", part(media));
        assert!(part(index) <= 0.01, "{what}: the index is {} of it", part(index));
        // A header and a trailer a file, beside the fragments.
        assert_eq!(writes, fragments + 2 * files, "{what}: one write a fragment");
        // Its announcement and its end.
        assert!(commits <= 2 * files + 2, "{what}: {commits} transactions for {files} files");
        println!(
            "torture | {what} | {files} files, {fragments} fragments, {:.2} GB; no unit lost | \
             media {:.4} and index {:.5} of what was received, {:.3} writes a fragment, {:.2} \
             transactions a file, resident {} to {} MB",
            received as f64 / 1e9,
            part(media),
            part(index),
            (writes - 2 * files) as f64 / fragments as f64,
            commits as f64 / files as f64,
            self.resident.0 / 1_000_000,
            self.resident.1 / 1_000_000,
        );
    }
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[tokio::test]
async fn many_cameras_to_a_disk_that_only_counts() {
    let folder = temporary();
    let (cameras, seconds) = (number("TORTURE_CAMERAS"), number("TORTURE_SECONDS"));
    let is_long = cameras.is_some();
    let (cameras, seconds) = (cameras.unwrap_or(8), seconds.unwrap_or(125));
    let cost = run(folder.path(), cameras, seconds as i64, true).await;
    cost.check(&format!("{cameras} cameras, {seconds} s at 2 Mbit/s, to a counting disk"));
    // Other tests run in this process otherwise.
    if is_long {
        let (first, most) = cost.resident;
        assert!(most < first + GROWTH_MAX, "memory grew from {first} to {most} bytes");
    }
}

#[tokio::test]
async fn several_cameras_to_the_real_disk() {
    let folder = tempfile::tempdir().unwrap();
    let cost = run(folder.path(), 4, 65, false).await;
    cost.check("4 cameras, 65 s at 2 Mbit/s, to the real disk");
    check_agreement(folder.path(), "several cameras");
}
