//! Spans that a policy asked for which is in charge no more: whoever is now may make them longer, and
//! never shorter.
//!
//! Pure: spans and times in, spans out.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Span;
use crate::base::{Timestamp, limits};
use crate::store::seal;

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

    /// Who was on probation fell: what it asked for stands. `keep` is how long the camera keeps
    /// what is kept as configured; `None`: for ever.
    pub fn fix(&mut self, keep: Option<Duration>) {
        for (id, mut span) in std::mem::take(&mut self.asked) {
            if let Some(floor) = self.fixed.remove(&id) {
                seal::extend(&mut span, &floor, keep);
            }
            self.fixed.insert(id, span);
        }
        bound(&mut self.fixed);
    }

    /// What becomes of a span that is asked for. `on_probation`: by somebody who may still fall;
    /// `keep` as for [`fix`](Self::fix).
    pub fn raise(
        &mut self,
        mut span: Span,
        on_probation: bool,
        keep: Option<Duration>,
        now: Timestamp,
    ) -> Span {
        self.fixed.retain(|_, floor| floor.end + limits::SPAN_SEAL > now);
        if let Some(floor) = self.fixed.get(&span.id) {
            seal::extend(&mut span, floor, keep);
        }
        if on_probation {
            self.asked.insert(span.id.clone(), span.clone());
            bound(&mut self.asked);
        }
        span
    }
}

fn bound(spans: &mut BTreeMap<String, Span>) {
    while spans.len() > SPANS_MAX {
        let oldest = spans.values().min_by_key(|span| span.end).map(|span| span.id.clone());
        oldest.map(|id| spans.remove(&id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As configured.
    const KEEP: Option<Duration> = Some(Duration::from_secs(7));

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
        let opened = floors.raise(span("a", 10, 60, Some(9)), true, KEEP, at(20));
        assert_eq!(opened, span("a", 10, 60, Some(9)));
        // Its own affair, as long as it is in charge.
        floors.raise(span("a", 10, 50, Some(9)), true, KEEP, at(20));
        floors.fix(KEEP);
        for (asked, expected) in [
            (span("a", 12, 30, Some(5)), span("a", 10, 50, Some(9))),
            (span("a", 5, 70, Some(20)), span("a", 5, 70, Some(20))),
            (span("a", 10, 50, None), span("a", 10, 50, Some(9))),
            (span("a", 10, 60, Some(8)), span("a", 10, 60, Some(9))),
            (span("b", 12, 30, Some(5)), span("b", 12, 30, Some(5))),
        ] {
            assert_eq!(floors.raise(asked, false, KEEP, at(25)), expected);
        }
        // Sealed long ago: the store sees to it.
        assert_eq!(
            floors.raise(span("a", 12, 30, None), false, KEEP, at(111)),
            span("a", 12, 30, None)
        );
    }

    /// "As configured" is a length like others.
    #[test]
    fn the_longer_hold_counts_whoever_asked_for_it() {
        for (fallen, asked, expected) in [
            (None, Some(365), Some(365)),
            (None, Some(5), None),
            (Some(1), None, None),
            (Some(9), None, Some(9)),
            (Some(0), Some(1), Some(1)),
            (None, None, None),
        ] {
            let mut floors = Floors::default();
            floors.begin();
            floors.raise(span("a", 10, 60, fallen), true, KEEP, at(20));
            floors.fix(KEEP);
            let raised = floors.raise(span("a", 10, 60, asked), false, KEEP, at(20));
            assert_eq!(raised.keep, expected.map(Duration::from_secs), "{fallen:?} {asked:?}");
        }
    }

    #[test]
    fn a_probation_that_ends_well_fixes_nothing() {
        let mut floors = Floors::default();
        floors.begin();
        floors.raise(span("a", 10, 60, None), true, KEEP, at(20));
        floors.begin();
        floors.fix(KEEP);
        assert_eq!(
            floors.raise(span("a", 10, 30, None), false, KEEP, at(20)),
            span("a", 10, 30, None)
        );
    }

    #[test]
    fn they_are_bounded() {
        let mut floors = Floors::default();
        for n in 0..2000 {
            floors.raise(span(&n.to_string(), n, n + 10, None), true, KEEP, at(0));
        }
        floors.fix(KEEP);
        assert_eq!(floors.fixed.len(), SPANS_MAX);
        assert!(floors.fixed.contains_key("1999"));
    }
}
