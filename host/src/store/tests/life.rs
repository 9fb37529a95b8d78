//! The ordinary life of a store: record, close, list, lock, shut down.

use super::super::holds::Until;
use super::super::query::{Filter, Reader, RecordingKind, RecordingState};
use super::super::{EventFilter, NewEvent, Outcome};
use super::*;
use crate::events::{Event, Phase};
use crate::ingest::GapReason;
use crate::policy::Span;
use crate::record::GapMark;

const DAY: Duration = Duration::from_secs(86_400);

fn span(id: &str, start: i64, end: i64) -> Span {
    Span {
        id: id.into(),
        camera: "gate".into(),
        policy: "motion".into(),
        start: at(start),
        end: at(end),
        keep: Some(DAY),
        label: "somebody".into(),
        because: vec!["gate/motion/1/7".into()],
        correlation: None,
    }
}

#[tokio::test]
async fn available_is_said_of_what_is_there() {
    let root = tempfile::tempdir().unwrap();
    let (store, recovered) = open(root.path(), &Hands::at(0));
    assert!(recovered.repairs.is_empty());
    let mut closed = store.subscribe_closed();
    let (mut sink, next) = gate(&store, Some(60));
    assert_eq!(next, 0);
    for (sequence, seconds) in [(0, 10), (1, 13), (2, 20)] {
        record(&mut sink, sequence, seconds, 3, true).unwrap();
    }
    for (sequence, seconds, gap) in [(0, 10, false), (1, 13, false), (2, 20, true)] {
        let said = closed.recv().await.unwrap();
        let known = (said.sequence, said.start, said.end, said.gap_before);
        assert_eq!(known, (sequence, at(seconds), at(seconds + 3), gap));
    }
    check_agreement(root.path(), "while it runs");
    assert_eq!(store.earliest("gate").await.unwrap(), Some(at(10)));
    assert_eq!(store.earliest("nobody").await.unwrap(), None);
    store.shutdown().await;
    let (store, recovered) = open(root.path(), &Hands::at(60));
    assert!(recovered.repairs.is_empty(), "{recovered:?}");
    assert_eq!(gate(&store, Some(60)).1, 3);
}

#[tokio::test]
async fn shutdown_ends_what_is_open() {
    let root = tempfile::tempdir().unwrap();
    let (store, _) = open(root.path(), &Hands::at(0));
    let (mut sink, _) = gate(&store, None);
    record(&mut sink, 0, 10, 2, true).unwrap();
    sink.open(start(1, 12, true)).unwrap();
    sink.append(1, fragment(12, 0)).unwrap();
    // The row of segment 1 was announced before this is answered.
    store.earliest("gate").await.unwrap();
    store.shutdown().await;
    assert_eq!(sink.open(start(2, 20, true)), Err(Full));
    let ends: Vec<_> = segments(root.path()).iter().map(|segment| segment.end).collect();
    assert!(ends.contains(&at(12)), "{ends:?}");
    check_agreement(root.path(), "after shutdown");
}

#[tokio::test]
async fn a_store_has_one_writer() {
    let root = tempfile::tempdir().unwrap();
    let clock = Hands::at(0);
    let (store, _) = open(root.path(), &clock);
    let second = open_with(root.path(), &Faulty::new(Fault::None), clock.clone());
    let error = second.err().expect("the first one runs").chain();
    assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
    let id = store.store_id().to_owned();
    store.shutdown().await;
    assert_eq!(open(root.path(), &clock).0.store_id(), id);
}

#[tokio::test]
async fn events_are_numbered_and_read_back() {
    let root = tempfile::tempdir().unwrap();
    let (store, _) = open(root.path(), &Hands::at(0));
    let event = |kind: &str, seconds: i64, outcome: Outcome| NewEvent {
        event: Event {
            id: format!("gate/door/1/{kind}"),
            kind: kind.into(),
            phase: Phase::Instant,
            time: at(seconds),
            confidence: 1.0,
            regions: vec![],
            cameras: vec![],
            correlation: Some("c".into()),
            attributes: vec![],
        },
        camera: "gate".into(),
        origin: "door".into(),
        received: at(seconds + 1),
        outcome,
    };
    let late = Outcome::Late("no video".into());
    let (one, two) = tokio::join!(
        store.event(event("door.opened", 5, Outcome::Accepted)),
        store.event(event("door.closed", 3, late.clone())),
    );
    assert_eq!((one.unwrap(), two.unwrap()), (1, 2));
    let reader = Reader::open(root.path()).unwrap();
    let all = reader.events(&EventFilter::default()).unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!((&all[1].outcome, all[1].received), (&late, at(4)));
    assert_eq!(all[0].event, event("door.opened", 5, Outcome::Accepted).event);
    let some = EventFilter { since: Some(at(4)), most: Some(1), ..EventFilter::default() };
    assert_eq!(reader.events(&some).unwrap()[0].sequence, 1);
}

