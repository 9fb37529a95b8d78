//! What is to be told of a span's recording next.
//!
//! Pure: what there is of the span, how far the camera's video has come and the time in, the next
//! step out. Knows neither events nor the store's index.

use std::time::Duration;

use crate::base::{Timestamp, limits};
use crate::store::{Grown, Told, UntoldSpan};

/// The camera's video may lag the clock so much before a span without a frontier counts as over.
const SILENCE: Duration = Duration::from_secs(30);

/// Media times may be so far ahead of the clock.
const AHEAD: Duration = Duration::from_secs(2);

/// A camera's newest file that was heard of.
#[derive(Clone, Debug)]
pub(super) struct Newest {
    pub(super) grown: Grown,
    /// It may still grow.
    pub(super) is_open: bool,
    /// It grew within the last seconds.
    pub(super) is_fresh: bool,
}

/// What is to be told of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Its first video is on the medium.
    Started {
        /// The first moment of it.
        at: Timestamp,
    },
    /// No more of it is recorded.
    Stopped {
        /// Its end, or where its video breaks off.
        at: Timestamp,
        /// `ended`, `host-ended`, `no-video` or `withdrawn`.
        reason: &'static str,
    },
    /// All of it that will ever be is durable.
    Available,
    /// Nothing: it was withdrawn before it began.
    Nothing,
}

/// The next step, and what is told then. `ending`: the host ends, all files are complete.
pub(super) fn next(
    one: &UntoldSpan,
    newest: Option<&Newest>,
    now: Timestamp,
    ending: bool,
) -> Option<(Step, Told)> {
    let told = one.told;
    let span = &one.span;
    let done = Told { available: true, ..told };
    if span.end <= span.start {
        let withdrawn = Step::Stopped { at: now.min(span.end), reason: "withdrawn" };
        let step = if told.started && !told.stopped { withdrawn } else { Step::Nothing };
        return Some((step, Told { stopped: told.started, ..done }));
    }
    let is_over = is_over(one, newest, now);
    if !told.started {
        if let Some(at) = first_video(one, newest) {
            return Some((
                Step::Started { at: at.max(span.start) },
                Told { started: true, ..told },
            ));
        }
        let no_video = now >= span.end + SILENCE && is_quiet(one, now);
        let step = Step::Stopped { at: span.end, reason: "no-video" };
        return no_video.then_some((step, Told { stopped: true, ..done }));
    }
    if !told.stopped {
        let (at, reason) = match is_over {
            true => (span.end, "ended"),
            false if ending => (frontier(one, newest).unwrap_or(now).min(span.end), "host-ended"),
            false => return None,
        };
        return Some((Step::Stopped { at, reason }, Told { stopped: true, ..told }));
    }
    (is_over && is_quiet(one, now)).then_some((Step::Available, done))
}

/// Where the camera's newest file ends on the medium.
fn frontier(one: &UntoldSpan, newest: Option<&Newest>) -> Option<Timestamp> {
    match (newest, one.newest) {
        (Some(heard), Some((sequence, end))) if sequence > heard.grown.sequence => Some(end),
        (Some(heard), _) => Some(heard.grown.end),
        (None, closed) => closed.map(|(_, end)| end),
    }
}

/// No video of it can come any more, save what is on its way.
fn is_over(one: &UntoldSpan, newest: Option<&Newest>, now: Timestamp) -> bool {
    let end = one.span.end;
    // What lies still may be of before a step of the clock: it says nothing of a span to come.
    let counts = newest.is_some_and(|newest| newest.is_fresh) || now + AHEAD >= end;
    (counts && frontier(one, newest).is_some_and(|frontier| frontier >= end))
        || now >= end + SILENCE
}

/// All that was recorded of it stands in complete files.
fn is_quiet(one: &UntoldSpan, now: Timestamp) -> bool {
    // A span that its recorder never heard of is not waited for beyond its seal.
    !one.is_open && (one.told.taken || now >= one.span.end + limits::SPAN_SEAL)
}

