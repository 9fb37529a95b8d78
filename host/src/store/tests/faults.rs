//! The nth operation fails, once and from then on, for every n until nothing fails: of the file
//! layer, and of the index (a step of SQLite, a commit, the last free page).

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::{ClosedSegment, Health, News};
use super::feed::Feed;
use super::*;
use crate::policy::Span;

/// A unit, and a file in seconds: small, and yet with a rotation, several fragments and a trailer.
const UNIT_BYTES: usize = 40;
const SEGMENT: u64 = 2;

/// What was promised in a scenario.
#[derive(Default)]
struct Promised {
    segments: Vec<ClosedSegment>,
    spans: usize,
}

/// Two cameras that rotate, spans, a sweep that deletes the second camera's files, and an end
/// that cuts off the last file. Gives what was reported as available and is to be kept.
async fn scenario(root: &Path, fs: &Faulty, sabotage: impl FnOnce(&Store)) -> Promised {
    let clock = Hands::at(100);
    let Ok((store, _)) = open_with(root, fs, clock.clone()) else { return Promised::default() };
    let mut closed = store.subscribe_closed();
    let settings = |keep: Option<u64>| CameraSettings {
        keep: keep.map(Duration::from_secs),
        ..CameraSettings::default()
    };
    let (Ok(gate), Ok(yard)) =
        (store.camera("gate", settings(None)), store.camera("yard", settings(Some(10))))
    else {
        return Promised::default();
    };
    let mut gate = Feed::on(&store, "gate", gate, UNIT_BYTES, SEGMENT);
    let mut yard = Feed::on(&store, "yard", yard, UNIT_BYTES, SEGMENT);
    sabotage(&store);
    let mut promised = Promised::default();
    for second in 0..3 * SEGMENT as i64 {
        gate.seconds(1);
        // What the second camera loses is its own affair.
        if second < 2 * SEGMENT as i64 {
            yard.seconds(1);
        } else {
            yard.finish();
        }
        // Lets the threads run, so that writes and syncs alternate.
        let _ = store.earliest("gate").await;
        promised.spans += usize::from(store.span(span(&second.to_string(), second)).await.is_ok());
    }
    clock.set(1000);
    let _ = store.sweep_now().await;
    store.shutdown().await;
    let said = std::iter::from_fn(|| closed.try_recv().ok());
    promised.segments = said.filter(|one| one.camera == "gate").collect();
    promised
}

fn span(id: &str, seconds: i64) -> Span {
    Span {
        id: id.into(),
        camera: "gate".into(),
        policy: "p".into(),
        start: at(seconds),
        end: at(seconds + 2),
        keep: None,
        label: String::new(),
        because: vec![],
        correlation: None,
    }
}

/// After a start on a disk and an index that work: all is in agreement, and what was promised is
/// there. Gives how many files the first camera has.
async fn check(root: &Path, promised: Promised, what: &str) -> usize {
    let (store, _) = open(root, &Hands::at(2000));
    check_agreement(root, what);
    let there = segments(root);
    for one in promised.segments {
        let is = |row: &&row::Segment| row.camera == "gate" && row.sequence == one.sequence;
        let row = there.iter().find(is);
        let row = row.unwrap_or_else(|| panic!("{what}: {one:?} was available"));
        assert_eq!((row.end, row.bytes), (one.end, one.bytes), "{what}");
    }
    let c = index::open_read_only(&super::super::layout::index(root)).unwrap();
    let spans: i64 = c.query_row("SELECT count(*) FROM span", [], |row| row.get(0)).unwrap();
    assert!(spans as usize >= promised.spans, "{what}: {spans} spans of {}", promised.spans);
    store.shutdown().await;
    check_deep(&Disk, root, what);
    there.iter().filter(|row| row.camera == "gate").count()
}

async fn nth_fails(fault: fn(usize) -> Fault) {
    for n in 1..1000 {
        let root = temporary();
        let fs = Faulty::new(fault(n));
        let what = format!("file operation {:?}", fault(n));
        let promised = scenario(root.path(), &fs, |_| ()).await;
        let files = check(root.path(), promised, &what).await;
        if !fs.was_hit() {
            assert!(n > 60, "{n} operations are too few to mean anything");
            assert_eq!(files, 3);
            println!(
                "torture | file operation {:?} | {n} scenarios | agreement after each",
                fault(0)
            );
            return;
        }
    }
    panic!("the scenario never got through");
}

#[tokio::test]
async fn the_nth_operation_fails_once() {
    nth_fails(Fault::Once).await;
}

#[tokio::test]
async fn all_operations_fail_from_the_nth_on() {
    nth_fails(Fault::From).await;
}

/// Steps of SQLite's machine from one look at the plan to the next.
const STEPS: i32 = 20;

/// What of the index fails.
#[derive(Clone, Copy, Debug)]
enum Refused {
    Steps,
    Commits,
}

/// Lets the nth of them fail; `count` counts.
fn refuse(store: &Store, refused: Refused, fault: Fault, count: &Arc<AtomicUsize>) {
    let count = count.clone();
    let fails = move || {
        let n = count.fetch_add(1, Ordering::SeqCst) + 1;
        match fault {
            Fault::None => false,
            Fault::Once(at) => n == at,
            Fault::From(at) => n >= at,
        }
    };
    let install = move |c: &index::Connection| {
        match refused {
            Refused::Steps => c.progress_handler(STEPS, Some(fails)),
            Refused::Commits => c.commit_hook(Some(fails)),
        }
        .map_err(index::failed("install a hook"))
    };
    // Its own commit may be the first that is refused.
    let _ = store.indexer.ask_blocking(install);
}

