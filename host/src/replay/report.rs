//! What a replay says to people and programs: spans, events and bytes, by day.
//!
//! Pure. Takes an [`Outcome`]; knows no command line.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::diff::Diff;
use super::ranges::{Range, Ranges};
use super::{Outcome, Plan, Seat, Segment};
use crate::base::Timestamp;
use crate::policy::Span;
use crate::store::StoredEvent;
use crate::store::answers::combine;
use crate::store::holds::{self, Until};

/// All of it. Times of spans are as asked; bytes are those of whole files.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The camera.
    pub camera: String,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Who decided.
    pub policies: Vec<Judged>,
    /// Who looked at video again.
    pub analyzers: Vec<Judged>,
    /// Recorded events that were repeated.
    pub repeated_events: usize,
    /// Pictures decoded.
    pub pictures: u64,
    /// What plugins said in the replay.
    pub events: Vec<StoredEvent>,
    /// What policies asked to keep.
    pub spans: Vec<Kept>,
    /// What would be kept of each day's files.
    pub days: Vec<Day>,
    /// Against what was really kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<Diff>,
}

/// A plugin that took part.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// Its name here.
    pub name: String,
    /// Of its manifest.
    pub id: String,
    /// Of its manifest.
    pub version: String,
    /// SHA-256 of the component.
    pub digest: String,
}

/// A span.
#[derive(Clone, Debug, Serialize)]
pub struct Kept {
    /// `<camera>/<policy>/<run>/<id>`.
    pub id: String,
    /// Who asked.
    pub policy: String,
    /// As asked.
    pub start: Timestamp,
    /// As asked.
    pub end: Timestamp,
    /// When its hold ends.
    pub until: Until,
    /// For people.
    pub label: String,
    /// Ids of the events that led to it.
    pub because: Vec<String>,
    /// Its length.
    pub seconds: f64,
    /// How much of it there is on disk.
    pub recorded_seconds: f64,
    /// Size of the files in which that lies, and which it holds.
    pub bytes: u64,
}

/// The files that begin on one day, in the camera's time zone.
#[derive(Clone, Debug, Serialize)]
pub struct Day {
    /// Which.
    pub date: Date,
    /// How much was recorded.
    pub seconds: f64,
    /// Its size.
    pub bytes: u64,
    /// Size of what spans hold.
    pub span_bytes: u64,
    /// Size of what is kept as continuous video.
    pub continuous_bytes: u64,
    /// The first of it goes then; `None`: nothing of it is kept.
    pub first_until: Option<Until>,
    /// The last of it goes then.
    pub last_until: Option<Until>,
}

/// How long each segment is kept.
pub(super) struct Holds {
    /// As continuous video; [`Until::NEVER`] where it is not.
    pub(super) continuous: Until,
    /// By spans.
    pub(super) spans: Until,
}

impl Holds {
    pub(super) fn until(&self) -> Until {
        self.continuous.max(self.spans)
    }
}

/// What is kept by `spans`, and of continuous video by the answers in `outcome`.
pub(super) fn holds(outcome: &Outcome, spans: &[Span], keep: Duration) -> Vec<Holds> {
    let answers: BTreeMap<u64, &Vec<Option<Duration>>> =
        outcome.answers.iter().map(|(sequence, said)| (*sequence, said)).collect();
    let continuous = |segment: &Segment| {
        let said = answers.get(&segment.sequence)?;
        let until = said.iter().map(|answer| answer.map(|keep| segment.end + keep));
        Some(combine(until).until(segment.end, Some(keep)))
    };
    let one = |segment: &Segment| Holds {
        continuous: continuous(segment).unwrap_or(segment.held),
        spans: spans_until(spans, segment, keep),
    };
    outcome.segments.iter().map(one).collect()
}

