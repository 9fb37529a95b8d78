//! Each kind of disagreement, made by hand: a check finds exactly it, a repair mends it, the check
//! after that is clean, and nothing is lost that could be read.

use std::fs;

use super::super::check::{self, Depth, Kind};
use super::super::layout;
use super::furnished::furnish;
use super::moving::open_two;
use super::*;
use crate::record::salvage;

/// Where a case is made.
struct Ground<'a> {
    /// The directory with the index.
    root: &'a Path,
    large: PathBuf,
}

impl Ground<'_> {
    fn sql(&self, sql: &str) {
        let c = index::open(&layout::index(self.root)).unwrap();
        c.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The last segment of the first camera, which has not moved.
    fn file(&self) -> PathBuf {
        let row =
            segments(self.root).into_iter().find(|one| one.camera == "gate" && one.sequence == 3);
        let row = row.unwrap();
        self.root.join(layout::segment("gate", row.start, row.sequence))
    }

    fn change(&self, with: impl FnOnce(&mut Vec<u8>)) {
        let path = self.file();
        let mut bytes = fs::read(&path).unwrap();
        with(&mut bytes);
        fs::write(path, bytes).unwrap();
    }
}

/// Whole fragments in all files below the two places, wherever they lie.
fn whole_fragments(folder: &Path) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            count += whole_fragments(&path);
        } else if path.to_string_lossy().contains(".mp4") {
            let found = salvage(&mut fs::File::open(&path).unwrap()).unwrap();
            count += found.fragments.iter().filter(|fragment| !fragment.damaged).count();
        }
    }
    count
}

