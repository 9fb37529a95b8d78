//! What a demonstration left behind, read back: its events, and every file by two readers.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::base::{Error, Result, Timestamp};
use crate::config::show_size;
use crate::events::Phase;
use crate::record;
use crate::store::{EventFilter, Filter, Reader};

/// What became of the files.
pub(super) struct Files {
    /// For people.
    pub(super) text: String,
    /// How many are not as they should be.
    pub(super) broken: usize,
}

/// Beginnings and instants among the events, a line each; seconds count from `begin`.
pub(super) fn events(reader: &Reader, begin: Option<Timestamp>) -> Result<Vec<String>> {
    let stored = reader.events(&EventFilter::default())?;
    let begin = begin.unwrap_or_default();
    let lines = stored.iter().filter(|stored| stored.event.phase != Phase::Update).map(|stored| {
        let seconds = stored.event.time.micros_since(begin) as f64 / 1e6;
        let (kind, phase) = (&stored.event.kind, stored.event.phase.as_str());
        format!("event: {seconds:6.1} s  {kind} {phase}, said by {}", stored.origin)
    });
    Ok(lines.collect())
}

/// Reads every file to its end: with our own scan, and with ffmpeg's decoder where it is installed.
pub(super) fn files(reader: &Reader) -> Result<Files> {
    let segments = reader.segments(&Filter::default())?;
    let (mut bytes, mut pictures, mut broken) = (0, 0, 0);
    let mut decoder = Some("ffmpeg decodes them without an error");
    let mut complaints = Vec::new();
    for segment in &segments {
        let path = &segment.path;
        match scan(path) {
            Ok(found) => (bytes, pictures) = (bytes + found.0, pictures + found.1),
            Err(error) => complaints.push(error.chain()),
        }
        match ffmpeg(path) {
            None => decoder = None,
            Some(said) if said.is_empty() => {}
            Some(said) => complaints.push(format!("ffmpeg says of {}: {said}", path.display())),
        }
    }
    broken += complaints.len();
    let count = segments.len();
    let mut text = format!(
        "files: {count}, {}, {pictures} pictures; {}",
        show_size(bytes),
        match complaints.is_empty() {
            true => "each is whole, by checksums",
            false => "not all are whole:",
        }
    );
    for complaint in &complaints {
        text.push('\n');
        text.push_str(complaint);
    }
    if complaints.is_empty() {
        text.push_str("; ");
        text.push_str(decoder.unwrap_or("ffmpeg is not installed to decode them"));
    }
    Ok(Files { text, broken })
}

/// Bytes and pictures of a whole file.
fn scan(path: &Path) -> Result<(u64, u64)> {
    let wrong = |why: &str| Error::bug(format!("{}: {why}", path.display()));
    let mut file = File::open(path).map_err(|error| wrong("open").with(error))?;
    let found = record::scan(&mut file).map_err(|error| wrong("read").with(error))?;
    if !found.complete {
        return Err(wrong("ends before its end"));
    }
    let length = file.metadata().map_err(|error| wrong("measure").with(error))?.len();
    Ok((length, found.fragments.iter().map(|fragment| u64::from(fragment.samples)).sum()))
}

/// What ffmpeg complains of when it decodes a file; nothing where there is no ffmpeg.
fn ffmpeg(path: &Path) -> Option<String> {
    let answer = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(path)
        .args(["-f", "null", "-"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&answer.stderr).trim().to_owned())
}
