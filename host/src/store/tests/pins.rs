//! What people do with recordings: pins and deletions, with a host and without.

use super::super::fs::Disk;
use super::super::query::{Filter, Reader, RecordingKind};
use super::super::{DeletedSegment, Deletion, Extent, Named, Reason, Store, Why};
use super::*;
use crate::policy::Span;

fn span(id: &str, start: i64, end: i64) -> Span {
    Span {
        id: id.into(),
        camera: "gate".into(),
        policy: "motion".into(),
        start: at(start),
        end: at(end),
        keep: Some(Duration::from_secs(5000)),
        label: "somebody".into(),
        because: vec![],
        correlation: None,
    }
}

fn range(start: i64, end: i64) -> Named {
    Named::Range { camera: "gate".into(), start: at(start), end: at(end) }
}

fn id(text: &str) -> Named {
    Named::Id(text.into())
}

/// Six files of ten seconds from second 0 on, and one that is being written from 60 on. The camera
/// keeps ten minutes.
async fn recorded(root: &Path, clock: &Arc<Hands>) -> (Store, CameraSink) {
    let (store, _) = open(root, clock);
    let mut closed = store.subscribe_closed();
    let (mut sink, _) = gate(&store, Some(600));
    for (sequence, seconds) in (0..6).map(|n| (n, n as i64 * 10)) {
        record(&mut sink, sequence, seconds, 10, true).unwrap();
        closed.recv().await.unwrap();
    }
    sink.open(start(6, 60, true)).unwrap();
    sink.append(6, fragment(60, 0)).unwrap();
    while on_disk(root).get(6).is_none_or(|(_, length)| *length < 1000) {
        store.earliest("gate").await.unwrap();
    }
    (store, sink)
}

fn sequences(root: &Path) -> Vec<u64> {
    segments(root).iter().map(|one| one.sequence).collect()
}

fn left(deletion: &Deletion) -> Vec<(Why, usize)> {
    deletion.remained.iter().map(|one| (one.why, one.segments)).collect()
}

/// Names and sizes of all files.
fn on_disk(root: &Path) -> Vec<(std::path::PathBuf, u64)> {
    let mut found = Vec::new();
    files(&Disk, root, &mut found);
    found.sort();
    found.into_iter().map(|path| (path.clone(), path.metadata().unwrap().len())).collect()
}

#[tokio::test]
async fn a_span_over_continuous_video_costs_no_byte_and_keeps_it() {
    let root = tempfile::tempdir().unwrap();
    let clock = Hands::at(60);
    let (store, _sink) = recorded(root.path(), &clock).await;
    let before = on_disk(root.path());
    store.span(span("s", 15, 25)).await.unwrap();
    store.span(span("t", 22, 23)).await.unwrap();
    store.sweep_now().await.unwrap();
    assert_eq!(on_disk(root.path()), before);
    clock.set(1000);
    store.sweep_now().await.unwrap();
    assert_eq!(sequences(root.path()), [1, 2, 6]);
    assert_eq!(on_disk(root.path())[..2], before[1..3], "the very same files");
}

