//! The signs of life as events: kinds, ids and attributes. `wit/README.md` lists them.
//!
//! Times in attributes are microseconds since 1970, as everywhere in the contract.

use super::deletions::Range;
use super::room;
use super::spans::Step;
use super::stretch::{Change, Stopped};
use crate::base::Timestamp;
use crate::events::{Attribute, Event, Phase, Value};
use crate::pipeline::camera_events::instant;
use crate::store::check::Finding;
use crate::store::edges::Edges;
use crate::store::{Guarded, Health, Repair, Room, StoredGap, UntoldSpan};

fn text(key: &str, text: impl Into<String>) -> Attribute {
    Attribute { key: key.into(), value: Value::Text(text.into()) }
}

fn integer(key: &str, value: i64) -> Attribute {
    Attribute { key: key.into(), value: Value::Integer(value) }
}

fn bytes(value: u64) -> Attribute {
    integer("bytes", i64::try_from(value).unwrap_or(i64::MAX))
}

fn edges(start: Timestamp, end: Timestamp) -> [Attribute; 2] {
    [integer("start", start.micros()), integer("end", end.micros())]
}

fn id(camera: &str, kind: &str, time: Timestamp) -> String {
    let above = if camera.is_empty() { String::new() } else { format!("{camera}/") };
    format!("{above}host/{kind}/{}", time.micros())
}

/// Continuous video begins or ends.
pub(super) fn continuous(camera: &str, change: Change) -> Event {
    match change {
        Change::Started { at, fail_open } => {
            let kind = "recording.started";
            let reason = if fail_open { "fail-open" } else { "continuous" };
            instant(id(camera, kind, at), kind, at, vec![text("reason", reason)])
        }
        Change::Stopped(Stopped { start, end, segments, bytes: size, reason }) => {
            let kind = "recording.stopped";
            let mut attributes = vec![text("reason", reason)];
            attributes.extend(edges(start, end));
            attributes.extend([integer("segments", segments), bytes(size)]);
            instant(id(camera, kind, end), kind, end, attributes)
        }
    }
}

/// A step in the life of a span; `None` where it is not to be told.
pub(super) fn span(one: &UntoldSpan, step: &Step, now: Timestamp) -> Option<Event> {
    let (kind, time, reason) = match step {
        Step::Started { at } => ("recording.started", *at, None),
        Step::Stopped { at, reason } => ("recording.stopped", *at, Some(*reason)),
        Step::Available => ("recording.available", now, None),
        Step::Nothing => return None,
    };
    let span = &one.span;
    let because = serde_json::to_string(&span.because).expect("a list of strings");
    let mut attributes = vec![
        text("span", &span.id),
        text("policy", &span.policy),
        Attribute { key: "because".into(), value: Value::Json(because) },
        integer("asked-start", span.start.micros()),
        integer("asked-end", span.end.micros()),
    ];
    attributes.extend(reason.map(|reason| text("reason", reason)));
    if *step == Step::Available {
        if let Some(Edges { start, end, truncated }) = one.edges {
            attributes.extend(edges(start, end));
            attributes.push(Attribute { key: "truncated".into(), value: Value::Flag(truncated) });
        }
        attributes.extend([integer("segments", one.segments.into()), bytes(one.bytes)]);
    }
    let id = format!("{}/{kind}/{}", span.id, now.micros());
    let mut event = instant(id, kind, time, attributes);
    event.correlation = span.correlation.clone().or_else(|| span.because.first().cloned());
    Some(event)
}

/// A gap began or ended. `is_known`: its beginning was told.
pub(super) fn gap(gap: &StoredGap, is_known: bool) -> Event {
    let kind = "recording.gap";
    let mut attributes = vec![text("reason", &gap.reason), text("detail", &gap.detail)];
    let (phase, time) = match gap.end {
        None => (Phase::Begin, gap.start),
        Some(end) => {
            attributes.extend(edges(gap.start, end));
            attributes.push(integer("length-ms", end.micros_since(gap.start) / 1000));
            (if is_known { Phase::End } else { Phase::Instant }, end)
        }
    };
    Event { phase, ..instant(id(&gap.camera, kind, gap.start), kind, time, attributes) }
}