fn first_video(one: &UntoldSpan, newest: Option<&Newest>) -> Option<Timestamp> {
    let span = &one.span;
    let growing = newest.filter(|newest| newest.is_open).map(|newest| &newest.grown);
    let growing = growing.filter(|file| file.start < span.end && file.end > span.start);
    one.edges.map(|edges| edges.start).or(growing.map(|file| file.start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Span;
    use crate::store::edges::Edges;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_763_800_000_000 + seconds * 1000)
    }

    fn span(end: i64) -> UntoldSpan {
        UntoldSpan {
            span: Span {
                id: "gate/keep/1/1".into(),
                camera: "gate".into(),
                policy: "keep".into(),
                start: at(100),
                end: at(end),
                keep: None,
                label: String::new(),
                because: Vec::new(),
                correlation: None,
            },
            told: Told::default(),
            edges: None,
            segments: 0,
            bytes: 0,
            is_open: true,
            newest: None,
        }
    }

    fn file(start: i64, end: i64, is_open: bool, is_fresh: bool) -> Newest {
        let grown = Grown {
            camera: "gate".into(),
            sequence: 5,
            epoch: 0,
            start: at(start),
            end: at(end),
            continuous: false,
            fail_open: false,
        };
        Newest { grown, is_open, is_fresh }
    }

    fn told(one: &UntoldSpan, told: [bool; 2]) -> UntoldSpan {
        let told = Told { started: told[0], stopped: told[1], taken: true, available: false };
        UntoldSpan { told, ..one.clone() }
    }

    fn found(one: &UntoldSpan, start: i64, end: i64, is_open: bool) -> UntoldSpan {
        let edges = Some(Edges { start: at(start), end: at(end), truncated: false });
        UntoldSpan { edges, segments: 1, is_open, ..one.clone() }
    }

    #[test]
    fn each_step_is_told_when_it_is_true() {
        let open = span(120);
        let whole = found(&open, 95, 121, false);
        let stopped = |reason| Some(Step::Stopped { at: at(120), reason });
        let started = Some(Step::Started { at: at(100) });
        let untaken = |one: &UntoldSpan| UntoldSpan {
            told: Told { taken: false, ..one.told },
            ..one.clone()
        };
        for (name, one, newest, now, expected) in [
            ("no file", open.clone(), None, 110, None),
            ("an older file", open.clone(), Some(file(50, 99, true, true)), 110, None),
            (
                "its first video",
                open.clone(),
                Some(file(95, 101, true, true)),
                102,
                started.clone(),
            ),
            ("on disk already", whole.clone(), None, 110, started.clone()),
            (
                "video begins late",
                open.clone(),
                Some(file(107, 108, true, true)),
                108,
                Some(Step::Started { at: at(107) }),
            ),
            ("it runs", told(&open, [true, false]), Some(file(95, 119, true, true)), 119, None),
            (
                "it ends",
                told(&open, [true, false]),
                Some(file(95, 120, true, true)),
                121,
                stopped("ended"),
            ),
            (
                "its file is open",
                told(&open, [true, true]),
                Some(file(95, 130, true, true)),
                130,
                None,
            ),
            (
                "complete",
                told(&whole, [true, true]),
                Some(file(95, 121, false, true)),
                121,
                Some(Step::Available),
            ),
            (
                "the recorder may have more",
                untaken(&told(&whole, [true, true])),
                Some(file(95, 121, false, true)),
                121,
                None,
            ),
            (
                "the recorder never heard of it",
                untaken(&told(&whole, [true, true])),
                Some(file(95, 121, false, true)),
                180,
                Some(Step::Available),
            ),
            (
                "silence, not yet",
                told(&whole, [true, false]),
                Some(file(95, 110, false, false)),
                149,
                None,
            ),
            (
                "silence",
                told(&whole, [true, false]),
                Some(file(95, 110, false, false)),
                150,
                stopped("ended"),
            ),
            ("nothing, not yet", taken_of(&open, false), None, 149, None),
            ("nothing", taken_of(&open, false), None, 150, stopped("no-video")),
            ("nothing, but a file is open", taken_of(&open, true), None, 150, None),
            (
                "what lies there from before a step of the clock",
                told(&whole, [true, false]),
                Some(file(500, 900, false, false)),
                110,
                None,
            ),
            (
                "a camera that is faster than time",
                told(&whole, [true, false]),
                Some(file(95, 121, true, true)),
                20,
                stopped("ended"),
            ),
        ] {
            let step = next(&one, newest.as_ref(), at(now), false);
            assert_eq!(step.as_ref().map(|(step, _)| step.clone()), expected, "{name}");
            let last = matches!(
                expected,
                Some(Step::Available | Step::Stopped { reason: "no-video", .. })
            );
            assert!(step.is_none_or(|(_, told)| told.available == last), "{name}");
        }
    }

    fn taken_of(one: &UntoldSpan, is_open: bool) -> UntoldSpan {
        UntoldSpan { told: Told { taken: true, ..Told::default() }, is_open, ..one.clone() }
    }

    #[test]
    fn what_is_withdrawn_is_told_only_if_it_had_begun() {
        let withdrawn = span(100);
        let (step, after) = next(&withdrawn, None, at(101), false).unwrap();
        assert_eq!((step, after.available), (Step::Nothing, true));
        let (step, after) = next(&told(&withdrawn, [true, false]), None, at(101), false).unwrap();
        assert_eq!(step, Step::Stopped { at: at(100), reason: "withdrawn" });
        assert!(after.available && after.stopped);
    }

    #[test]
    fn the_end_of_the_host_stops_what_runs() {
        let runs = told(&found(&span(200), 95, 110, false), [true, false]);
        let newest = file(95, 110, false, true);
        let (step, after) = next(&runs, Some(&newest), at(111), true).unwrap();
        assert_eq!(step, Step::Stopped { at: at(110), reason: "host-ended" });
        assert!(after.stopped && !after.available);
        assert_eq!(next(&UntoldSpan { told: after, ..runs }, Some(&newest), at(111), true), None);
    }
}
