//! `wardline recordings list`: what a store holds, for people and programs; also beside a host.

use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::json;

use super::{Process, output};
use crate::base::{Error, Result, Timestamp};
use crate::cli::List;
use crate::config::{self, parse_duration, show_size};
use crate::store::holds::Until;
use crate::store::query::{RecordingKind, RecordingState};
use crate::store::{Filter, Reader, Recording};

pub(super) fn list(arguments: &List, process: &Process) -> Result<()> {
    let zone = zone(arguments.tz.as_deref())?;
    let now = process.clock.wall();
    let moment =
        |text: &Option<String>| text.as_deref().map(|text| time(text, now, &zone)).transpose();
    let filter = Filter {
        camera: arguments.camera.clone(),
        since: moment(&arguments.since)?,
        until: moment(&arguments.until)?,
    };
    let recordings = Reader::open(&store(&arguments.source)?)?.recordings(&filter)?;
    if arguments.json {
        return output::json(&json!({ "recordings": recordings }));
    }
    if recordings.is_empty() {
        return output::line("no recordings");
    }
    output::line(table(&recordings, &zone))
}

/// The store of a configuration, or the one that is named itself.
fn store(source: &Path) -> Result<PathBuf> {
    if source.is_dir() {
        return Ok(source.to_owned());
    }
    Ok(config::load(source)?.store.path)
}

fn zone(name: Option<&str>) -> Result<TimeZone> {
    let Some(name) = name else { return Ok(TimeZone::system()) };
    TimeZone::get(name).map_err(|error| {
        Error::refuse(format!("`{name}` is no time zone: write for example Europe/Berlin or UTC"))
            .with(error)
    })
}

/// A point in time as people write it: how long ago, an exact time, or one of `zone`'s calendar.
fn time(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp> {
    if let Ok(ago) = parse_duration(text) {
        return Ok(now - ago);
    }
    if let Ok(exact) = text.parse::<jiff::Timestamp>() {
        return Ok(exact.into());
    }
    let civil = text.parse::<DateTime>().ok().and_then(|civil| civil.to_zoned(zone.clone()).ok());
    civil.map(|zoned| zoned.timestamp().into()).ok_or_else(|| {
        Error::refuse(format!(
            "`{text}` is no time: write how long ago (`2h`), a date (`2026-11-20`) or a time (`2026-11-20T18:30`)"
        ))
    })
}

/// Recordings as a table: asked and true edges, how large, how long kept and why.
pub(super) fn table(recordings: &[Recording], zone: &TimeZone) -> String {
    let rows: Vec<Vec<String>> = recordings.iter().map(|recording| row(recording, zone)).collect();
    let header = [
        "kind",
        "camera",
        "day",
        "asked",
        "recorded",
        "size",
        "files",
        "kept until",
        "why",
        "state",
    ];
    output::table(&header, &rows)
}

fn row(recording: &Recording, zone: &TimeZone) -> Vec<String> {
    let local = |time: Timestamp| time.civil().to_zoned(zone.clone());
    let clock = |time: Timestamp| local(time).strftime("%H:%M:%S%.3f").to_string();
    let between = |start, end| format!("{}-{}", clock(start), clock(end));
    let recorded = match (recording.true_start, recording.true_end) {
        (Some(start), Some(end)) => between(start, end),
        _ => "-".into(),
    };
    let asked = match recording.kind {
        RecordingKind::Cvr => "-".into(),
        RecordingKind::Evr => between(recording.start, recording.end),
    };
    let until = match recording.holds.iter().map(|hold| hold.until).max() {
        Some(Until::Forever) => "space is needed".into(),
        Some(Until::At(time)) if time > recording.start => {
            local(time).strftime("%F %H:%M").to_string()
        }
        _ => "-".into(),
    };
    vec![
        kind(recording.kind).into(),
        recording.camera.clone(),
        local(recording.start).strftime("%F").to_string(),
        asked,
        recorded,
        show_size(recording.bytes),
        recording.segments.to_string(),
        until,
        why(recording),
        state(recording),
    ]
}

fn kind(kind: RecordingKind) -> &'static str {
    match kind {
        RecordingKind::Cvr => "CVR",
        RecordingKind::Evr => "EVR",
    }
}

/// What asked for it.
fn why(recording: &Recording) -> String {
    match &recording.span {
        Some(span) if span.label.is_empty() => span.policy.clone(),
        Some(span) => format!("{} ({})", span.label, span.policy),
        None => {
            let holds: Vec<&str> = recording.holds.iter().map(|hold| hold.what).collect();
            holds.join(", ")
        }
    }
}

fn state(recording: &Recording) -> String {
    let word = match recording.state {
        RecordingState::Open => "open",
        RecordingState::Closed => "closed",
        RecordingState::Partial => "partial",
        RecordingState::Missing => "missing",
    };
    if recording.damaged { format!("{word}, packets lost") } else { word.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        let now = "2026-11-22T12:00:00Z".parse::<jiff::Timestamp>().unwrap().into();
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (text, expected) in [
            ("2h", Some("2026-11-22T10:00:00Z")),
            ("2026-11-20", Some("2026-11-19T23:00:00Z")),
            ("2026-11-20T18:30", Some("2026-11-20T17:30:00Z")),
            ("2026-11-20 18:30:05", Some("2026-11-20T17:30:05Z")),
            ("2026-11-20T18:30:00Z", Some("2026-11-20T18:30:00Z")),
            ("2026-11-20T18:30:00+02:00", Some("2026-11-20T16:30:00Z")),
            ("yesterday", None),
            ("", None),
        ] {
            let got = time(text, now, &berlin).ok();
            let expected = expected.map(|text| text.parse::<jiff::Timestamp>().unwrap().into());
            assert_eq!(got, expected, "{text}");
        }
        assert!(zone(Some("Mars/Base")).is_err());
    }
}
