//! A candidate against the one in charge: which video only one of them asked for, which happenings
//! only one of them saw.
//!
//! Reads the index beside a running host. What both have stored is all that it needs, so the answer
//! for a time that is past is always the same.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::{DIFFERS, Pair, SPAN};
use crate::base::{Result, Timestamp};
use crate::events::{Attribute, Phase, Value};
use crate::replay::ranges::{Range, Ranges};
use crate::store::{EventFilter, Reader, StoredEvent};

/// Two that see the same do not see it at the same picture: less than this is no difference.
pub const SLACK: Duration = Duration::from_secs(2);

/// An event that is complete in itself counts as so long.
const INSTANT: Duration = Duration::from_secs(1);

/// What touches a range began at most so long before it.
const BACK: Duration = Duration::from_secs(86_400);

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Only {
    /// The candidate: it would be more.
    Candidate,
    /// The one in charge: it would be lost.
    Charge,
}

impl Only {
    /// The word that stands in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Candidate => "more",
            Self::Charge => "lost",
        }
    }
}

/// What only one of the two has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which.
    pub only: Only,
    /// `span`, or the kind of an event.
    pub what: String,
    /// When.
    #[serde(flatten)]
    pub range: Range,
}

/// What the two did, and where they differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// In order of time.
    pub differences: Vec<Difference>,
    /// Seconds that the one in charge had, by what.
    pub in_charge: BTreeMap<String, f64>,
    /// Seconds that the candidate had, by what.
    pub candidate: BTreeMap<String, f64>,
}

type Sides = [BTreeMap<String, Vec<Range>>; 2];

/// Compares what the two did in `[from, to)`.
///
/// # Errors
/// When the index can't be read.
pub fn compare(reader: &Reader, pair: &Pair, from: Timestamp, to: Timestamp) -> Result<Comparison> {
    let events = reader.events(&EventFilter {
        camera: Some(pair.camera.clone()),
        since: Some(from - BACK),
        until: Some(to),
        ..EventFilter::default()
    })?;
    let kept = reader.kept(&pair.camera, from, to)?;
    let mut sides = happenings(&events, pair);
    let spans = kept.spans.iter().filter(|span| span.policy == pair.in_charge);
    for span in spans {
        let range = Range { start: span.start, end: span.end };
        sides[0].entry("span".into()).or_default().push(range);
    }
    Ok(differences(sides, from, to))
}

/// What the events say, of the one in charge and of the candidate.
fn happenings(events: &[StoredEvent], pair: &Pair) -> Sides {
    let mut sides = Sides::default();
    let mut open: BTreeMap<(usize, &str), (String, Range)> = BTreeMap::new();
    for stored in events {
        let side = if stored.origin == pair.in_charge {
            0
        } else if stored.origin == pair.candidate {
            1
        } else {
            continue;
        };
        let event = &stored.event;
        if event.kind == DIFFERS {
            continue;
        }
        let key = (side, event.id.as_str());
        if event.kind == SPAN {
            let (start, end) = (moment(stored, "asked-start"), moment(stored, "asked-end"));
            // The last of an id counts.
            open.insert(key, ("span".into(), Range { start, end }));
            continue;
        }
        let first = Range { start: event.time, end: event.time };
        let known = open.entry(key).or_insert_with(|| (event.kind.clone(), first));
        known.1.start = known.1.start.min(event.time);
        let lasts = if event.phase == Phase::Instant { INSTANT } else { Duration::ZERO };
        known.1.end = known.1.end.max(event.time + lasts);
    }
    for ((side, _), (what, range)) in open {
        sides[side].entry(what).or_default().push(range);
    }
    sides
}

fn moment(stored: &StoredEvent, key: &str) -> Timestamp {
    let found = stored.event.attributes.iter().find(|attribute| attribute.key == key);
    match found {
        Some(Attribute { value: Value::Integer(micros), .. }) => Timestamp::from_micros(*micros),
        _ => stored.event.time,
    }
}