/// Segments were deleted. `number` tells events of the same moment apart.
pub(super) fn deleted(range: &Range, now: Timestamp, number: u64) -> Event {
    let kind = "recording.deleted";
    let mut attributes = vec![text("reason", range.reason.as_str())];
    attributes.extend(edges(range.start, range.end));
    attributes.extend([integer("segments", range.segments), bytes(range.bytes)]);
    let id = format!("{}/{number}", id(&range.camera, kind, now));
    instant(id, kind, now, attributes)
}

/// A deletion that the end of the host had cut short was completed at start.
pub(super) fn completed(repair: &Repair, now: Timestamp) -> Event {
    let kind = "recording.deleted";
    let id = format!("{}/{}", id(&repair.camera, kind, now), repair.sequence);
    let attributes = vec![
        text("reason", "completed"),
        text("file", repair.file.to_string_lossy()),
        integer("segments", 1),
    ];
    instant(id, kind, now, attributes)
}

/// The slow check found that a recording is not as it should be.
pub(super) fn damaged(finding: &Finding, now: Timestamp) -> Event {
    let kind = "recording.damaged";
    let camera = finding.camera.as_deref().unwrap_or_default();
    let file = finding.file.as_deref().map(|file| file.to_string_lossy()).unwrap_or_default();
    let attributes = vec![
        text("file", file.clone()),
        text("found", &finding.found),
        text("advice", &finding.advice),
    ];
    let id = format!("{}/{file}", id(camera, kind, now));
    instant(id, kind, now, attributes)
}

/// The store is low or full, or no longer. `begun`: when that state began.
pub(super) fn room(change: room::Change, room: Room, begun: Timestamp, now: Timestamp) -> Event {
    let (kind, phase) = match change {
        room::Change::Low => ("store.low", Phase::Begin),
        room::Change::Enough => ("store.low", Phase::End),
        room::Change::Full => ("store.full", Phase::Begin),
        room::Change::Free => ("store.full", Phase::End),
    };
    let figure = |key, value| integer(key, i64::try_from(value).unwrap_or(i64::MAX));
    let attributes = vec![figure("free", room.free), figure("floor", room.floor)];
    Event { phase, ..instant(id("", kind, begun), kind, now, attributes) }
}

/// The disk refuses, or works again. `begun`: when it began to refuse.
pub(super) fn health(health: &Health, begun: Timestamp, now: Timestamp) -> Event {
    let kind = "store.error";
    let (phase, attributes) = match health {
        Health::Good => (Phase::End, Vec::new()),
        Health::Failing(words) => (Phase::Begin, vec![text("detail", words)]),
    };
    Event { phase, ..instant(id("", kind, begun), kind, now, attributes) }
}

/// Age is guarded because the clock has jumped ahead, or with `None` no longer.
pub(super) fn guarded(guarded: Option<&Guarded>, since: Timestamp, now: Timestamp) -> Event {
    let kind = "store.time-guarded";
    let length = |key, length: std::time::Duration| {
        integer(key, i64::try_from(length.as_millis()).unwrap_or(i64::MAX))
    };
    let (phase, attributes) = match guarded {
        None => (Phase::End, Vec::new()),
        Some(guarded) => {
            let attributes = vec![
                length("behind-ms", guarded.behind),
                length("ends-in-ms", guarded.left),
                text("command", "wardline recordings confirm-time"),
            ];
            (Phase::Begin, attributes)
        }
    };
    Event { phase, ..instant(id("", kind, since), kind, now, attributes) }
}

/// More was deleted at once than could be told one by one.
pub(super) fn missed_deletions(missed: u64, now: Timestamp) -> Event {
    let kind = "recording.deleted";
    let count = i64::try_from(missed).unwrap_or(i64::MAX);
    let attributes = vec![text("reason", "not-told"), integer("segments", count)];
    instant(id("", kind, now), kind, now, attributes)
}