type Spoil = fn(&Ground<'_>);

const LAST: &str = "camera = 1 AND sequence = 3";

/// Found by the fast check, and so by the deep one.
const FAST: &[(&str, Kind, Spoil)] = &[
    ("a row without file", Kind::NoFile, |at| fs::remove_file(at.file()).unwrap()),
    ("a file without row", Kind::NoRow, |at| at.sql(&format!("DELETE FROM segment WHERE {LAST}"))),
    ("a file that grew", Kind::Length, |at| at.change(|bytes| bytes.extend([0; 9]))),
    ("a file cut short", Kind::Length, |at| at.change(|bytes| bytes.truncate(bytes.len() * 2 / 3))),
    ("a file cut to nothing", Kind::Length, |at| at.change(Vec::clear)),
    ("a wrong sum", Kind::Sum, |at| at.sql("UPDATE place SET bytes = bytes + 1 WHERE id = 1")),
    ("a wrong sum of a camera", Kind::Sum, |at| at.sql("UPDATE camera SET bytes = 1 WHERE id = 1")),
    ("a longer segment", Kind::Sum, |at| at.sql("UPDATE camera SET longest = 1 WHERE id = 2")),
    ("a longer span", Kind::Sum, |at| at.sql("UPDATE camera SET longest_span = 0")),
    ("a sequence to be given twice", Kind::Sequence, |at| {
        at.sql("UPDATE camera SET next_sequence = 2 WHERE id = 1");
    }),
    ("a map of nobody", Kind::Reference, |at| {
        at.sql("PRAGMA foreign_keys = off; INSERT INTO fragments VALUES (999, x'00')");
    }),
    ("no map", Kind::Map, |at| at.sql("DELETE FROM fragments WHERE segment = 1")),
    ("a map that is none", Kind::Map, |at| {
        at.sql("UPDATE fragments SET map = x'00ff' WHERE segment = 1");
    }),
    ("a row that is not closed", Kind::Unfinished, |at| {
        at.sql(&format!("UPDATE segment SET state = 1 WHERE {LAST}"));
    }),
    ("a half copy", Kind::Leftover, |at| {
        fs::write(at.large.join("gate/x.mp4.part"), b"half").unwrap();
    }),
    ("an empty directory", Kind::Empty, |at| {
        fs::create_dir_all(at.root.join("gate/2020/01/01")).unwrap();
    }),
    ("a second file", Kind::Twice, |at| {
        let file = at.file();
        let other = at.large.join(file.strip_prefix(at.root).unwrap());
        fs::create_dir_all(other.parent().unwrap()).unwrap();
        fs::copy(file, other).unwrap();
    }),
    ("a file without anything", Kind::Useless, |at| {
        fs::write(at.file().with_file_name("1763800000000-77.mp4"), b"junk").unwrap();
    }),
    ("a file under another's name", Kind::Useless, |at| {
        fs::copy(at.file(), at.file().with_file_name("1763800000000-77.mp4")).unwrap();
    }),
];

/// Found by the fast check; the deep one says what is wrong about it, too.
const SEEN: &[(&str, Kind, Spoil)] = &[("an overlap", Kind::Overlap, |at| {
    at.sql("UPDATE segment SET end = end + 3000000 WHERE camera = 1 AND sequence = 2");
    at.sql("UPDATE camera SET longest = 9000000");
})];

/// Found only by the deep check.
const DEEP: &[(&str, Kind, Spoil)] = &[
    ("a bit in the middle", Kind::Damaged, |at| {
        at.change(|bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        })
    }),
    ("a bit in the first fragment", Kind::Damaged, |at| {
        at.change(|bytes| {
            let early = bytes.len() / 20;
            bytes[early + 900] ^= 1;
        })
    }),
    ("zeros at the end", Kind::Torn, |at| {
        at.change(|bytes| {
            let end = bytes.len() - 400;
            bytes[end..].fill(0);
        });
    }),
    ("another map", Kind::Map, |at| {
        at.sql(
            "UPDATE fragments SET map = (SELECT map FROM fragments f
                 JOIN segment s ON s.id = f.segment WHERE s.camera = 1 AND s.sequence = 3)
             WHERE segment = (SELECT id FROM segment WHERE camera = 2 AND sequence = 0)",
        );
    }),
    ("another end", Kind::Row, |at| {
        at.sql(&format!("UPDATE segment SET end = end - 2000000 WHERE {LAST}"));
    }),
    ("another epoch", Kind::Row, |at| {
        at.sql(&format!("UPDATE segment SET epoch = 5 WHERE {LAST}"));
    }),
    ("other flags", Kind::Row, |at| {
        at.sql(&format!("UPDATE segment SET flags = flags | 2 WHERE {LAST}"));
    }),
    ("another's file", Kind::Identity, |at| {
        let length = fs::metadata(at.file()).unwrap().len();
        let mut other = segments(at.root);
        other.retain(|one| one.sequence == 0 && one.camera == "yard");
        let source = at.large.join(layout::segment("yard", other[0].start, 0));
        fs::copy(source, at.file()).unwrap();
        let now = fs::metadata(at.file()).unwrap().len();
        at.sql(&format!("UPDATE segment SET bytes = {now} WHERE bytes = {length} AND {LAST}"));
    }),
    ("no journal", Kind::Journal, |at| {
        fs::remove_dir_all(layout::journal(at.root)).unwrap();
    }),
];

#[tokio::test]
async fn each_disagreement_is_found_and_mended() {
    let depths =
        [(FAST, Depth::Fast), (SEEN, Depth::Fast), (FAST, Depth::Deep), (DEEP, Depth::Deep)];
    let cases =
        depths.iter().flat_map(|(cases, depth)| cases.iter().map(move |case| (case, depth)));
    for ((name, kind, spoil), depth) in cases {
        let folder = temporary();
        let root = furnish(folder.path()).await;
        spoil(&Ground { root: &root, large: folder.path().join("large") });
        let whole = whole_fragments(folder.path());
        let look = |depth| check::check(&Disk, &root, depth, &mut |_| ()).unwrap();
        let found: Vec<Kind> = look(*depth).findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(found, [*kind], "{name}, {depth:?}: {:#?}", look(*depth).findings);
        let fs: Arc<dyn Fs> = Arc::new(Disk);
        let report = check::repair(&fs, &root, *depth, at(100_000), &mut |_| ()).unwrap();
        assert!(report.is_clean(), "{name}: {:#?}", report.findings);
        let after = look(Depth::Deep);
        assert!(after.findings.is_empty(), "{name}, after the repair: {:#?}", after.findings);
        assert_eq!(whole_fragments(folder.path()), whole, "{name}");
        let store = open_two(folder.path(), Disk, &Hands::at(100_100));
        store.shutdown().await;
        let after = look(Depth::Deep);
        assert!(after.is_clean(), "{name}, after a run: {:#?}", after.findings);
    }
}