#[tokio::test]
async fn pinned_video_stays_until_it_is_unpinned() {
    let root = tempfile::tempdir().unwrap();
    let clock = Hands::at(100);
    let (store, _sink) = recorded(root.path(), &clock).await;
    store.span(span("s", 15, 25)).await.unwrap();
    let one = store.pin(range(31, 32), Some("why".into())).await.unwrap().unwrap();
    assert_eq!((one.id.len(), one.label.as_str(), one.made), (8, "why", at(100)));
    let two = store.pin(id("s"), None).await.unwrap().unwrap();
    assert_eq!((two.label.as_str(), two.start, two.end), ("somebody", at(15), at(25)));
    assert_eq!(store.pin(id("nothing"), None).await.unwrap(), None);
    let other = Named::Range { camera: "yard".into(), start: at(0), end: at(1) };
    assert_eq!(store.pin(other, None).await.unwrap(), None);
    let nothing = store.pin(range(-20, -10), None).await.unwrap_err();
    assert!(nothing.chain().contains("nothing to pin"), "{}", nothing.chain());
    clock.set(100_000_000);
    store.sweep_now().await.unwrap();
    assert_eq!(sequences(root.path()), [1, 2, 3, 6]);

    let listed = Reader::open(root.path()).unwrap().recordings(&Filter::default()).unwrap();
    let pinned: Vec<_> = listed
        .iter()
        .filter(|one| one.holds.iter().any(|hold| hold.what == "pinned"))
        .map(|one| (one.kind, one.span.as_ref().map_or("", |facts| &facts.id), one.segments))
        .collect();
    let (cvr, evr, pin) = (RecordingKind::Cvr, RecordingKind::Evr, RecordingKind::Pin);
    let expected = [(cvr, "", 3), (evr, "s", 2), (pin, &two.id, 2), (pin, &one.id, 1)];
    assert_eq!(pinned, expected);

    let beyond = store.unpin(range(0, 20)).await.unwrap_err().chain();
    assert!(beyond.contains(&two.id), "{beyond}");
    assert_eq!(store.unpin(range(0, 30)).await.unwrap(), [two]);
    assert_eq!(store.unpin(id(&one.id)).await.unwrap(), std::slice::from_ref(&one));
    assert_eq!(store.unpin(id(&one.id)).await.unwrap(), []);
    store.sweep_now().await.unwrap();
    assert_eq!(sequences(root.path()), [6]);
}

#[tokio::test]
async fn a_person_deletes_whole_files_but_what_is_pinned() {
    let root = tempfile::tempdir().unwrap();
    let clock = Hands::at(100);
    let (store, _sink) = recorded(root.path(), &clock).await;
    store.span(span("s", 15, 25)).await.unwrap();
    let mut deleted = store.subscribe_deleted();
    let pin = store.pin(range(31, 32), None).await.unwrap().unwrap();
    let would = store.delete(range(5, 70), Extent::Look).await.unwrap().unwrap();
    assert_eq!(would.segments, 4);
    assert_eq!(left(&would), [(Why::Edge, 1), (Why::Pinned, 1), (Why::Open, 1)]);
    assert_eq!(sequences(root.path()).len(), 7, "only looked at");
    assert_eq!(store.delete(range(5, 70), Extent::Do).await.unwrap().unwrap(), would);
    assert_eq!(sequences(root.path()), [0, 3, 6]);
    let said: Vec<_> = std::iter::from_fn(|| deleted.try_recv().ok())
        .map(|DeletedSegment { sequence, reason, .. }| (sequence, reason))
        .collect();
    assert_eq!(said, [1, 2, 4, 5].map(|sequence| (sequence, Reason::Person)));
    let edge = &would.remained[0];
    assert_eq!((edge.start, edge.end), (at(0), at(10)));
    store.unpin(id(&pin.id)).await.unwrap();
    let rest = store.delete(range(0, 60), Extent::Do).await.unwrap().unwrap();
    assert_eq!((rest.segments, left(&rest)), (2, vec![]));
    let other = Named::Range { camera: "yard".into(), start: at(0), end: at(1) };
    assert_eq!(store.delete(other, Extent::Do).await.unwrap(), None);
    store.shutdown().await;
    check_agreement(root.path(), "deleted");
}

#[tokio::test]
async fn who_leaves_while_his_wish_is_carried_out_leaves_no_claim_behind() {
    for polls in [1, 2, 3, 4, 5, usize::MAX] {
        let root = tempfile::tempdir().unwrap();
        let (store, _sink) = recorded(root.path(), &Hands::at(100)).await;
        let mut is_done = false;
        {
            let delete = store.delete(range(5, 70), Extent::Do);
            tokio::pin!(delete);
            for _ in 0..polls {
                is_done = futures::poll!(&mut delete).is_ready();
                if is_done {
                    break;
                }
                // All that it has asked of the index is done.
                store.earliest("gate").await.unwrap();
            }
        }
        assert!(is_done || polls < usize::MAX);
        store.sweep_now().await.unwrap();
        let claimed = |one: &row::Segment| one.state == row::State::Deleting;
        assert!(!segments(root.path()).iter().any(claimed), "after {polls} polls");
    }
}