#[tokio::test]
async fn lists_merge_what_follows_on_and_show_spans() {
    let root = tempfile::tempdir().unwrap();
    let (store, _) = open(root.path(), &Hands::at(1000));
    let mut closed = store.subscribe_closed();
    let (mut sink, _) = gate(&store, Some(3600));
    for (sequence, seconds) in [(0, 0), (1, 10), (2, 20), (3, 40)] {
        record(&mut sink, sequence, seconds, 10, true).unwrap();
        closed.recv().await.unwrap();
    }
    let mark = |end| GapMark {
        start: at(30),
        end,
        reason: GapReason::Offline,
        detail: "no answer".into(),
    };
    sink.gap(mark(None));
    sink.gap(mark(Some(at(40))));
    for asked in [span("inside", 12, 23), span("across", 25, 45), span("never", 100, 110)] {
        store.span(asked).await.unwrap();
    }
    sink.open(start(4, 60, true)).unwrap();
    sink.append(4, fragment(60, 0)).unwrap();
    sink.append(4, fragment(60, 1)).unwrap();
    store.span(span("open", 61, 70)).await.unwrap();
    while std::fs::metadata(
        root.path().join("gate/2025/11/22").join(format!("{}-4.mp4", at(60).millis())),
    )
    .map_or(0, |file| file.len())
        < 2 * fragment(60, 0).data.len() as u64
    {
        store.earliest("gate").await.unwrap();
    }
    let reader = Reader::open(root.path()).unwrap();
    let all = reader.recordings(&Filter::default()).unwrap();
    let shown: Vec<_> = all
        .iter()
        .map(|one| {
            let second = |time: Timestamp| time.micros_since(at(0)) / 1_000_000;
            let id = one.span.as_ref().map_or("", |span| span.id.as_str());
            let found = one.true_start.map(second).zip(one.true_end.map(second));
            (one.kind, id, found, one.segments, one.state)
        })
        .collect();
    let (cvr, evr) = (RecordingKind::Cvr, RecordingKind::Evr);
    assert_eq!(
        shown,
        [
            (cvr, "", Some((0, 30)), 3, RecordingState::Closed),
            (evr, "inside", Some((12, 23)), 2, RecordingState::Closed),
            (evr, "across", Some((25, 45)), 2, RecordingState::Partial),
            (cvr, "", Some((40, 50)), 1, RecordingState::Closed),
            (cvr, "", Some((60, 62)), 1, RecordingState::Open),
            (evr, "open", Some((61, 62)), 1, RecordingState::Open),
            (evr, "never", None, 0, RecordingState::Missing),
        ]
    );
    let json = serde_json::to_string(&all).unwrap();
    assert!(
        json.contains("\"what\":\"span\"") && json.contains("\"label\":\"somebody\""),
        "{json}"
    );
    let gaps = reader.gaps(&Filter::default()).unwrap();
    assert_eq!(gaps.len(), 1);
    assert_eq!((gaps[0].end, gaps[0].reason.as_str()), (Some(at(40)), "offline"));
    let late = Filter { since: Some(at(41)), ..Filter::default() };
    assert_eq!(reader.segments(&late).unwrap().len(), 2);
    let other = Filter { camera: Some("yard".into()), ..Filter::default() };
    assert!(reader.recordings(&other).unwrap().is_empty());
}

#[tokio::test]
async fn a_sealed_span_is_only_made_longer() {
    let root = tempfile::tempdir().unwrap();
    let clock = Hands::at(100);
    let (store, _) = open(root.path(), &clock);
    let stranger = store.span(span("a", 90, 110)).await.unwrap_err().chain();
    assert!(stranger.contains("knows no camera gate"), "{stranger}");
    let _sink = gate(&store, None);
    store.span(span("a", 90, 110)).await.unwrap();
    clock.set(170);
    store.span(span("a", 80, 120)).await.unwrap();
    clock.set(181);
    for (start, end) in [(80, 110), (85, 120), (80, 120)] {
        let sealed = store.span(span("a", start, end)).await.unwrap_err().chain();
        assert!(sealed.contains("sealed"), "{sealed}");
    }
    let asked = || {
        let all = Reader::open(root.path()).unwrap().recordings(&Filter::default()).unwrap();
        let [one] = &all[..] else { panic!("{all:?}") };
        (one.start, one.end, one.holds[0].until)
    };
    assert_eq!(asked(), (at(80), at(120), Until::At(at(120) + DAY)));
    // Neither its start nor what keeps it gives way.
    let shorter = Span { keep: Some(Duration::from_secs(1)), ..span("a", 90, 200) };
    store.span(shorter).await.unwrap();
    assert_eq!(asked(), (at(80), at(200), Until::At(at(200) + DAY)));
    clock.set(300);
    let longer = Span { keep: Some(DAY * 2), ..span("a", 90, 95) };
    store.span(longer).await.unwrap();
    assert_eq!(asked(), (at(80), at(200), Until::At(at(200) + DAY * 2)));
}

#[test]
fn a_camera_cannot_flood_the_disk_queue() {
    let root = tempfile::tempdir().unwrap();
    let (store, _) = open(root.path(), &Hands::at(0));
    let (mut sink, _) = gate(&store, None);
    let big = Fragment { data: vec![0; 20 << 20].into(), ..fragment(0, 0) };
    assert_eq!(sink.append(0, big.clone()), Err(Full), "never opened");
    // Whatever the disk's pace: what is taken is bounded while nothing has been written.
    let (held, camera) = super::super::sink::tests::stalled();
    drop(store);
    let mut sink = held;
    sink.open(start(0, 0, true)).unwrap();
    assert_eq!(sink.append(0, big.clone()), Ok(()));
    assert_eq!(sink.append(0, big), Err(Full));
    assert_eq!(camera.drops(), 1);
}
