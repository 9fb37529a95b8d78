//! Policies: events in every order and size, wakes at any time, segments of every kind.

use super::{Trial, at, inputs};
use crate::base::Timestamp;
use crate::events::{Notice, Phase};
use crate::wasm::{ClosedSegment, Policy, Tally};

/// Events of a flood: what a camera's queue holds several times over.
const FLOOD: u32 = 2000;

pub(super) fn run(trial: &mut Trial<'_>) {
    let blind = Policy::new(trial.plugin, trial.config(), &trial.setup_blind(), at(0));
    let _ = trial.made("a camera that was not reached yet", blind);
    if made(trial, "beginning").is_none() {
        return;
    }
    odd_events(trial);
    flood(trial);
    wakes(trial);
    segments(trial);
}

/// An instance that was woken for the first time, as a host does.
fn made(trial: &mut Trial<'_>, case: &'static str) -> Option<Policy> {
    let made = Policy::new(trial.plugin, trial.config(), &trial.setup(), at(0));
    let mut policy = trial.made(case, made)?;
    let result = policy.on_wake(at(0));
    trial.note(result, policy.last_call()).then_some(policy)
}

fn hear(trial: &mut Trial<'_>, policy: &mut Policy, notice: &Notice, now: Timestamp) -> bool {
    let result = policy.on_event(notice, now);
    trial.note(result, policy.last_call())
}

fn odd_events(trial: &mut Trial<'_>) {
    let phases =
        [Phase::End, Phase::Update, Phase::Begin, Phase::Begin, Phase::Instant, Phase::End];
    if let Some(mut policy) = made(trial, "phases in an odd order") {
        for (number, phase) in (1_u32..).zip(phases) {
            let now = at(i64::from(number));
            // The same id in every phase.
            let notice = inputs::notice(1, phase, now);
            if !hear(trial, &mut policy, &notice, now) {
                break;
            }
        }
    }
    if let Some(mut policy) = made(trial, "an event as large as may be") {
        hear(trial, &mut policy, &inputs::notice_full(at(1)), at(1));
    }
    if let Some(mut policy) = made(trial, "events from long ago, and from the next minute") {
        let times = [at(60), at(0), at(-86_400), at(-31_536_000), Timestamp::ZERO, at(59)];
        for (number, time) in (1_u64..).zip(times) {
            let notice = inputs::notice(number, Phase::Instant, time);
            if !hear(trial, &mut policy, &notice, at(1)) {
                break;
            }
        }
    }
    for origin in ["host", "api", "camera", "another"] {
        let Some(mut policy) = made(trial, "events of the host and of people") else { return };
        for (number, kind) in (1_u64..).zip(["camera.offline", "clock.stepped", "record.now", "x"])
        {
            let mut notice = inputs::notice(number, Phase::Instant, at(1));
            notice.event.kind = kind.into();
            notice.origin = origin.into();
            if !hear(trial, &mut policy, &notice, at(1)) {
                break;
            }
        }
    }
}

fn flood(trial: &mut Trial<'_>) {
    let Some(mut policy) = made(trial, "a flood of events") else { return };
    for number in 0..FLOOD {
        let now = at(0).offset(i64::from(number) * 1_000);
        let phase = if number % 2 == 0 { Phase::Begin } else { Phase::Instant };
        if !hear(trial, &mut policy, &inputs::notice(u64::from(number), phase, now), now) {
            return;
        }
    }
}

fn wakes(trial: &mut Trial<'_>) {
    let Some(mut policy) = made(trial, "wakes at any time") else { return };
    // Twice at once, long after, and a little before: the clock may step.
    for seconds in [1, 1, 86_400, 86_399, 31_536_000] {
        let result = policy.on_wake(at(seconds));
        if !trial.note(result, policy.last_call()) {
            return;
        }
    }
}

fn segments(trial: &mut Trial<'_>) {
    let Some(mut policy) = made(trial, "segments of every kind") else { return };
    let tally = |number: u32| Tally { kind: format!("kind-{number}"), count: u32::MAX };
    let segment = |start, end, bytes, tallies| ClosedSegment {
        start,
        end,
        bytes,
        gap: true,
        events: (0..tallies).map(tally).collect(),
        attributes: inputs::attributes(),
    };
    for segment in [
        segment(at(0), at(0), 0, 0),
        segment(at(0), at(10), u64::MAX, 1000),
        segment(Timestamp::ZERO, at(10), 1, 1),
    ] {
        let result = policy.keep_continuous(&segment, at(20));
        if !trial.note(result, policy.last_call()) {
            return;
        }
    }
}