fn differences(sides: Sides, from: Timestamp, to: Timestamp) -> Comparison {
    let [mut charge, mut candidate] = sides.map(|side| {
        let within = |(what, ranges)| (what, Ranges::union(ranges).within(from, to));
        side.into_iter().map(within).collect::<BTreeMap<String, Ranges>>()
    });
    let seconds = |side: &BTreeMap<String, Ranges>| {
        side.iter().map(|(what, ranges)| (what.clone(), ranges.seconds())).collect()
    };
    let (in_charge, of_candidate) = (seconds(&charge), seconds(&candidate));
    let whats: Vec<String> = charge.keys().chain(candidate.keys()).cloned().collect();
    let mut differences = Vec::new();
    for what in whats {
        let (one, other) =
            (charge.remove(&what).unwrap_or_default(), candidate.remove(&what).unwrap_or_default());
        let mut add = |only: Only, ranges: Ranges| {
            let long = ranges.iter().filter(|range| range.end.since(range.start) >= SLACK);
            let found = long.map(|range| Difference { only, what: what.clone(), range: *range });
            differences.extend(found);
        };
        add(Only::Charge, one.without(&other));
        add(Only::Candidate, other.without(&one));
    }
    differences.sort_by(|a, b| (a.range, a.only, &a.what).cmp(&(b.range, b.only, &b.what)));
    Comparison { differences, in_charge, candidate: of_candidate }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Event;
    use crate::store::Outcome;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_763_800_000_000 + seconds * 1000)
    }

    fn event(origin: &str, id: &str, phase: Phase, seconds: i64) -> StoredEvent {
        let event = Event {
            id: format!("gate/{origin}/{id}"),
            kind: "motion".into(),
            phase,
            time: at(seconds),
            confidence: 1.0,
            regions: Vec::new(),
            cameras: Vec::new(),
            correlation: None,
            attributes: Vec::new(),
        };
        StoredEvent {
            sequence: 1,
            camera: "gate".into(),
            origin: origin.into(),
            received: at(seconds),
            outcome: Outcome::Noted,
            event,
        }
    }

    fn span(id: &str, start: i64, end: i64) -> StoredEvent {
        let mut stored = event("next", id, Phase::Instant, start);
        stored.event.kind = SPAN.into();
        for (key, seconds) in [("asked-start", start), ("asked-end", end)] {
            let value = Value::Integer(at(seconds).micros());
            stored.event.attributes.push(Attribute { key: key.into(), value });
        }
        stored
    }

    #[test]
    fn what_only_one_of_the_two_has() {
        let pair =
            Pair { camera: "gate".into(), in_charge: "now".into(), candidate: "next".into() };
        let events = [
            // Both see it, the candidate a second later and five seconds longer.
            event("now", "a", Phase::Begin, 10),
            event("now", "a", Phase::Update, 15),
            event("now", "a", Phase::End, 20),
            event("next", "b", Phase::Begin, 11),
            event("next", "b", Phase::End, 25),
            // Only the one in charge, and too short to count.
            event("now", "c", Phase::Instant, 40),
            // Of somebody else.
            event("door", "d", Phase::Begin, 50),
            event("door", "d", Phase::End, 60),
            // Made longer, and so one span.
            span("s", 5, 20),
            span("s", 5, 30),
        ];
        let mut sides = happenings(&events, &pair);
        let kept = Range { start: at(8), end: at(30) };
        sides[0].entry("span".into()).or_default().push(kept);
        let found = differences(sides, at(0), at(100));
        let facts: Vec<_> = found
            .differences
            .iter()
            .map(|one| (one.only, one.what.as_str(), one.range.start, one.range.end))
            .collect();
        assert_eq!(
            facts,
            [(Only::Candidate, "span", at(5), at(8)), (Only::Candidate, "motion", at(20), at(25)),]
        );
        assert_eq!((found.in_charge["span"], found.candidate["span"]), (22.0, 25.0));
    }
}
