//! Spans in a store become clips: once, when they are whole, over restarts, within their bytes.

use std::path::Path;

use super::*;
use crate::base::clock::Simulated;
use crate::config::Pattern;
use crate::export::tests::store::Place;
use crate::export::tests::{Part, seconds};

fn span(id: &str, from: f64, to: f64) -> Span {
    Span {
        id: format!("gate/visits/1/{id}"),
        camera: "gate".into(),
        policy: "visits".into(),
        start: seconds(from),
        end: seconds(to),
        keep: Some(Duration::from_secs(86_400)),
        label: "some body".into(),
        because: Vec::new(),
        correlation: None,
    }
}

/// Begins with the clips' journal, so that all spans are its business.
fn maker(place: &Place, now: f64, size_max: Option<u64>) -> Maker {
    let folder = place.folder.path();
    let directory = folder.join("clips");
    Journal::open(Arc::new(Disk), &directory, seconds(0.0)).unwrap();
    let pattern = Pattern::parse("{camera}/{label}-{span}.mp4").unwrap();
    Maker {
        clips: config::Clips { directory, pattern, size_max },
        store: folder.join("store"),
        cameras: [("gate".to_owned(), TimeZone::UTC)].into(),
        clock: Arc::new(Simulated::starting_at(seconds(now))),
        fs: Arc::new(Disk),
        journal: None,
    }
}

fn clips(place: &Place) -> Vec<String> {
    let folder = place.folder.path().join("clips/gate");
    let mut names = if folder.exists() { Disk.list(&folder).unwrap() } else { Vec::new() };
    names.sort();
    names
}

async fn place() -> Place {
    let spans = vec![span("1", 1.0, 3.0), span("2", 4.5, 7.0), span("3", 500.0, 501.0)];
    Place::with_spans(&[Part::plain(10)], spans).await
}

#[tokio::test]
async fn each_span_has_its_clip_once() {
    let place = place().await;
    let open = CancellationToken::new();
    // The second is not sealed yet, the third has not begun.
    assert_eq!(maker(&place, 64.0, None).round(&open).unwrap(), 1);
    assert_eq!(clips(&place), ["some-body-gate-visits-1-1.mp4"]);
    let mut later = maker(&place, 70.0, None);
    assert_eq!(later.round(&open).unwrap(), 1);
    assert_eq!(later.round(&open).unwrap(), 0);
    assert_eq!(clips(&place).len(), 2);
    // There is no video of the third: that is told, and not tried again.
    let mut last = maker(&place, 600.0, None);
    assert_eq!(last.round(&open).unwrap(), 1);
    assert_eq!(maker(&place, 700.0, None).round(&open).unwrap(), 0);
    assert_eq!(clips(&place).len(), 2);
}

#[tokio::test]
async fn an_unfinished_clip_is_made_anew_and_a_stranger_is_not_touched() {
    let place = place().await;
    let open = CancellationToken::new();
    let folder = place.folder.path().join("clips");
    let mut maker = maker(&place, 100.0, None);
    let mut journal = Journal::open(Arc::new(Disk), &folder, seconds(0.0)).unwrap();
    std::fs::create_dir(folder.join("gate")).unwrap();
    let (first, second) = ("some-body-gate-visits-1-1.mp4", "some-body-gate-visits-1-2.mp4");
    journal.begin("gate/visits/1/1", &Path::new("gate").join(first)).unwrap();
    std::fs::write(folder.join("gate").join(first), "torn").unwrap();
    std::fs::write(folder.join("gate").join(second), "somebody's").unwrap();
    assert_eq!(maker.round(&open).unwrap(), 2);
    let length = |name: &str| std::fs::metadata(folder.join("gate").join(name)).unwrap().len();
    assert!(length(first) > 1000);
    assert_eq!(length(second), 10);
    assert_eq!(maker.round(&open).unwrap(), 0);
}

#[tokio::test]
async fn the_oldest_go_first() {
    let place = place().await;
    let open = CancellationToken::new();
    assert_eq!(maker(&place, 100.0, Some(1)).round(&open).unwrap(), 2);
    assert_eq!(clips(&place), ["some-body-gate-visits-1-2.mp4"]);
    assert_eq!(maker(&place, 100.0, Some(1)).round(&open).unwrap(), 0, "not made again");
}

#[tokio::test]
async fn an_end_leaves_the_clip_for_the_next_start() {
    let place = place().await;
    let ended = CancellationToken::new();
    ended.cancel();
    assert_eq!(maker(&place, 100.0, None).round(&ended).unwrap(), 0);
    assert_eq!(clips(&place), Vec::<String>::new());
}

/// A disk that is away, and a file that can't be read now: the clip is made later, and those of other
/// spans meanwhile.
#[tokio::test]
async fn what_can_not_be_read_now_is_tried_again_and_keeps_no_other_waiting() {
    let spans = vec![span("1", 1.0, 3.0), span("2", 20.0, 22.0)];
    let place = Place::with_spans(&[Part::plain(30)], spans).await;
    let open = CancellationToken::new();
    let root = place.folder.path().join("store");
    let (marker, kept) = (root.join("wardline-store.json"), place.folder.path().join("kept"));
    std::fs::rename(&marker, &kept).unwrap();
    std::fs::rename(root.join("gate"), place.folder.path().join("away")).unwrap();
    let told = maker(&place, 100.0, None).round(&open).unwrap_err().chain();
    assert!(told.contains("is its disk mounted"), "{told}");
    std::fs::rename(&kept, &marker).unwrap();
    std::fs::rename(place.folder.path().join("away"), root.join("gate")).unwrap();
    // The first file: of the first span only.
    let reader = Reader::open(&root).unwrap();
    let first = reader.segments(&crate::store::Filter::default()).unwrap().remove(0).path;
    std::fs::rename(&first, &kept).unwrap();
    std::fs::create_dir(&first).unwrap();
    assert!(maker(&place, 100.0, None).round(&open).is_err());
    assert_eq!(clips(&place), ["some-body-gate-visits-1-2.mp4"]);
    std::fs::remove_dir(&first).unwrap();
    std::fs::rename(&kept, &first).unwrap();
    assert_eq!(maker(&place, 100.0, None).round(&open).unwrap(), 1);
    assert_eq!(clips(&place).len(), 2);
}
