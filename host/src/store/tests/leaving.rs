//! A camera leaves a store that goes on, and comes back.

use super::super::query::{Filter, Reader};
use super::*;
use crate::ingest::GapReason;
use crate::record::GapMark;

const SOON: Duration = Duration::from_secs(30);

/// Reason, start and end of each gap, in seconds.
fn gaps(root: &Path) -> Vec<(String, i64, Option<i64>)> {
    let gaps = Reader::open(root).unwrap().gaps(&Filter::default()).unwrap();
    let second = |time: Timestamp| time.micros_since(at(0)) / 1_000_000;
    gaps.into_iter().map(|gap| (gap.reason, second(gap.start), gap.end.map(second))).collect()
}

#[tokio::test]
async fn what_it_leaves_is_whole_and_the_time_away_is_one_gap() {
    let root = temporary();
    let clock = Hands::at(0);
    let (store, _) = open(root.path(), &clock);
    let (mut sink, _) = gate(&store, None);
    record(&mut sink, 0, 10, 3, true).unwrap();
    sink.open(start(1, 13, true)).unwrap();
    sink.append(1, fragment(13, 0)).unwrap();
    sink.close(1, SegmentEnd { end: at(14), trailer: trailer(&[]) });
    drop(sink);
    clock.set(15);
    store.leave("gate", SOON).await.unwrap();
    let segments = Reader::open(root.path()).unwrap().segments(&Filter::default()).unwrap();
    assert_eq!(segments.len(), 2, "all is closed when it has left");
    assert_eq!(gaps(root.path()), []);
    clock.set(20);
    let (mut sink, next) = gate(&store, None);
    let stopped = |from, to| ("stopped".to_owned(), from, Some(to));
    assert_eq!((next, gaps(root.path())), (2, vec![stopped(14, 20)]));

    // It is away itself when it leaves, and again before it has come.
    record(&mut sink, 2, 20, 2, true).unwrap();
    let (end, reason, detail) = (None, GapReason::Offline, "closed".to_owned());
    sink.gap(GapMark { start: at(22), end, reason, detail });
    drop(sink);
    for (leaves, comes) in [(30, 40), (50, 60)] {
        clock.set(leaves);
        store.leave("gate", SOON).await.unwrap();
        clock.set(comes);
        drop(gate(&store, None));
    }
    let offline = ("offline".to_owned(), 22, Some(30));
    assert_eq!(gaps(root.path()), [stopped(14, 20), offline, stopped(30, 60)]);
    check_agreement(root.path(), "after it came back");
}

/// A file that its recorder still writes is waited for, but not for ever.
#[tokio::test]
async fn who_does_not_let_go_is_told_of() {
    let root = temporary();
    let (store, _) = open(root.path(), &Hands::at(0));
    let (sink, _) = gate(&store, None);
    let error = store.leave("gate", Duration::from_millis(20)).await.unwrap_err();
    assert!(
        error.to_string().contains("camera gate: its files were not closed in time"),
        "{error}"
    );
    drop(sink);
}
