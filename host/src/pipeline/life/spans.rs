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

    /// `flows`: the file grows.
    fn video(start: i64, end: i64, flows: bool) -> Option<Newest> {
        Some(file(start, end, flows, flows))
    }

    fn check(
        name: &str,
        one: &UntoldSpan,
        newest: Option<Newest>,
        now: i64,
        expected: Option<Step>,
    ) {
        let step = next(one, newest.as_ref(), at(now), false);
        let last =
            matches!(expected, Some(Step::Available | Step::Stopped { reason: "no-video", .. }));
        assert!(step.as_ref().is_none_or(|(_, told)| told.available == last), "{name}");
        assert_eq!(step.map(|(step, _)| step), expected, "{name}");
    }

    fn stopped(reason: &'static str) -> Option<Step> {
        Some(Step::Stopped { at: at(120), reason })
    }

    #[test]
    fn it_starts_when_its_first_video_is_there() {
        let open = span(120);
        let started = |second| Some(Step::Started { at: at(second) });
        let (none, some) = (taken_of(&open, false), taken_of(&open, true));
        check("no file", &open, None, 110, None);
        check("an older file", &open, video(50, 99, true), 110, None);
        check("its first video", &open, video(95, 101, true), 102, started(100));
        check("it is on disk", &found(&open, 95, 121, false), None, 110, started(100));
        check("video begins late", &open, video(107, 108, true), 108, started(107));
        check("nothing, not yet", &none, None, 149, None);
        check("nothing", &none, None, 150, stopped("no-video"));
        check("nothing, but a file is open", &some, None, 150, None);
    }

    #[test]
    fn it_stops_when_the_cameras_video_has_passed_it() {
        let runs = told(&span(120), [true, false]);
        check("it runs", &runs, video(95, 119, true), 119, None);
        check("it ends", &runs, video(95, 120, true), 121, stopped("ended"));
        check("silence, not yet", &runs, video(95, 110, false), 149, None);
        check("silence", &runs, video(95, 110, false), 150, stopped("ended"));
        check("from before a step of the clock", &runs, video(500, 900, false), 110, None);
        check("a camera faster than time", &runs, video(95, 121, true), 20, stopped("ended"));
    }

    #[test]
    fn it_is_available_when_all_of_it_is_in_complete_files() {
        let whole = told(&found(&span(120), 95, 121, false), [true, true]);
        let open = UntoldSpan { is_open: true, ..whole.clone() };
        let untaken = UntoldSpan { told: Told { taken: false, ..whole.told }, ..whole.clone() };
        check("a file is open", &open, video(95, 130, true), 130, None);
        check("complete", &whole, video(95, 121, false), 121, Some(Step::Available));
        check("the recorder may have more", &untaken, video(95, 121, false), 121, None);
        let available = Some(Step::Available);
        check("no recorder ever heard of it", &untaken, video(95, 121, false), 180, available);
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
