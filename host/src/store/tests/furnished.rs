//! A store with something of everything in it: two places, moved and unmoved segments of two
//! cameras, spans, pins, answers, gaps and events. And all that its index says, as text.

use super::super::index::Connection;
use super::super::{Answer, Named, NewEvent, Policy};
use super::feed::Feed;
use super::moving::{open_two, two};
use super::*;
use crate::ingest::GapReason;
use crate::policy::Span;
use crate::record::GapMark;

const DAY: i64 = 86_400;

/// A span of the first camera.
pub(super) fn span(id: &str, start: i64, end: i64) -> Span {
    Span {
        id: format!("gate/evr/1/{id}"),
        camera: "gate".into(),
        policy: "evr".into(),
        start: at(start),
        end: at(end),
        keep: Some(Duration::from_secs(9 * DAY as u64)),
        label: "door \"1\"".into(),
        because: vec!["gate/door/1/a".into()],
        correlation: Some("c".into()),
    }
}

/// Makes it below `root`, and gives the directory with the index.
pub(super) async fn furnish(root: &Path) -> PathBuf {
    let clock = Hands::at(0);
    let store = open_two(root, Disk, &clock);
    let mut closed = store.subscribe_closed();
    let mut gate = Feed::new(&store, "gate", 400, 5);
    let mut yard = Feed::new(&store, "yard", 900, 5);
    gate.seconds(20);
    yard.seconds(12);
    let gap = |start, end: Option<i64>, reason| GapMark {
        start: at(start),
        end: end.map(at),
        reason,
        detail: "said so".into(),
    };
    gate.recorder.sink_mut().gap(gap(20, Some(30), GapReason::Offline));
    yard.recorder.sink_mut().gap(gap(12, None, GapReason::Silent));
    gate.finish();
    yard.finish();
    for _ in 0..7 {
        closed.recv().await.unwrap();
    }
    for (id, start, end) in [("a", 3, 8), ("b", 11, 14), ("c", 40, 50)] {
        store.span(span(id, start, end)).await.unwrap();
    }
    // Once more, longer, and told of.
    store.span(span("a", 3, 12)).await.unwrap();
    let range = |start, end| Named::Range { camera: "gate".into(), start: at(start), end: at(end) };
    store.pin(range(1, 4), Some("theft".into())).await.unwrap().unwrap();
    let other = store.pin(range(6, 7), None).await.unwrap().unwrap();
    store.unpin(Named::Id(other.id)).await.unwrap();
    let policies = [("tiers", "1"), ("night", "2")]
        .map(|(name, digest)| Policy { name: name.into(), digest: Some(digest.into()) });
    let judges = store.judges("gate", policies.to_vec()).await.unwrap();
    let answer = |sequence, keep: Option<u64>| Answer {
        sequence,
        keep: keep.map(|days| Duration::from_secs(days * DAY as u64)),
    };
    store.answer(judges[0], vec![answer(0, Some(7)), answer(1, None)]).await.unwrap();
    store.answer(judges[1], vec![answer(0, Some(3))]).await.unwrap();
    let event = NewEvent { received: at(4), ..instant("gate", "door", at(3)) };
    store.event(event).await.unwrap();
    clock.set(DAY + 12);
    // Of several that begin at one moment, one is moved at a time.
    while store.move_now().await.unwrap().segments > 0 {}
    store.shutdown().await;
    two(root).path
}

/// What an index says, but for what is only a note for the next sweep, and the numbers of rows.
const SAYS: [(&str, &str); 10] = [
    (
        "camera",
        "SELECT name, keep, size_max, bytes, next_sequence, longest, longest_span FROM camera",
    ),
    (
        "segment",
        "SELECT c.name, s.sequence, s.epoch, s.start, s.end, s.bytes, s.state, s.flags, f.codec,
             f.width, f.height, f.audio, s.keep_by, s.continuous_until, s.place, s.moving,
             (SELECT count(*) FROM segment o WHERE o.id < s.id AND o.camera = s.camera)
         FROM segment s JOIN camera c ON c.id = s.camera JOIN format f ON f.id = s.format",
    ),
    (
        "fragments",
        "SELECT c.name, s.sequence, hex(f.map) FROM fragments f
         JOIN segment s ON s.id = f.segment JOIN camera c ON c.id = s.camera",
    ),
    (
        "span",
        "SELECT p.id, c.name, p.policy, p.start, p.end, p.true_start, p.true_end, p.truncated,
             p.keep, p.label, p.because, p.correlation, p.told
         FROM span p JOIN camera c ON c.id = p.camera",
    ),
    (
        "gap",
        "SELECT g.id, c.name, g.start, g.end, g.reason, g.detail
         FROM gap g JOIN camera c ON c.id = g.camera",
    ),
    (
        "pin",
        "SELECT p.id, c.name, p.start, p.end, p.label, p.made
         FROM pin p JOIN camera c ON c.id = p.camera",
    ),
    (
        "judge",
        "SELECT c.name, j.policy, j.digest, j.current FROM judge j JOIN camera c ON c.id = j.camera",
    ),
    (
        "answer",
        "SELECT c.name, s.sequence, j.policy, j.digest, a.until FROM answer a
         JOIN segment s ON s.id = a.segment JOIN camera c ON c.id = s.camera
         JOIN judge j ON j.id = a.judge",
    ),
    ("place", "SELECT id, uuid, name, path, bytes FROM place"),
    ("event", "SELECT sequence, camera, origin, kind, time, received, outcome, json FROM event"),
];

/// All that the index of a store says, table by table.
pub(super) fn said(root: &Path) -> Vec<(&'static str, Vec<String>)> {
    let c = index::open_read_only(&super::super::layout::index(root)).unwrap();
    SAYS.map(|(table, sql)| (table, rows(&c, sql))).to_vec()
}

fn rows(c: &Connection, sql: &str) -> Vec<String> {
    let mut statement = c.prepare(sql).unwrap();
    let columns = statement.column_count();
    let mut found = statement.query([]).unwrap();
    let mut all = Vec::new();
    while let Some(row) = found.next().unwrap() {
        let values = (0..columns).map(|at| format!("{:?}", row.get_ref(at).unwrap()));
        all.push(values.collect::<Vec<_>>().join(" "));
    }
    all.sort();
    all
}
