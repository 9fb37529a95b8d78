//! What spans, and an outage of their policies, want of the video.
//!
//! Pure: intervals in, yes or no out.

use tokio::time::Instant;

use crate::base::Timestamp;
use crate::policy::Span;

/// No camera has more spans that matter at a time; the one that ends first makes room.
const SPANS_MAX: usize = 4096;

/// All spans that may still want something.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    spans: Vec<Interval>,
    open_since: Option<Timestamp>,
    /// The clock stepped: until then all is wanted.
    unsure_until: Option<Instant>,
}

#[derive(Debug)]
struct Interval {
    id: String,
    start: Timestamp,
    end: Timestamp,
}

/// Why video is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// A span.
    Span,
    /// Only because nobody can judge it, or because nobody's times can be told.
    FailOpen,
}

impl Wanted {
    /// Adds, replaces or (where it is empty) withdraws a span.
    pub(super) fn put(&mut self, span: &Span) {
        let known = self.spans.iter().position(|known| known.id == span.id);
        if span.end <= span.start {
            known.map(|index| self.spans.swap_remove(index));
            return;
        }
        match known {
            Some(index) => {
                (self.spans[index].start, self.spans[index].end) = (span.start, span.end)
            }
            None => {
                if self.spans.len() >= SPANS_MAX {
                    let first = (0..self.spans.len()).min_by_key(|index| self.spans[*index].end);
                    first.map(|index| self.spans.swap_remove(index));
                }
                let (id, start, end) = (span.id.clone(), span.start, span.end);
                self.spans.push(Interval { id, start, end });
            }
        }
    }

    /// Wants everything from a time on, or no longer does.
    pub(super) fn fail_open(&mut self, since: Option<Timestamp>) {
        self.open_since = since;
    }

    /// The clock stepped. Spans asked for in the old time do not find the video that is to come,
    /// nor those in the new time the video that is there: until `until` all of it is wanted.
    pub(super) fn stepped(&mut self, until: Instant) {
        self.unsure_until = Some(until);
        // An outage goes on, whatever its start is called now.
        self.open_since = self.open_since.map(|_| Timestamp::ZERO);
    }

    /// What was unsure because of a step may be sure by now.
    pub(super) fn settle(&mut self, now: Instant) {
        self.unsure_until = self.unsure_until.filter(|until| now < *until);
    }

    /// Nobody judges now.
    pub(super) fn is_fail_open(&self) -> bool {
        self.open_since.is_some()
    }

    /// Forgets what ended before all video there is, and what is to come.
    pub(super) fn forget_before(&mut self, oldest: Timestamp) {
        self.spans.retain(|span| span.end > oldest);
    }

    /// Whether any of `[from, until)` is wanted.
    pub(super) fn any(&self, from: Timestamp, until: Timestamp) -> Option<Why> {
        if self.spans.iter().any(|span| span.start < until && span.end > from) {
            return Some(Why::Span);
        }
        let is_open = self.open_since.is_some_and(|since| since < until);
        (is_open || self.unsure_until.is_some()).then_some(Why::FailOpen)
    }

    /// Whether video that begins now, at `time`, is wanted at once.
    pub(super) fn at(&self, time: Timestamp) -> Option<Why> {
        self.any(time, time.offset(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: &str, start: i64, end: i64) -> Span {
        Span {
            id: id.into(),
            camera: "gate".into(),
            policy: "test".into(),
            start: Timestamp::from_micros(start),
            end: Timestamp::from_micros(end),
            keep: None,
            label: String::new(),
            because: Vec::new(),
            correlation: None,
        }
    }

    fn check(wanted: &Wanted, from: i64, until: i64, why: Option<Why>) {
        let given = wanted.any(Timestamp::from_micros(from), Timestamp::from_micros(until));
        assert_eq!(given, why, "[{from}, {until})");
    }

    #[test]
    fn edges_are_half_open() {
        let mut wanted = Wanted::default();
        wanted.put(&span("a", 10, 20));
        check(&wanted, 0, 10, None);
        check(&wanted, 0, 11, Some(Why::Span));
        check(&wanted, 19, 30, Some(Why::Span));
        check(&wanted, 20, 30, None);
        wanted.put(&span("a", 10, 25));
        check(&wanted, 20, 30, Some(Why::Span));
        wanted.fail_open(Some(Timestamp::from_micros(40)));
        check(&wanted, 30, 40, None);
        check(&wanted, 30, 41, Some(Why::FailOpen));
        wanted.put(&span("a", 10, 10));
        check(&wanted, 0, 30, None);
    }
}