#[tokio::test]
async fn what_is_only_told_is_no_fault() {
    let folder = temporary();
    let root = furnish(folder.path()).await;
    let large = folder.path().join("large");
    fs::rename(&large, folder.path().join("away")).unwrap();
    fs::write(root.join("mine.txt"), b"mine").unwrap();
    let report = check::check(&Disk, &root, Depth::Deep, &mut |_| ()).unwrap();
    let kinds: Vec<Kind> = report.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [Kind::Away, Kind::Foreign], "{:#?}", report.findings);
    assert!(report.is_clean());
}

#[tokio::test]
async fn a_running_host_is_no_disagreement() {
    let folder = temporary();
    let root = folder.path();
    let (store, _) = open(root, &Hands::at(0));
    let (mut sink, _) = gate(&store, None);
    sink.open(start(0, 0, true)).unwrap();
    store.earliest("gate").await.unwrap();
    let look = || check::check(&Disk, root, Depth::Fast, &mut |_| ()).unwrap();
    assert!(look().findings.is_empty(), "{:#?}", look().findings);
    let fs: Arc<dyn Fs> = Arc::new(Disk);
    let error = check::repair(&fs, root, Depth::Fast, at(0), &mut |_| ()).unwrap_err();
    assert!(error.chain().contains("in use"), "{}", error.chain());
    drop(store);
    let kinds: Vec<Kind> = look().findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [Kind::Unfinished]);
}

#[tokio::test]
async fn a_damaged_index_is_said_to_be() {
    let folder = temporary();
    let root = furnish(folder.path()).await;
    let path = layout::index(&root);
    let mut bytes = fs::read(&path).unwrap();
    let pages = bytes.len() / 4096;
    for page in pages / 2..pages {
        bytes[page * 4096..page * 4096 + 16].fill(0xa5);
    }
    fs::write(&path, bytes).unwrap();
    let report = check::check(&Disk, &root, Depth::Fast, &mut |_| ()).unwrap();
    assert!(report.findings.iter().all(|one| one.kind == Kind::Index), "{:#?}", report.findings);
    assert!(!report.is_clean());
    assert!(report.findings[0].advice.contains("rebuild"));
}

/// A check may take hours. What it saw at first may be wrong a little later, and when it mends.
#[tokio::test]
async fn a_disk_that_goes_during_a_check_costs_no_rows() {
    for goes_at_once in [true, false] {
        let folder = temporary();
        let root = furnish(folder.path()).await;
        let (large, away) = (folder.path().join("large"), folder.path().join("away"));
        // One file is gone indeed.
        let of_large = |one: &row::Segment| one.place != PlaceId::MAIN;
        let gone = segments(&root).into_iter().find(of_large).unwrap();
        let file = large.join(layout::segment(&gone.camera, gone.start, gone.sequence));
        fs::rename(&file, folder.path().join("gone")).unwrap();
        let before = segments(&root).len();
        let fs: Arc<dyn Fs> = Arc::new(Disk);
        let mut goes = |progress: check::Progress| {
            if large.exists() && (goes_at_once || progress.done == progress.total) {
                fs::rename(&large, &away).unwrap();
            }
        };
        let report = check::repair(&fs, &root, Depth::Fast, at(100_000), &mut goes).unwrap();
        let lost: Vec<_> = report.findings.iter().filter(|one| one.kind == Kind::NoFile).collect();
        // The first row was looked at before.
        assert!(lost.len() == 1 && lost[0].repaired.is_none(), "{goes_at_once}: {lost:#?}");
        assert!(lost[0].advice.contains("is its disk mounted"), "{lost:#?}");
        assert_eq!(segments(&root).len(), before);
        fs::rename(&away, &large).unwrap();
        fs::rename(folder.path().join("gone"), &file).unwrap();
        let look = check::check(&Disk, &root, Depth::Deep, &mut |_| ()).unwrap();
        assert!(look.findings.is_empty(), "{:#?}", look.findings);
    }
}
