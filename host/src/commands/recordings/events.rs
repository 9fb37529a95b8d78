//! `wardline recordings events`: what happened, for people and programs; also beside a host.

use jiff::tz::TimeZone;
use serde_json::json;

use super::super::{Process, output};
use super::{Window, store};
use crate::base::Result;
use crate::cli::Events;
use crate::events::{Attribute, Value};
use crate::store::{EventFilter, Outcome, Reader, StoredEvent};

pub(super) fn events(arguments: &Events, process: &Process) -> Result<()> {
    let Window { zone, since, until } = Window::of(&arguments.shown, process)?;
    let filter = EventFilter {
        camera: arguments.shown.camera.clone(),
        since,
        until,
        kind: arguments.kind.clone(),
        ..EventFilter::default()
    };
    let events = Reader::open(&store(&arguments.source)?)?.events(&filter)?;
    if arguments.shown.json {
        return output::json(&json!({ "events": events }));
    }
    if events.is_empty() {
        return output::line("no events");
    }
    output::line(table(&events, &zone))
}

fn table(events: &[StoredEvent], zone: &TimeZone) -> String {
    let rows: Vec<Vec<String>> = events.iter().map(|stored| row(stored, zone)).collect();
    output::table(&["time", "camera", "kind", "phase", "said by", "what"], &rows)
}

/// One event, for a list that goes on.
pub(in crate::commands) fn line(stored: &StoredEvent, zone: &TimeZone) -> String {
    let mut cells = row(stored, zone);
    let what = cells.pop().unwrap_or_default();
    format!("{}  {what}", cells.join("  ")).trim_end().to_owned()
}

fn row(stored: &StoredEvent, zone: &TimeZone) -> Vec<String> {
    let event = &stored.event;
    let local = event.time.civil().to_zoned(zone.clone());
    vec![
        local.strftime("%F %H:%M:%S%.3f").to_string(),
        if stored.camera.is_empty() { "-".into() } else { stored.camera.clone() },
        event.kind.clone(),
        event.phase.as_str().into(),
        stored.origin.clone(),
        what(stored, zone),
    ]
}

/// What became of it, and what it says beside its kind.
fn what(stored: &StoredEvent, zone: &TimeZone) -> String {
    let refused = match &stored.outcome {
        Outcome::Accepted | Outcome::Noted => None,
        Outcome::Late(why) => Some(format!("late: {why}")),
        Outcome::Refused(why) => Some(format!("refused: {why}")),
    };
    let said = stored.event.attributes.iter().map(|attribute| said(attribute, zone));
    refused.into_iter().chain(said).collect::<Vec<_>>().join(", ")
}

fn said(attribute: &Attribute, zone: &TimeZone) -> String {
    let key = attribute.key.as_str();
    let value = match &attribute.value {
        // Of the host's own events: times in microseconds.
        Value::Integer(micros) if matches!(key, "start" | "end" | "asked-start" | "asked-end") => {
            let time = crate::base::Timestamp::from_micros(*micros);
            time.civil().to_zoned(zone.clone()).strftime("%H:%M:%S%.3f").to_string()
        }
        Value::Text(text) | Value::Json(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
    };
    format!("{key} {value}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::events::{Event, Phase};

    #[test]
    fn an_event_is_one_line() {
        let attribute = |key: &str, value| Attribute { key: key.into(), value };
        let time = Timestamp::from_millis(1_763_800_000_123);
        let event = Event {
            id: "gate/host/recording.deleted/1/1".into(),
            kind: "recording.deleted".into(),
            phase: Phase::Instant,
            time,
            confidence: 1.0,
            regions: Vec::new(),
            cameras: Vec::new(),
            correlation: None,
            attributes: vec![
                attribute("reason", Value::Text("expired".into())),
                attribute("start", Value::Integer(time.micros())),
                attribute("segments", Value::Integer(3)),
            ],
        };
        let stored = StoredEvent {
            sequence: 1,
            camera: "gate".into(),
            origin: "host".into(),
            received: time,
            outcome: Outcome::Noted,
            event,
        };
        let shown = table(&[stored], &TimeZone::UTC);
        assert_eq!(
            shown.lines().nth(1),
            Some(
                "2025-11-22 08:26:40.123  gate    recording.deleted  instant  host     \
                 reason expired, start 08:26:40.123, segments 3"
            ),
            "{shown}"
        );
    }
}