/// When the last hold of a span on the segment ends.
pub(super) fn spans_until(spans: &[Span], segment: &Segment, keep: Duration) -> Until {
    let touching = spans.iter().filter(|span| span.start < segment.end && segment.start < span.end);
    touching.map(|span| hold(span).until(Some(keep))).max().unwrap_or(Until::NEVER)
}

fn hold(span: &Span) -> holds::Span {
    holds::Span { start: span.start, end: span.end, keep: span.keep }
}

impl Report {
    /// Of what happened in `[from, to)`.
    pub fn new(plan: &Plan, outcome: Outcome, from: Timestamp, to: Timestamp) -> Self {
        let judged = |seat: &Seat| Judged {
            name: seat.name.clone(),
            id: seat.plugin.manifest().id.clone(),
            version: seat.plugin.manifest().version.clone(),
            digest: seat.plugin.digest().to_owned(),
        };
        let outcome = within(outcome, from, to);
        let holds = holds(&outcome, &outcome.spans, plan.keep);
        Self {
            camera: plan.camera.clone(),
            from,
            to,
            policies: plan.policies.iter().map(judged).collect(),
            analyzers: plan.analyzers.iter().chain(&plan.source).map(judged).collect(),
            repeated_events: outcome.repeated,
            pictures: outcome.pictures,
            spans: outcome.spans.iter().map(|span| kept(span, &outcome, plan.keep)).collect(),
            days: days(&outcome.segments, &holds, &plan.zone),
            events: outcome.events.into_iter().map(said).collect(),
            diff: None,
        }
    }
}

/// What of it belongs to `[from, to)`: spans and segments that touch it, events that were said in it.
pub(super) fn within(mut outcome: Outcome, from: Timestamp, to: Timestamp) -> Outcome {
    outcome.spans.retain(|span| span.start < to && span.end > from);
    outcome.segments.retain(|segment| segment.start < to && segment.end > from);
    outcome.events.retain(|said| said.new.received >= from);
    outcome
}

fn said(said: super::Said) -> StoredEvent {
    let super::Said { sequence, new } = said;
    StoredEvent {
        sequence,
        camera: new.camera,
        origin: new.origin,
        received: new.received,
        outcome: new.outcome,
        event: new.event,
    }
}

fn kept(span: &Span, outcome: &Outcome, keep: Duration) -> Kept {
    let (start, end) = (span.start, span.end);
    let range = Ranges::union([Range { start, end }]);
    let holding = |segment: &&Segment| segment.start < end && start < segment.end;
    Kept {
        id: span.id.clone(),
        policy: span.policy.clone(),
        start,
        end,
        until: hold(span).until(Some(keep)),
        label: span.label.clone(),
        because: span.because.clone(),
        seconds: range.seconds(),
        recorded_seconds: range.recorded(&outcome.segments).1,
        bytes: outcome.segments.iter().filter(holding).map(|segment| segment.bytes).sum(),
    }
}

fn days(segments: &[Segment], holds: &[Holds], zone: &TimeZone) -> Vec<Day> {
    let mut days: BTreeMap<Date, Day> = BTreeMap::new();
    for (segment, holds) in segments.iter().zip(holds) {
        let date = segment.start.civil().to_zoned(zone.clone()).date();
        let day = days.entry(date).or_insert(Day {
            date,
            seconds: 0.0,
            bytes: 0,
            span_bytes: 0,
            continuous_bytes: 0,
            first_until: None,
            last_until: None,
        });
        day.seconds += segment.end.micros_since(segment.start) as f64 / 1e6;
        day.bytes += segment.bytes;
        let counted = |until: Until| if until == Until::NEVER { 0 } else { segment.bytes };
        day.span_bytes += counted(holds.spans);
        day.continuous_bytes += counted(holds.continuous);
        let until = holds.until();
        if until != Until::NEVER {
            day.first_until = Some(day.first_until.map_or(until, |first| first.min(until)));
            day.last_until = Some(day.last_until.map_or(until, |last| last.max(until)));
        }
    }
    days.into_values().collect()
}
