//! A disk that is full to the last byte, with the index on it: the ballast goes, files go before
//! their rows, and each step of that may fail.

use super::super::fs::Space;
use super::feed::Feed;
use super::*;
use crate::policy::Span;

/// What is to stay free, and room above it.
pub(super) const FLOOR: FreeFloor = FreeFloor::Bytes(1 << 20);
pub(super) const ROOM: Space = Space { free: 3 << 20, total: 4 << 20 };
const FULL: Space = Space { free: 0, ..ROOM };

/// Sets the room of a disk.
pub(super) type SetSpace<'a> = &'a dyn Fn(Space);

/// From now on the index takes nothing, or takes things again.
pub(super) fn refuse_commits(store: &Store, refuse: bool) {
    let hook = move |c: &index::Connection| {
        c.commit_hook(refuse.then_some(|| true)).map_err(index::failed("install a hook"))
    };
    // Its own commit may be refused already.
    let _ = store.indexer.ask_blocking(hook);
}

/// Somebody fills the disk: all goes that can, and the index learns of nothing.
pub(super) async fn fill(store: &Store, set_space: SetSpace<'_>) {
    refuse_commits(store, true);
    // The second time, somebody else has taken what the ballast gave.
    for _ in 0..2 {
        set_space(FULL);
        let _full = store.sweep_now().await;
    }
}

/// There is room again.
pub(super) async fn empty(store: &Store, set_space: SetSpace<'_>) {
    set_space(ROOM);
    refuse_commits(store, false);
    let _may_fail = store.sweep_now().await;
}

/// How a host with a full disk ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Killed, before there is room again.
    Killed,
    /// After the index was told of everything.
    Told,
}

/// Three files, of which a span keeps one and a person one, a full disk, and an end. Gives whether
/// deletions were written down of which the index did not know.
async fn scenario(root: &Path, fs: &Faulty, how: End) -> bool {
    let set_space = |space| fs.set_space(space);
    set_space(ROOM);
    let config = StoreConfig { free_floor: FLOOR, ..config(root) };
    let opened = Store::open(config, Arc::new(fs.clone()), Hands::at(1000), Metrics::default());
    let Ok((store, _)) = opened else { return false };
    let Ok(gate) = store.camera("gate", CameraSettings::default()) else { return false };
    let mut feed = Feed::on(&store, "gate", gate, 40, 1);
    feed.seconds(3);
    feed.finish();
    feed.drain();
    let span = Span {
        id: "s".into(),
        camera: "gate".into(),
        policy: "p".into(),
        start: at(1),
        end: at(2),
        keep: None,
        label: String::new(),
        because: vec![],
        correlation: None,
    };
    let _may_fail = store.span(span).await;
    let named = super::super::Named::Range { camera: "gate".into(), start: at(2), end: at(3) };
    let _may_fail = store.pin(named, None).await;
    // The ballast is made.
    let _may_fail = store.sweep_now().await;
    fill(&store, &set_space).await;
    let written = super::super::layout::intents(root).exists();
    if how == End::Told {
        empty(&store, &set_space).await;
        store.shutdown().await;
    }
    written
}

/// After a start on a disk that works and has room.
async fn check(root: &Path, what: &str) {
    let fs = Faulty::new(Fault::None);
    fs.set_space(ROOM);
    let config = StoreConfig { free_floor: FLOOR, ..config(root) };
    let (store, _) =
        Store::open(config, Arc::new(fs), Hands::at(2000), Metrics::default()).unwrap();
    let _ = store.sweep_now().await.unwrap();
    store.shutdown().await;
    check_agreement(root, what);
    check_deep(&Disk, root, what);
    assert!(!super::super::layout::intents(root).exists(), "{what}: intents are left");
    let ballast = std::fs::metadata(super::super::layout::ballast(root)).unwrap().len();
    assert_eq!(ballast, ROOM.total / 64, "{what}");
}

async fn nth_fails(fault: fn(usize) -> Fault) {
    for how in [End::Killed, End::Told] {
        let root = temporary();
        assert!(scenario(root.path(), &Faulty::new(Fault::None), how).await, "files go first");
        check(root.path(), "nothing fails").await;
        assert_eq!(segments(root.path()).len(), 0, "all went");
        for n in 1..1000 {
            let root = temporary();
            let fs = Faulty::new(fault(n));
            scenario(root.path(), &fs, how).await;
            let what = format!("full disk, {how:?}, file operation {:?}", fault(n));
            check(root.path(), &what).await;
            if !fs.was_hit() {
                assert!(n > 60, "{n} operations are too few to mean anything");
                println!(
                    "torture | full disk, file operation {:?} | {n} scenarios | agreement after \
                     each",
                    fault(0)
                );
                break;
            }
        }
    }
}

#[tokio::test]
async fn the_nth_operation_of_a_full_disk_fails_once() {
    nth_fails(Fault::Once).await;
}

#[tokio::test]
async fn all_operations_of_a_full_disk_fail_from_the_nth_on() {
    nth_fails(Fault::From).await;
}

/// A host, and a person's wish without one: an index on a full disk could not even be opened.
#[tokio::test]
async fn the_ballast_gives_way_before_the_index_is_opened() {
    let folder = temporary();
    let root = folder.path();
    let fs = Faulty::new(Fault::None);
    fs.set_space(ROOM);
    let config = StoreConfig { free_floor: FLOOR, ..config(root) };
    let opened =
        Store::open(config.clone(), Arc::new(fs.clone()), Hands::at(0), Metrics::default());
    opened.unwrap().0.shutdown().await;
    let ballast = super::super::layout::ballast(root);
    let ready = |config: &StoreConfig| super::super::opening::ready(config, &fs, at(10));
    for (space, visit, stays) in [(ROOM, false, true), (FULL, false, false), (FULL, true, false)] {
        std::fs::write(&ballast, [7; 4096]).unwrap();
        fs.set_space(space);
        let config = StoreConfig { visit, ..config.clone() };
        ready(&config).unwrap_or_else(|error| panic!("{}", error.chain()));
        assert_eq!(ballast.exists(), stays, "{space:?}, visit: {visit}");
    }
    // There is none to give: that the disk is full is said, and no rebuild advised.
    std::fs::write(super::super::layout::index(root), b"no database").unwrap();
    let told = ready(&config).err().expect("no index").chain();
    assert!(told.contains("free a few megabytes"), "{told}");
    fs.set_space(ROOM);
    let told = ready(&config).err().expect("no index").chain();
    assert!(told.contains("rebuild") && !told.contains("megabytes"), "{told}");
}
