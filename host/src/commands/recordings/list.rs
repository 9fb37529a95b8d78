//! `wardline recordings list`: what a store holds, for people and programs; also beside a host.

use jiff::tz::TimeZone;
use serde_json::json;

use super::super::{Process, output};
use super::{Window, store};
use crate::base::{Result, Timestamp};
use crate::cli::List;
use crate::config::show_size;
use crate::store::holds::Until;
use crate::store::query::{RecordingKind, RecordingState};
use crate::store::{Filter, Reader, Recording};

pub(super) fn list(arguments: &List, process: &Process) -> Result<()> {
    let Window { zone, since, until } = Window::of(&arguments.shown, process)?;
    let filter = Filter { camera: arguments.shown.camera.clone(), since, until };
    let recordings = Reader::open(&store(&arguments.source)?)?.recordings(&filter)?;
    if arguments.shown.json {
        return output::json(&json!({ "recordings": recordings }));
    }
    if recordings.is_empty() {
        return output::line("no recordings");
    }
    output::line(table(&recordings, &zone))
}

/// Recordings as a table: asked and true edges, how large, how long kept and why.
pub(in super::super) fn table(recordings: &[Recording], zone: &TimeZone) -> String {
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
        "id",
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
        RecordingKind::Evr | RecordingKind::Pin => between(recording.start, recording.end),
    };
    let pinned = recording.holds.iter().any(|hold| hold.what == "pinned");
    let until = match recording.holds.iter().map(|hold| hold.until).max() {
        Some(Until::Forever) if pinned => "it is unpinned".into(),
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
        recording.span.as_ref().map_or("-".into(), |span| span.id.clone()),
    ]
}

fn kind(kind: RecordingKind) -> &'static str {
    match kind {
        RecordingKind::Cvr => "CVR",
        RecordingKind::Evr => "EVR",
        RecordingKind::Pin => "PIN",
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
