//! Checks what a guest answered, and turns it into host types. Pure.
//!
//! An error says what is wrong, for the plugin's author; it shows at most the beginning of what the
//! guest wrote.

mod answers;
#[cfg(test)]
mod tests;

pub(super) use answers::{hold, policy_answer, source_spec, wishes};

use std::time::Duration;

use super::bindings::wardline::plugin::types;
use super::imports::cut;
use super::{convert, limits};
use crate::base::Timestamp;
use crate::events::{Area, Attribute, Event, Phase, Region, Value};

/// A checked value, or what is wrong.
pub(super) type Checked<T> = Result<T, String>;

/// By how much a confidence may leave 0..1, for the rounding of 32-bit numbers.
const CONFIDENCE_SLACK: f32 = 1e-3;

/// Events, and how many areas were clipped.
pub(super) fn events(events: Vec<types::Event>) -> Checked<(Vec<Event>, u32)> {
    at_most("events", events.len(), limits::EVENTS)?;
    let mut clipped = 0;
    let mut checked = Vec::with_capacity(events.len());
    for said in events {
        let id = show(&said.id).to_owned();
        let event = event(said, &mut clipped).map_err(|what| format!("event {id:?}: {what}"))?;
        checked.push(event);
    }
    Ok((checked, clipped))
}

fn event(event: types::Event, clipped: &mut u32) -> Checked<Event> {
    at_most("regions", event.regions.len(), limits::REGIONS)?;
    at_most("cameras", event.cameras.len(), limits::CAMERAS)?;
    event.cameras.iter().try_for_each(|camera| label("a camera", camera, limits::NAME_BYTES))?;
    if let Some(text) = &event.correlation {
        label("correlation", text, limits::LABEL_BYTES)?;
    }
    Ok(Event {
        id: id(event.id)?,
        kind: kind(event.kind)?,
        phase: match event.phase {
            types::Phase::Instant => Phase::Instant,
            types::Phase::Begin => Phase::Begin,
            types::Phase::Update => Phase::Update,
            types::Phase::End => Phase::End,
        },
        time: time("time", event.time)?,
        confidence: confidence(event.confidence)?,
        regions: event
            .regions
            .into_iter()
            .map(|said| region(said, clipped))
            .collect::<Checked<_>>()?,
        cameras: event.cameras,
        correlation: event.correlation,
        attributes: attributes(event.attributes)?,
    })
}

fn region(region: types::Region, clipped: &mut u32) -> Checked<Region> {
    if let Some(text) = &region.label {
        label("the label of a region", text, limits::NAME_BYTES)?;
    }
    Ok(Region {
        area: area(region.area, clipped)?,
        label: region.label,
        confidence: confidence(region.confidence)?,
        track: region.track,
    })
}

fn area(area: types::Area, clipped: &mut u32) -> Checked<Area> {
    let types::Area { x, y, width, height } = area;
    if ![x, y, width, height].iter().all(|edge| edge.is_finite()) {
        return Err("an area is not finite".into());
    }
    if width < 0.0 || height < 0.0 {
        return Err(format!("an area has a negative size ({width} x {height})"));
    }
    let clip = |edge: f32| edge.clamp(0.0, 1.0);
    let (left, top) = (clip(x), clip(y));
    let (right, bottom) = (clip(x + width), clip(y + height));
    // `x + width` of an area that touches the edge may round to a little more than 1.
    let outside = |low: f32, high: f32| low < -f32::EPSILON || high > 1.0 + f32::EPSILON;
    *clipped += u32::from(outside(x, x + width) || outside(y, y + height));
    Ok(Area { x: left, y: top, width: right - left, height: bottom - top })
}

fn confidence(confidence: f32) -> Checked<f32> {
    if (-CONFIDENCE_SLACK..=1.0 + CONFIDENCE_SLACK).contains(&confidence) {
        return Ok(confidence.clamp(0.0, 1.0));
    }
    Err(format!("the confidence {confidence} is not in 0..1"))
}

fn attributes(attributes: Vec<types::Attribute>) -> Checked<Vec<Attribute>> {
    at_most("attributes", attributes.len(), limits::ATTRIBUTES)?;
    let mut checked: Vec<Attribute> = Vec::with_capacity(attributes.len());
    for types::Attribute { key, value } in attributes {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c);
        if key.is_empty() || key.len() > limits::NAME_BYTES || !key.chars().all(allowed) {
            return Err(format!(
                "the attribute {:?}: a key is lower-case letters, digits, `-`, `.` and `_`, \
                 at most {} bytes",
                show(&key),
                limits::NAME_BYTES
            ));
        }
        if checked.iter().any(|other| other.key == key) {
            return Err(format!("the attribute {key:?} comes twice"));
        }
        let value = convert::value_from_guest(value);
        check_value(&value).map_err(|what| format!("the attribute {key:?} {what}"))?;
        checked.push(Attribute { key, value });
    }
    Ok(checked)
}

fn check_value(value: &Value) -> Checked<()> {
    match value {
        Value::Text(text) => at_most("bytes of text", text.len(), limits::TEXT_BYTES),
        Value::Bytes(bytes) => at_most("bytes", bytes.len(), limits::BLOB_BYTES),
        Value::Number(number) if !number.is_finite() => Err("is not finite".into()),
        Value::Json(text) => {
            at_most("bytes of JSON", text.len(), limits::BLOB_BYTES)?;
            serde_json::from_str::<serde::de::IgnoredAny>(text)
                .map(drop)
                .map_err(|error| format!("is not JSON: {error}"))
        }
        Value::Integer(_) | Value::Number(_) | Value::Flag(_) => Ok(()),
    }
}

fn id(id: String) -> Checked<String> {
    if id.is_empty() {
        return Err("the id is empty".into());
    }
    label("the id", &id, limits::NAME_BYTES)?;
    Ok(id)
}

fn kind(kind: String) -> Checked<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    let is_part = |part: &str| !part.is_empty() && part.chars().all(allowed);
    if kind.len() <= limits::KIND_BYTES && kind.split('.').all(is_part) {
        return Ok(kind);
    }
    Err(format!(
        "the kind {:?} is not dotted lower case of at most {} bytes, like door.opened",
        show(&kind),
        limits::KIND_BYTES
    ))
}

fn time(what: &str, micros: i64) -> Checked<Timestamp> {
    let time = Timestamp::from_micros(micros);
    if time.micros() == micros {
        return Ok(time);
    }
    Err(format!("{what} = {micros} microseconds is not in the years 1970 to 2255"))
}

/// A length of time, at most as long as a time can be.
fn length(what: &str, micros: i64) -> Checked<Duration> {
    match u64::try_from(micros) {
        Ok(length) if micros <= Timestamp::MAX.micros() => Ok(Duration::from_micros(length)),
        _ => Err(format!("{what} = {micros} microseconds is negative, or more than 285 years")),
    }
}

/// Text that people see in one line.
fn label(what: &str, text: &str, bytes_max: usize) -> Checked<()> {
    if text.len() > bytes_max {
        return Err(format!("{what} is longer than {bytes_max} bytes ({})", text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{what} has control characters"));
    }
    Ok(())
}

fn at_most(what: &str, count: usize, most: usize) -> Checked<()> {
    if count > most {
        return Err(format!("has {count} {what}, and at most {most} are allowed"));
    }
    Ok(())
}

/// As much of a guest's text as an error shows.
fn show(text: &str) -> &str {
    cut(text, 40)
}
