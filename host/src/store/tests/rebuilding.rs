//! The index made anew from files and journal comes to what it was.

use std::fs;

use proptest::prelude::{any, prop_assert, proptest};
use proptest::{collection::vec, test_runner::Config};

use super::super::check::{self, Depth};
use super::super::{Rebuilt, layout, rebuild};
use super::furnished::{furnish, said};
use super::moving::open_two;
use super::*;

fn anew(root: &Path) -> Rebuilt {
    rebuild(&Disk, root, &[], at(100_000), &mut |_| ()).unwrap_or_else(|e| panic!("{}", e.chain()))
}

/// Compares what two indexes say, but for some tables.
fn assert_same(
    before: &[(&'static str, Vec<String>)],
    after: &[(&'static str, Vec<String>)],
    besides: &[&str],
    what: &str,
) {
    for ((table, before), (_, after)) in before.iter().zip(after) {
        assert!(
            besides.contains(table) || before == after,
            "{what}, {table}: {before:#?} became {after:#?}"
        );
    }
}

fn check_clean(root: &Path, what: &str) {
    let report = check::check(&Disk, root, Depth::Deep, &mut |_| ()).unwrap();
    assert!(report.is_clean(), "{what}: {:#?}", report.findings);
}

#[tokio::test]
async fn a_rebuilt_index_says_what_it_said() {
    let folder = temporary();
    let root = furnish(folder.path()).await;
    let before = said(&root);
    assert!(before.iter().all(|(_, rows)| !rows.is_empty()), "{before:#?}");
    check_clean(&root, "before");
    let done = anew(&root);
    assert_same(&before, &said(&root), &[], "with the old index");
    assert_eq!((done.segments, done.events, done.broken_lines), (7, 1, 0));
    assert!(done.remarks.is_empty(), "{:?}", done.remarks);
    let kept = done.kept.unwrap();
    assert!(kept.ends_with("index.sqlite.before-20251123T121320Z"), "{}", kept.display());
    assert!(kept.exists());
    check_clean(&root, "rebuilt");
    // Nothing of the old index is needed but for events.
    fs::remove_file(layout::index(&root)).unwrap();
    assert!(
        Store::open(
            super::moving::two(folder.path()),
            Arc::new(Disk),
            Hands::at(86_500),
            Metrics::default()
        )
        .is_err_and(|error| error.chain().contains("recordings rebuild"))
    );
    let done = anew(&root);
    assert_eq!((done.kept, done.events), (None, 0));
    assert_same(&before, &said(&root), &["event"], "without the old index");
    check_clean(&root, "rebuilt from nothing");
    // And it is an index to go on with.
    let store = open_two(folder.path(), Disk, &Hands::at(86_500));
    let (_, next) = gate(&store, None);
    assert_eq!(next, 4);
    store.shutdown().await;
}

#[tokio::test]
async fn a_damaged_index_is_no_hindrance() {
    let folder = temporary();
    let root = furnish(folder.path()).await;
    let before = said(&root);
    let path = layout::index(&root);
    let whole = fs::read(&path).unwrap();
    for (name, from, to) in [
        ("its head", 0, 100),
        ("the schema", 100, 4096),
        ("a page", 8192, 12288),
        ("its half", whole.len() / 2, whole.len()),
    ] {
        let mut bytes = whole.clone();
        bytes[from..to].fill(0xa5);
        fs::write(&path, bytes).unwrap();
        anew(&root);
        assert_same(&before, &said(&root), &["event"], name);
        check_clean(&root, name);
    }
    // No database at all.
    fs::write(&path, b"nothing").unwrap();
    anew(&root);
    assert_same(&before, &said(&root), &["event"], "nothing");
}

#[tokio::test]
async fn what_is_not_the_stores_is_left_alone_and_named() {
    let folder = temporary();
    let root = furnish(folder.path()).await;
    let lies = segments(&root).into_iter().find(|one| one.camera == "gate" && one.sequence == 3);
    let lies = lies.unwrap();
    let file = layout::segment("gate", lies.start, 3);
    let moved = layout::segment("gate", lies.start, 99);
    fs::copy(root.join(&file), root.join(&moved)).unwrap();
    // A second, torn file of the same segment.
    let other = folder.path().join("large").join(&file);
    let bytes = fs::read(root.join(&file)).unwrap();
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::write(&other, &bytes[..bytes.len() * 2 / 3]).unwrap();
    fs::write(root.join("gate/notes.txt"), b"mine").unwrap();
    let junk = root.join(layout::segment("gate", lies.start, 98));
    fs::write(&junk, b"junk").unwrap();
    let done = anew(&root);
    assert_eq!(done.segments, 7);
    for (path, word) in [
        (root.join(&moved), "says that it is"),
        (other.clone(), "second file"),
        (root.join("gate/notes.txt"), "no segment"),
        (junk, "no fragment"),
    ] {
        let remark = done.remarks.iter().find(|remark| remark.path == path);
        let remark = remark.unwrap_or_else(|| panic!("{}: {:#?}", path.display(), done.remarks));
        assert!(remark.said.contains(word), "{remark:?}");
        assert!(path.exists());
    }
}

#[tokio::test]
async fn a_torn_file_is_cut_as_at_a_start() {
    let folder = temporary();
    let root = furnish(folder.path()).await;
    let lies = &segments(&root)[3];
    let path = root.join(layout::segment("gate", lies.start, lies.sequence));
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() * 2 / 3]).unwrap();
    let done = anew(&root);
    assert!(done.remarks.iter().any(|remark| remark.said.contains("cut off")), "{done:?}");
    check_clean(&root, "cut");
}

#[tokio::test]
async fn a_rebuild_that_was_cut_off_is_completed() {
    for is_gone in [false, true] {
        let folder = temporary();
        let root = furnish(folder.path()).await;
        let rows = segments(&root).len();
        let index = layout::index(&root);
        fs::copy(&index, layout::index_rebuilt(&root)).unwrap();
        // The old one has lost what stood in its log, or has its other name already.
        fs::remove_file(&index).unwrap();
        if !is_gone {
            drop(super::super::index::open(&index).unwrap());
        }
        super::super::exchange::finish(&Disk, &root, at(2000)).unwrap();
        assert!(!layout::index_rebuilt(&root).exists());
        assert_eq!(layout::index_before(&root, at(2000)).exists(), !is_gone);
        assert_eq!(segments(&root).len(), rows, "gone: {is_gone}");
    }
}

proptest! {
    #![proptest_config(Config::with_cases(24))]
    /// Any part of the journal may be missing or torn.
    #[test]
    fn any_journal_is_read(keep in vec(any::<bool>(), 64), cut in 0_usize..200, junk in vec(any::<u8>(), 0..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = temporary();
        let root = runtime.block_on(furnish(folder.path()));
        let days = super::super::journal::files::days(&Disk, &root).unwrap();
        for day in days {
            let text = fs::read_to_string(&day).unwrap();
            let lines = text.lines().zip(keep.iter().cycle()).filter(|(_, keep)| **keep);
            let mut bytes = lines.map(|(line, _)| format!("{line}\n")).collect::<String>().into_bytes();
            bytes.truncate(bytes.len().saturating_sub(cut));
            bytes.extend_from_slice(&junk);
            fs::write(&day, bytes).unwrap();
        }
        fs::remove_file(layout::index(&root)).unwrap();
        let others = [("large".to_owned(), folder.path().join("large"))];
        let done = rebuild(&Disk, &root, &others, at(100_000), &mut |_| ());
        prop_assert!(done.is_ok_and(|done| done.segments == 7));
    }
}

/// Its recordings come back with it, in their order, and what was recorded meanwhile is no second
/// one of them.
#[tokio::test]
async fn a_disk_that_was_away_at_a_rebuild_comes_back_whole() {
    let folder = temporary();
    let root = furnish(folder.path()).await;
    let before = said(&root);
    let (large, away) = (folder.path().join("large"), folder.path().join("away"));
    fs::rename(&large, &away).unwrap();
    // Neither what cameras are nor where files lie is known from elsewhere.
    fs::remove_file(layout::index(&root)).unwrap();
    let done = anew(&root);
    let here = segments(&root).len();
    assert!(0 < here && here < 7 && done.segments == here as u64, "{here}");
    fs::rename(&away, &large).unwrap();
    let store = open_two(folder.path(), Disk, &Hands::at(86_500));
    let (mut sink, next) = gate(&store, None);
    assert!(next > 1 << 32, "{next}");
    let mut closed = store.subscribe_closed();
    record(&mut sink, next, 86_500, 3, true).unwrap();
    closed.recv().await.unwrap();
    store.shutdown().await;
    let fs: Arc<dyn Fs> = Arc::new(Disk);
    // Fast: what was recorded here is no video.
    let report = check::repair(&fs, &root, Depth::Fast, at(100_000), &mut |_| ()).unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
    let all = segments(&root);
    let mut by_id: Vec<_> = all.iter().map(|one| (one.id, one.start)).collect();
    by_id.sort();
    assert!(by_id.is_sorted_by_key(|(_, start)| *start), "in the order of recording: {by_id:?}");
    assert_eq!(all.len(), 8);
    let of = |said: &[(&'static str, Vec<String>)], table: &str| {
        said.iter().find(|(name, _)| *name == table).unwrap().1.clone()
    };
    let now = said(&root);
    for table in ["answer", "fragments", "pin"] {
        let (before, now) = (of(&before, table), of(&now, table));
        assert!(before.iter().all(|row| now.contains(row)), "{table}: {before:#?} {now:#?}");
    }
    let report = check::check(&Disk, &root, Depth::Fast, &mut |_| ()).unwrap();
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
}
