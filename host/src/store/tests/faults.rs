//! The nth operation on a file fails, once and from then on, for every n until nothing fails.

use super::super::{ClosedSegment, Health};
use super::*;

/// Two whole segments and one that is cut off by the end of the host. Gives what was reported as
/// available.
async fn scenario(root: &Path, fs: &Faulty) -> Vec<ClosedSegment> {
    let Ok((store, _)) = open_with(root, fs, Hands::at(100)) else { return Vec::new() };
    let mut closed = store.subscribe_closed();
    let (mut sink, next) = gate(&store, None);
    for (sequence, seconds) in [(next, 0), (next + 1, 10), (next + 2, 20)] {
        let mut refused = sink.open(start(sequence, seconds, true));
        for n in 0..3 {
            // Lets the threads run, so that writes and syncs alternate.
            store.earliest("gate").await.unwrap();
            refused = refused.and_then(|()| sink.append(sequence, fragment(seconds, n)));
        }
        if sequence < next + 2 {
            sink.close(sequence, end(seconds + 3));
            store.earliest("gate").await.unwrap();
        }
    }
    store.shutdown().await;
    std::iter::from_fn(|| closed.try_recv().ok()).collect()
}

async fn nth_fails(fault: fn(usize) -> Fault) {
    for n in 1..1000 {
        let root = tempfile::tempdir().unwrap();
        let fs = Faulty::new(fault(n));
        let what = format!("{:?}", fault(n));
        let said = scenario(root.path(), &fs).await;
        let (store, _) = open(root.path(), &Hands::at(200));
        check_agreement(root.path(), &what);
        let there = segments(root.path());
        for one in said {
            let row = there.iter().find(|row| row.sequence == one.sequence);
            let row = row.unwrap_or_else(|| panic!("{what}: {one:?} was available"));
            assert_eq!((row.end, row.bytes), (one.end, one.bytes), "{what}");
        }
        store.shutdown().await;
        if !fs.was_hit() {
            assert!(n > 20, "{n} operations are too few to mean anything");
            assert_eq!(there.len(), 3);
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

/// The start after a crash meets a disk that fails too; the one after that repairs.
#[tokio::test]
async fn recovery_itself_may_fail() {
    for n in 1..200 {
        let root = tempfile::tempdir().unwrap();
        let (store, _) = open(root.path(), &Hands::at(0));
        let (mut sink, _) = gate(&store, None);
        sink.open(start(0, 0, true)).unwrap();
        sink.append(0, fragment(0, 0)).unwrap();
        store.earliest("gate").await.unwrap();
        drop(store);
        let fs = Faulty::new(Fault::From(n));
        drop(open_with(root.path(), &fs, Hands::at(50)));
        drop(open(root.path(), &Hands::at(100)));
        check_agreement(root.path(), &format!("recovery failed at {n}"));
        if !fs.was_hit() {
            return;
        }
    }
    panic!("recovery never got through");
}

#[tokio::test]
async fn a_disk_that_comes_back_is_used_again() {
    let root = tempfile::tempdir().unwrap();
    let fs = Faulty::new(Fault::None);
    let (store, _) = open_with(root.path(), &fs, Hands::at(0)).unwrap();
    let mut closed = store.subscribe_closed();
    let mut health = store.health();
    let (mut sink, _) = gate(&store, None);
    fs.set(Fault::From(1));
    sink.open(start(0, 0, true)).unwrap();
    health.wait_for(|health| matches!(health, Health::Failing(_))).await.unwrap();
    assert_eq!(sink.append(0, fragment(0, 0)), Err(Full));
    fs.set(Fault::None);
    record(&mut sink, 1, 10, 2, true).unwrap();
    assert_eq!(closed.recv().await.unwrap().sequence, 1);
    health.wait_for(|health| *health == Health::Good).await.unwrap();
    store.shutdown().await;
    drop(open(root.path(), &Hands::at(100)));
    check_agreement(root.path(), "after the disk came back");
}
