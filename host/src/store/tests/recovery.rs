//! What start-up makes of each state that a crash can leave behind.

use std::fs;

use super::super::Action;
use super::super::query::{Filter, Reader};
use super::*;

/// A segment of the first camera that starts at so many microseconds.
fn opening(sequence: u64, start: i64) -> index::edit::Opening {
    index::edit::Opening {
        camera_id: 1,
        sequence,
        epoch: 0,
        start: Timestamp::from_micros(start),
        place: super::super::PlaceId::MAIN,
        flags: row::Flags::default(),
        continuous: super::super::holds::Continuous::CONFIGURED,
        codec: "h264".into(),
        width: 1920,
        height: 1080,
        audio: String::new(),
        head: None,
    }
}

/// Leaves one segment as a crash would: its row in `state`, its file with `content`.
fn leave(root: &Path, state: i64, content: Option<&[u8]>) -> std::path::PathBuf {
    let (store, _) = open(root, &Hands::at(0));
    let (mut sink, _) = gate(&store, None);
    sink.open(start(0, 0, true)).unwrap();
    drop(store);
    let c = index::open(&super::super::layout::index(root)).unwrap();
    c.execute("DELETE FROM segment", []).unwrap();
    index::edit::opening(&c, &opening(0, at(0).micros())).unwrap();
    c.execute("UPDATE segment SET state = ?1", [state]).unwrap();
    let path = root.join(super::super::layout::segment("gate", at(0), 0));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = fs::remove_file(&path);
    if let Some(content) = content {
        fs::write(&path, content).unwrap();
    }
    path
}

#[test]
fn each_state_is_repaired_and_reported() {
    let head = header();
    let (one, two) = (fragment(0, 0).data, fragment(0, 1).data);
    let whole = [&head[..], &one, &two].concat();
    let complete = [&whole[..], &trailer(&[])].concat();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let (half, torn) = (two.len() as u64 / 2, two.len() as u64);
    for (name, state, content, action, kept_seconds) in [
        ("no file", 0, None, Action::Forgotten, 0),
        ("no file, open", 1, None, Action::Forgotten, 0),
        ("empty file", 0, Some(vec![]), Action::Emptied, 0),
        ("header only", 1, Some(head.to_vec()), Action::Emptied, 0),
        ("half a fragment", 1, Some([&head[..], &one[..200]].concat()), Action::Emptied, 0),
        ("whole fragments", 1, Some(whole.clone()), Action::Cut { bytes: 0 }, 2),
        (
            "torn at the end",
            0,
            Some([&head[..], &one, &two[..half as usize]].concat()),
            Action::Cut { bytes: half },
            1,
        ),
        (
            "zeros at the end",
            1,
            Some([&whole[..], &[0; 99]].concat()),
            Action::Cut { bytes: 99 },
            2,
        ),
        ("a bit flipped", 1, Some(flipped), Action::Cut { bytes: torn }, 1),
        ("complete", 1, Some(complete.clone()), Action::Indexed, 2),
        ("deleting", 3, Some(complete), Action::Deleted, 0),
        ("deleting, gone", 3, None, Action::Deleted, 0),
    ] {
        let root = tempfile::tempdir().unwrap();
        let path = leave(root.path(), state, content.as_deref());
        let (store, recovered) = open(root.path(), &Hands::at(100));
        let actions: Vec<_> = recovered.repairs.iter().map(|repair| &repair.action).collect();
        assert_eq!(actions, [&action], "{name}");
        check_agreement(root.path(), name);
        let ends: Vec<_> = segments(root.path()).iter().map(|segment| segment.end).collect();
        let expected: &[_] = if kept_seconds > 0 { &[at(kept_seconds)] } else { &[] };
        assert_eq!(ends, expected, "{name}");
        assert_eq!(path.exists(), kept_seconds > 0, "{name}");
        drop(store);
        let (_, again) = open(root.path(), &Hands::at(200));
        assert!(again.repairs.is_empty(), "{name}: repaired twice");
    }
}

#[tokio::test]
async fn the_time_away_is_a_gap() {
    // Up to the first video, which may come late, or be from shortly before the start.
    for first in [103, 98] {
        let root = tempfile::tempdir().unwrap();
        let (store, _) = open(root.path(), &Hands::at(0));
        let (mut sink, _) = gate(&store, None);
        record(&mut sink, 0, 0, 10, true).unwrap();
        store.earliest("gate").await.unwrap();
        store.shutdown().await;
        let gaps = || {
            let gaps = Reader::open(root.path()).unwrap().gaps(&Filter::default()).unwrap();
            let known = gaps.into_iter().map(|gap| (gap.start, gap.end, gap.reason));
            known.collect::<Vec<_>>()
        };
        assert!(gaps().is_empty());
        // Once without any video, which is no other time away.
        let (store, _) = open(root.path(), &Hands::at(50));
        gate(&store, None);
        assert_eq!(gaps(), [(at(10), Some(at(50)), "stopped".into())]);
        store.shutdown().await;
        let (store, _) = open(root.path(), &Hands::at(100));
        let (mut sink, next) = gate(&store, None);
        assert_eq!(gaps(), [(at(10), Some(at(100)), "stopped".into())]);
        let mut closed = store.subscribe_closed();
        record(&mut sink, next, first, 10, true).unwrap();
        assert!(closed.recv().await.unwrap().gap_before);
        record(&mut sink, next + 1, first + 10, 10, true).unwrap();
        closed.recv().await.unwrap();
        assert_eq!(gaps(), [(at(10), Some(at(first)), "stopped".into())]);
    }
}

#[test]
fn no_row_of_an_epoch_ends_after_the_next_begins() {
    let folder = temporary();
    let root = folder.path();
    leave(root, 1, None);
    let c = index::open(&super::super::layout::index(root)).unwrap();
    let closing = |end: i64| index::edit::Closing {
        end: Timestamp::from_micros(end),
        bytes: 1,
        flags: row::Flags::default(),
        fragments: Vec::new(),
        closed_at: at(0),
    };
    c.execute("DELETE FROM segment", []).unwrap();
    // Each is slewed back by 5 ms from the one before; the last is from the ring, and earlier.
    for (sequence, start) in [(1, 10_000_000), (2, 19_995_000), (3, 29_990_000), (4, 2_000_000)] {
        index::edit::opening(&c, &opening(sequence, start)).unwrap();
    }
    let ends = || {
        let mut statement = c.prepare("SELECT end FROM segment ORDER BY sequence").unwrap();
        let rows = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        rows.map(|end| end.unwrap()).collect::<Vec<_>>()
    };
    for order in [[1, 2, 3, 4], [4, 3, 2, 1]] {
        c.execute("UPDATE segment SET state = 1, end = start", []).unwrap();
        for sequence in order {
            let end = [20_000_000, 29_995_000, 39_990_000, 5_000_000][sequence as usize - 1];
            index::edit::close(&c, 1, sequence, &closing(end)).unwrap();
        }
        assert_eq!(ends(), [19_995_000, 29_990_000, 39_990_000, 5_000_000], "{order:?}");
    }
    // As a rebuild does it: each is closed before the next is there.
    c.execute("DELETE FROM segment", []).unwrap();
    for (sequence, start, end) in [(1, 10_000_000, 20_000_000), (2, 19_995_000, 29_995_000)] {
        index::edit::opening(&c, &opening(sequence, start)).unwrap();
        index::edit::close(&c, 1, sequence, &closing(end)).unwrap();
    }
    assert_eq!(ends(), [19_995_000, 29_995_000]);
}
