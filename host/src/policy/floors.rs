//! Spans that a policy asked for which is in charge no more: whoever is now may make them longer, and
//! never shorter.
//!
//! Pure: spans and times in, spans out.

use std::collections::BTreeMap;

use super::Span;
use crate::base::{Timestamp, limits};

/// Spans remembered; the oldest give way.
const SPANS_MAX: usize = 512;

/// What a policy on probation asks for, and what stays of it when it falls.
#[derive(Debug, Default)]
pub struct Floors {
    /// By id: asked for on probation.
    asked: BTreeMap<String, Span>,
    /// By id: not to be made shorter.
    fixed: BTreeMap<String, Span>,
}

impl Floors {
    /// A probation begins.
    pub fn begin(&mut self) {
        self.asked.clear();
    }

    /// Who was on probation fell: what it asked for stands.
    pub fn fix(&mut self) {
        for (id, span) in std::mem::take(&mut self.asked) {
            let span = match self.fixed.remove(&id) {
                Some(floor) => widened(span, &floor),
                None => span,
            };
            self.fixed.insert(id, span);
        }
        bound(&mut self.fixed);
    }

    /// What becomes of a span that is asked for. `on_probation`: by somebody who may still fall.
    pub fn raise(&mut self, span: Span, on_probation: bool, now: Timestamp) -> Span {
        self.fixed.retain(|_, floor| floor.end + limits::SPAN_SEAL > now);
        let span = match self.fixed.get(&span.id) {
            Some(floor) => widened(span, floor),
            None => span,
        };
        if on_probation {
            self.asked.insert(span.id.clone(), span.clone());
            bound(&mut self.asked);
        }
        span
    }
}

/// Not shorter than `floor`, and not held for less.
fn widened(mut span: Span, floor: &Span) -> Span {
    span.start = span.start.min(floor.start);
    span.end = span.end.max(floor.end);
    // How long "as configured" is, is not known here: what was said first stands.
    span.keep = match (span.keep, floor.keep) {
        (Some(keep), Some(floor)) => Some(keep.max(floor)),
        (_, floor) => floor,
    };
    span
}

fn bound(spans: &mut BTreeMap<String, Span>) {
    while spans.len() > SPANS_MAX {
        let oldest = spans.values().min_by_key(|span| span.end).map(|span| span.id.clone());
        oldest.map(|id| spans.remove(&id));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn span(id: &str, start: i64, end: i64, keep: Option<u64>) -> Span {
        Span {
            id: id.into(),
            camera: "gate".into(),
            policy: "keep".into(),
            start: at(start),
            end: at(end),
            keep: keep.map(Duration::from_secs),
            label: String::new(),
            because: Vec::new(),
            correlation: None,
        }
    }

    #[test]
    fn what_a_fallen_policy_opened_is_never_made_shorter() {
        let mut floors = Floors::default();
        floors.begin();
        let opened = floors.raise(span("a", 10, 60, Some(9)), true, at(20));
        assert_eq!(opened, span("a", 10, 60, Some(9)));
        // Its own affair, as long as it is in charge.
        floors.raise(span("a", 10, 50, Some(9)), true, at(20));
        floors.fix();
        for (asked, expected) in [
            (span("a", 12, 30, Some(5)), span("a", 10, 50, Some(9))),
            (span("a", 5, 70, Some(20)), span("a", 5, 70, Some(20))),
            (span("a", 10, 50, None), span("a", 10, 50, Some(9))),
            (span("b", 12, 30, Some(5)), span("b", 12, 30, Some(5))),
        ] {
            assert_eq!(floors.raise(asked, false, at(25)), expected);
        }
        // Sealed long ago: the store sees to it.
        assert_eq!(floors.raise(span("a", 12, 30, None), false, at(111)), span("a", 12, 30, None));
    }

    #[test]
    fn a_probation_that_ends_well_fixes_nothing() {
        let mut floors = Floors::default();
        floors.begin();
        floors.raise(span("a", 10, 60, None), true, at(20));
        floors.begin();
        floors.fix();
        assert_eq!(floors.raise(span("a", 10, 30, None), false, at(20)), span("a", 10, 30, None));
    }

    #[test]
    fn they_are_bounded() {
        let mut floors = Floors::default();
        for n in 0..2000 {
            floors.raise(span(&n.to_string(), n, n + 10, None), true, at(0));
        }
        floors.fix();
        assert_eq!(floors.fixed.len(), SPANS_MAX);
        assert!(floors.fixed.contains_key("1999"));
    }
}