/// So many values of n are tried, evenly spread: `TORTURE_POINTS`.
fn points(total: usize) -> impl Iterator<Item = usize> {
    let most: usize = std::env::var("TORTURE_POINTS").map_or(40, |text| text.parse().unwrap());
    (1..=total + 1).step_by((total / most).max(1))
}

async fn index_refuses(refused: Refused, fault: fn(usize) -> Fault) {
    let run = async |fault: Fault| {
        let root = temporary();
        let count = Arc::new(AtomicUsize::new(0));
        let fs = Faulty::new(Fault::None);
        let sabotage = |store: &Store| refuse(store, refused, fault, &count);
        let promised = scenario(root.path(), &fs, sabotage).await;
        let files = check(root.path(), promised, &format!("{refused:?} {fault:?}")).await;
        (count.load(Ordering::SeqCst), files)
    };
    let (total, files) = run(Fault::None).await;
    assert!(total > 10 && files == 3, "{total} are too few to mean anything, {files} files");
    let mut scenarios = 0;
    for n in points(total) {
        run(fault(n)).await;
        scenarios += 1;
    }
    println!(
        "torture | index: {refused:?} {:?} | {scenarios} scenarios, about {total} points | \
         agreement after each",
        fault(0)
    );
}

#[tokio::test]
async fn the_nth_step_of_the_index_fails_once() {
    index_refuses(Refused::Steps, Fault::Once).await;
}

#[tokio::test]
async fn all_steps_of_the_index_fail_from_the_nth_on() {
    index_refuses(Refused::Steps, Fault::From).await;
}

#[tokio::test]
async fn the_nth_commit_fails_once() {
    index_refuses(Refused::Commits, Fault::Once).await;
}

#[tokio::test]
async fn all_commits_fail_from_the_nth_on() {
    index_refuses(Refused::Commits, Fault::From).await;
}

#[tokio::test]
async fn the_index_may_not_grow_by_a_page() {
    for pages in 0..40 {
        let root = temporary();
        let fs = Faulty::new(Fault::None);
        let promised = scenario(root.path(), &fs, |store| {
            let limit = move |c: &index::Connection| {
                let now: i64 = c.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
                c.pragma_update_and_check(None, "max_page_count", now + pages, |_| Ok(()))
                    .map_err(index::failed("limit the index"))
            };
            store.indexer.ask_blocking(limit).unwrap();
        });
        check(root.path(), promised.await, &format!("{pages} more pages")).await;
    }
}

/// The start after a crash meets a disk that fails too; the one after that repairs.
#[tokio::test]
async fn recovery_itself_may_fail() {
    for n in 1..200 {
        let root = temporary();
        let (store, _) = open(root.path(), &Hands::at(0));
        let mut feed = Feed::new(&store, "gate", UNIT_BYTES, SEGMENT);
        feed.seconds(1);
        feed.drain();
        store.earliest("gate").await.unwrap();
        drop(store);
        let fs = Faulty::new(Fault::From(n));
        drop(open_with(root.path(), &fs, Hands::at(50)));
        let what = format!("recovery failed at {n}");
        check(root.path(), Promised::default(), &what).await;
        if !fs.was_hit() {
            return;
        }
    }
    panic!("recovery never got through");
}

#[tokio::test]
async fn a_disk_that_comes_back_is_used_again() {
    let root = temporary();
    let fs = Faulty::new(Fault::None);
    let (store, _) = open_with(root.path(), &fs, Hands::at(0)).unwrap();
    let mut closed = store.subscribe_closed();
    let mut health = store.health();
    let (mut sink, _) = gate(&store, None);
    fs.set(Fault::From(1));
    sink.open(start(0, 0, true)).unwrap();
    health.wait_for(|health| matches!(health, Health::Failing(_))).await.unwrap();
    // The sweeper may have met it before the writer.
    while sink.append(0, fragment(0, 0)).is_ok() {
        let _ = store.earliest("gate").await;
    }
    fs.set(Fault::None);
    record(&mut sink, 1, 10, 2, true).unwrap();
    assert_eq!(closed.recv().await.unwrap().sequence, 1);
    health.wait_for(|health| *health == Health::Good).await.unwrap();
    store.shutdown().await;
    drop(open(root.path(), &Hands::at(100)));
    check_agreement(root.path(), "after the disk came back");
}

#[tokio::test]
async fn a_closed_row_that_failed_is_offered_again() {
    let root = temporary();
    let (store, _) = open(root.path(), &Hands::at(0));
    let (mut news, mut closed) = (store.subscribe(), store.subscribe_closed());
    let mut health = store.health();
    let (mut sink, _) = gate(&store, None);
    sink.open(start(0, 0, true)).unwrap();
    sink.append(0, fragment(0, 0)).unwrap();
    while !matches!(news.recv().await.unwrap(), News::Grown(_)) {}
    let hook = |refuses: bool| {
        let install = move |c: &index::Connection| {
            let hook = refuses.then_some(|| true);
            c.commit_hook(hook).map_err(index::failed("install a hook"))
        };
        // The commit of the first one is refused as well.
        let _ = store.indexer.ask_blocking(install);
    };
    hook(true);
    sink.close(0, end(1));
    health.wait_for(|health| matches!(health, Health::Failing(_))).await.unwrap();
    hook(false);
    assert!(closed.try_recv().is_err());
    // The row of another file is taken.
    sink.open(start(1, 1, true)).unwrap();
    assert_eq!(closed.recv().await.unwrap().sequence, 0);
    store.shutdown().await;
    check_agreement(root.path(), "without another start");
}
