//! Checks of what only one kind of plugin answers.

use std::time::Duration;

use super::{Checked, at_most, attributes, events, id, label, length, time};
use crate::base::Timestamp;
use crate::base::time::micros;
use crate::decode::Fit;
use crate::wasm::analyzer::{Pace, PictureRequest, Wishes};
use crate::wasm::bindings::exports::wardline::plugin::{analyzer, event_source, recording_policy};
use crate::wasm::policy::{Answer, SpanAsk};
use crate::wasm::source::SourceSpec;
use crate::wasm::{convert, limits};

/// Sides of a picture that can be asked for, in pixels.
const SIDE: std::ops::RangeInclusive<u32> = 16..=4096;

/// More pictures a second than any camera has.
const FPS_MAX: f32 = 1000.0;

pub(in crate::wasm) fn wishes(wishes: analyzer::Wishes) -> Checked<Wishes> {
    let pictures = wishes.pictures.map(picture_request).transpose()?;
    Ok(Wishes { pictures, units: wishes.units })
}

fn picture_request(request: analyzer::PictureRequest) -> Checked<PictureRequest> {
    let (max_width, max_height) = (request.max_width, request.max_height);
    if !SIDE.contains(&max_width) || !SIDE.contains(&max_height) {
        return Err(format!(
            "asks for pictures of {max_width}x{max_height}: both sides must be {} to {} pixels",
            SIDE.start(),
            SIDE.end()
        ));
    }
    let pace = match request.pace {
        analyzer::Pace::Every => Pace::Every,
        analyzer::Pace::KeyFrames => Pace::KeyFrames,
        analyzer::Pace::Fps(fps) if fps > 0.0 && fps <= FPS_MAX => Pace::Fps(fps),
        analyzer::Pace::Fps(fps) => {
            return Err(format!(
                "asks for {fps} pictures a second: use more than 0, at most {FPS_MAX}"
            ));
        }
    };
    Ok(PictureRequest {
        format: convert::pixel_format(request.format),
        max_width,
        max_height,
        fit: match request.fit {
            analyzer::Fit::Preserve => Fit::Preserve,
            analyzer::Fit::Stretch => Fit::Stretch,
            analyzer::Fit::Pad => Fit::Pad,
        },
        pace,
    })
}

pub(in crate::wasm) fn source_spec(spec: event_source::SourceSpec) -> Checked<SourceSpec> {
    at_most("topics", spec.topics.len(), limits::TOPICS)?;
    spec.topics.iter().try_for_each(|topic| label("a topic", topic, limits::LABEL_BYTES))?;
    let tick = spec.tick.map(|tick| length("tick", tick)).transpose()?;
    if let Some(tick) = tick.filter(|tick| *tick < limits::TICK_MIN) {
        return Err(format!("tick = {tick:?} is less than {:?}", limits::TICK_MIN));
    }
    Ok(SourceSpec { topics: spec.topics, tick })
}

/// `now` is the call's: a span may not begin long after it.
pub(in crate::wasm) fn policy_answer(
    answer: recording_policy::Answer,
    now: Timestamp,
) -> Checked<(Answer, u32)> {
    at_most("spans", answer.spans.len(), limits::SPANS)?;
    let mut spans = Vec::with_capacity(answer.spans.len());
    for said in answer.spans {
        let id = super::show(&said.id).to_owned();
        spans.push(span(said, now).map_err(|what| format!("span {id:?}: {what}"))?);
    }
    let wake = answer.wake.map(|wake| time("wake", wake)).transpose()?;
    let (events, clipped) = events(answer.events)?;
    Ok((Answer { spans, wake, events }, clipped))
}

fn span(span: recording_policy::Span, now: Timestamp) -> Checked<SpanAsk> {
    let (start, end) = (time("start", span.start)?, time("end", span.end)?);
    if end < start {
        return Err(format!("ends at {end}, before its start at {start}"));
    }
    let days = |length: Duration| length.as_secs() / (24 * 60 * 60);
    if end.since(start) > limits::SPAN_LENGTH {
        return Err(format!(
            "from {start} to {end} is longer than {} days",
            days(limits::SPAN_LENGTH)
        ));
    }
    if start.micros_since(now) > micros(limits::SPAN_LEAD) {
        return Err(format!(
            "starts at {start}, more than {} days after {now}",
            days(limits::SPAN_LEAD)
        ));
    }
    label("the label", &span.label, limits::LABEL_BYTES)?;
    at_most("reasons (`because`)", span.because.len(), limits::REASONS)?;
    span.because
        .iter()
        .try_for_each(|reason| label("a reason (`because`)", reason, limits::QUALIFIED_BYTES))?;
    Ok(SpanAsk {
        id: id(span.id)?,
        start,
        end,
        keep: hold(span.keep)?,
        label: span.label,
        because: span.because,
        attributes: attributes(span.attributes)?,
    })
}

/// A length of a hold.
pub(in crate::wasm) fn hold(keep: Option<i64>) -> Checked<Option<Duration>> {
    keep.map(|keep| length("keep", keep)).transpose()
}