#[tokio::test]
async fn with_a_span_goes_what_only_it_kept() {
    let root = tempfile::tempdir().unwrap();
    let clock = Hands::at(100);
    let (store, _sink) = recorded(root.path(), &clock).await;
    store.span(span("s", 5, 45)).await.unwrap();
    store.span(span("other", 15, 16)).await.unwrap();
    store.pin(range(21, 22), None).await.unwrap().unwrap();
    let young = store.delete(id("s"), Extent::Do).await.unwrap_err().chain();
    assert!(young.contains("may still grow"), "{young}");
    clock.set(200);
    let held = store.delete(id("s"), Extent::Look).await.unwrap().unwrap();
    assert_eq!((held.segments, left(&held)), (0, vec![(Why::Held, 4), (Why::Pinned, 1)]));
    clock.set(630);
    let would = store.delete(id("s"), Extent::Look).await.unwrap().unwrap();
    let gone = store.delete(id("s"), Extent::Do).await.unwrap().unwrap();
    assert_eq!(gone, would);
    assert_eq!((gone.segments, left(&gone)), (1, vec![(Why::Held, 3), (Why::Pinned, 1)]));
    assert_eq!(sequences(root.path()), [1, 2, 3, 4, 5, 6]);
    assert_eq!(store.delete(id("s"), Extent::Do).await.unwrap(), None);
    clock.set(1000);
    store.sweep_now().await.unwrap();
    assert_eq!(sequences(root.path()), [1, 2, 6]);
}

#[tokio::test]
async fn a_visit_changes_what_is_asked_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let clock = Hands::at(100);
    let visit = || Store::visit(root.path(), Arc::new(Disk), clock.clone());
    let no_store = visit().err().unwrap().chain();
    assert!(no_store.contains("is no store"), "{no_store}");
    assert!(!root.path().join("wardline-store.json").exists());
    let (store, _sink) = recorded(root.path(), &clock).await;
    assert!(visit().unwrap().is_none(), "a host has it");
    store.shutdown().await;
    let alive = || {
        let c = index::open_read_only(&super::super::layout::index(root.path())).unwrap();
        index::retain::alive(&c).unwrap()
    };
    assert_eq!(alive(), Some(at(100)));
    clock.set(100_000);
    let visitor = visit().unwrap().unwrap();
    visitor.pin(range(1, 2), None).await.unwrap().unwrap();
    assert_eq!(visitor.delete(range(20, 40), Extent::Do).await.unwrap().unwrap().segments, 2);
    visitor.shutdown().await;
    assert_eq!(sequences(root.path()), [0, 1, 4, 5, 6], "nothing has gone by age");
    assert_eq!(alive(), Some(at(100)));
    check_agreement(root.path(), "visited");
}

/// The host's configuration names camera `gate` no more; it may have another name now.
#[tokio::test]
async fn a_camera_that_is_gone_keeps_its_recordings_by_the_last_rules() {
    let root = tempfile::tempdir().unwrap();
    let clock = Hands::at(60);
    let (store, _) = recorded(root.path(), &clock).await;
    store.shutdown().await;
    clock.set(100);
    let (store, _) = open(root.path(), &clock);
    store.camera("front", CameraSettings::default()).unwrap();
    // It is listed, and what a person wants of it is done.
    let reader = Reader::open(root.path()).unwrap();
    let filter = Filter { camera: Some("gate".into()), ..Filter::default() };
    let listed = reader.recordings(&filter).unwrap();
    assert_eq!((listed.len(), listed[0].kind), (1, RecordingKind::Cvr));
    store.pin(range(20, 25), None).await.unwrap().unwrap();
    let deletion = store.delete(range(30, 40), Extent::Do).await.unwrap().unwrap();
    assert_eq!((deletion.segments, deletion.remained.len()), (1, 0));
    assert_eq!(sequences(root.path()), [0, 1, 2, 4, 5, 6]);
    // Age goes on: ten minutes, as it was configured last.
    clock.set(629);
    store.sweep_now().await.unwrap();
    assert_eq!(sequences(root.path()), [2, 4, 5, 6]);
    clock.set(700);
    store.sweep_now().await.unwrap();
    assert_eq!(sequences(root.path()), [2], "what is pinned stays");
    store.shutdown().await;
    check_agreement(root.path(), "a camera that is gone");
}
