//! A disk that hangs, one that is slow, and a sync that fails: what is lost, what is said of it,
//! and who waits. Nobody sleeps: a door is shut and opened.

use super::super::sim::layer::{Layer, Shut};
use super::super::sim::medium::Medium;
use super::super::{Health, News, Store};
use super::feed::{Feed, gaps, numbers};
use super::*;

fn store(folder: &Path) -> (Layer, Store) {
    let layer = Layer::new(folder, Medium::default());
    let clock = Hands::at(1000);
    let (store, _) =
        Store::open(config(folder), Arc::new(layer.clone()), clock, Metrics::default()).unwrap();
    (layer, store)
}

/// What a camera's rows say: where each file begins and ends.
fn files_of(root: &Path, camera: &str) -> Vec<(i64, i64)> {
    let rows = segments(root).into_iter().filter(|row| row.camera == camera);
    rows.map(|row| (row.start.micros(), row.end.micros())).collect()
}

/// One hole at most, which a gap shows from the end of one file to the start of the next; no unit
/// twice or out of order.
fn check_hole(layer: &Layer, root: &Path, camera: &str) {
    let numbers = numbers(layer, root, camera);
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{camera}: in order, none twice");
    let holes: Vec<_> = numbers.windows(2).filter(|pair| pair[0] + 1 != pair[1]).collect();
    let (files, gaps) = (files_of(root, camera), gaps(root, camera));
    assert_eq!(holes.len(), 1, "{camera}: {holes:?}");
    assert!(gaps.iter().all(|(_, _, reason)| reason == "disk"), "{gaps:?}");
    // What the disk lost of what it had taken, and what it did not take, follow on one another.
    assert!(gaps.windows(2).all(|pair| pair[0].1 == Some(pair[1].0)), "{gaps:?}");
    let (start, end) = (gaps[0].0, gaps[gaps.len() - 1].1);
    assert!(files.iter().any(|(_, last)| *last == start), "{gaps:?} {files:?}");
    assert!(files.iter().any(|(first, _)| Some(*first) == end), "{gaps:?} {files:?}");
    assert_eq!(holes[0][1] % 25, 0, "it goes on at a key frame");
}

#[tokio::test]
async fn a_disk_that_hangs_costs_what_is_over_the_bound_and_holds_up_nobody() {
    let folder = temporary();
    let root = folder.path();
    let (layer, store) = store(root);
    // 5 MB a second, of which 32 MiB may wait; and a camera that never comes near its bound.
    let mut big = Feed::new(&store, "gate", 200_000, 4);
    let mut small = Feed::new(&store, "yard", 2000, 4);
    for feed in [&mut big, &mut small] {
        feed.seconds(5);
    }
    layer.wait_for_a_sync();
    layer.shut(Shut::Changes);
    for _ in 0..12 {
        big.seconds(1);
        small.seconds(1);
    }
    // All of it was taken or refused at once, although nothing came back from the disk.
    layer.wait_for_somebody();
    assert!(big.recorder.figures().dropped_units > 0);
    assert_eq!(small.recorder.figures().dropped_units, 0);
    // Events and spans do not wait for it either.
    store.earliest("gate").await.unwrap();
    let files = big.recorder.next_sequence();
    layer.shut(Shut::Nothing);
    // From here on no faster than the disk: what outruns it would be lost again, and rightly.
    big.drain();
    while big.recorder.next_sequence() < files + 3 {
        for feed in [&mut big, &mut small] {
            feed.seconds(1);
            feed.drain();
        }
    }
    big.finish();
    small.finish();
    let units = small.units;
    store.shutdown().await;
    check_agreement_of(&layer, root, "after the disk hung");
    check_hole(&layer, root, "gate");
    assert_eq!(numbers(&layer, root, "yard"), (0..units).collect::<Vec<_>>());
    assert!(gaps(root, "yard").is_empty());
}

#[tokio::test]
async fn a_disk_that_syncs_slowly_costs_nothing() {
    let folder = temporary();
    let root = folder.path();
    let (layer, store) = store(root);
    let mut closed = store.subscribe_closed();
    let mut feed = Feed::new(&store, "gate", 2000, 2);
    layer.shut(Shut::Syncs);
    feed.seconds(9);
    layer.wait_for_somebody();
    assert_eq!(feed.recorder.figures().dropped_units, 0);
    assert!(closed.try_recv().is_err(), "nothing is said to be there before it is");
    layer.shut(Shut::Nothing);
    for sequence in 0..4 {
        assert_eq!(closed.recv().await.unwrap().sequence, sequence);
    }
    feed.finish();
    store.shutdown().await;
    check_agreement_of(&layer, root, "after slow syncs");
    assert_eq!(numbers(&layer, root, "gate"), (0..9 * 25).collect::<Vec<_>>());
    assert!(gaps(root, "gate").is_empty());
}

#[tokio::test]
async fn a_sync_that_failed_is_never_tried_again() {
    let folder = temporary();
    let root = folder.path();
    let (layer, store) = store(root);
    let (mut news, mut closed) = (store.subscribe(), store.subscribe_closed());
    let mut health = store.health();
    let mut feed = Feed::new(&store, "gate", 2000, 60);
    feed.seconds(4);
    // Some of it is on the medium: that is what is to be left.
    while !matches!(news.recv().await.unwrap(), News::Grown(_)) {}
    // Whatever is being synced now, there is more for the next round, and nothing after that.
    layer.shut(Shut::Syncs);
    feed.seconds(1);
    layer.wait_for_somebody();
    feed.seconds(2);
    layer.fail_a_sync();
    layer.shut(Shut::Nothing);
    health.wait_for(|health| matches!(health, Health::Failing(_))).await.unwrap();
    let ended = closed.recv().await.unwrap();
    assert_eq!(ended.sequence, 0, "ended at its last good sync");
    let before = feed.units;
    while feed.recorder.next_sequence() < 2 {
        feed.seconds(1);
    }
    assert!(feed.units - before <= 75, "a new file begins at the next key frame");
    feed.seconds(3);
    health.wait_for(|health| *health == Health::Good).await.unwrap();
    feed.finish();
    store.shutdown().await;
    assert_eq!(layer.retried_syncs(), 0);
    check_agreement_of(&layer, root, "after a failed sync");
    check_hole(&layer, root, "gate");
    let first = &segments(root)[0];
    assert_eq!((first.end, first.bytes), (ended.end, ended.bytes));
}
