//! One line of the journal: what is known of one thing, and how that becomes a line and back.
//!
//! A line that is not whole is no line: each carries a checksum, and a crash may leave half of the
//! last one. Knows no file and no index.

use serde::{Deserialize, Serialize};

use super::super::pins::Pin;
use crate::base::Timestamp;
use crate::policy::Span;

/// What stands before the checksum, between it and the note, and after that.
const OPEN: &str = "{\"crc\":\"";
const MIDDLE: &str = "\",\"note\":";
const CLOSE: &str = "}";

/// What is known of one thing. Lengths of time are microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(in super::super) enum Note {
    /// Where files lie.
    Place { id: i64, uuid: String, name: String, path: String },
    /// How a camera is configured, and which sequence comes next at the least.
    Camera { name: String, keep: Option<i64>, size_max: Option<i64>, next_sequence: u64 },
    /// A policy with its component and parameters.
    Judge { camera: String, policy: String, digest: String, current: bool },
    /// A span; `told` is what of its life stands among the events.
    Span { span: Span, told: i64 },
    /// A pin.
    Pin { pin: Pin },
    /// A gap, by its number.
    Gap {
        id: i64,
        camera: String,
        start: Timestamp,
        end: Option<Timestamp>,
        reason: String,
        detail: String,
    },
    /// What a file does not say of itself: its flags, which of its fragments are damaged, and what
    /// policies answered.
    Segment { camera: String, sequence: u64, flags: i64, damaged: Vec<u32>, answers: Vec<Said> },
    /// A span, pin or gap that is no more.
    Gone { of: String, id: String },
}

/// What a judge said of a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Said {
    pub(in super::super) policy: String,
    pub(in super::super) digest: String,
    /// `None`: as configured.
    pub(in super::super) until: Option<Timestamp>,
}

/// What a note is about: the last one of a key counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in super::super) enum Key {
    Place(i64),
    Camera(String),
    Judge(String, String, String),
    Span(String),
    Pin(String),
    Gap(i64),
    Segment(String, u64),
}

impl Note {
    /// What it is about; `None` of what a later version may have written.
    pub(in super::super) fn key(&self) -> Option<Key> {
        Some(match self {
            Self::Place { id, .. } => Key::Place(*id),
            Self::Camera { name, .. } => Key::Camera(name.clone()),
            Self::Judge { camera, policy, digest, .. } => {
                Key::Judge(camera.clone(), policy.clone(), digest.clone())
            }
            Self::Span { span, .. } => Key::Span(span.id.clone()),
            Self::Pin { pin } => Key::Pin(pin.id.clone()),
            Self::Gap { id, .. } => Key::Gap(*id),
            Self::Segment { camera, sequence, .. } => Key::Segment(camera.clone(), *sequence),
            Self::Gone { of, id } => match of.as_str() {
                "span" => Key::Span(id.clone()),
                "pin" => Key::Pin(id.clone()),
                "gap" => Key::Gap(id.parse().ok()?),
                _ => return None,
            },
        })
    }

    /// The line that says it, with its end.
    pub(in super::super) fn line(&self) -> String {
        let note = serde_json::to_string(self).expect("a note is strings and numbers");
        let crc = crc32c::crc32c(note.as_bytes());
        format!("{OPEN}{crc:08x}{MIDDLE}{note}{CLOSE}\n")
    }

    /// The note in a line without its end; `None` where there is none that is whole.
    pub(super) fn read(line: &str) -> Option<Self> {
        let rest = line.strip_prefix(OPEN)?;
        let (crc, note) = rest.strip_suffix(CLOSE)?.split_once(MIDDLE)?;
        let is_whole = u32::from_str_radix(crc, 16).ok()? == crc32c::crc32c(note.as_bytes());
        is_whole.then(|| serde_json::from_str(note).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back_and_half_of_it_does_not() {
        let at = Timestamp::from_micros(1_763_800_000_123_456);
        let note = Note::Gap {
            id: 7,
            camera: "gate".into(),
            start: at,
            end: None,
            reason: "offline".into(),
            detail: "said: \"no\n\"".into(),
        };
        let line = note.line();
        let line = line.strip_suffix('\n').unwrap();
        assert_eq!(Note::read(line), Some(note));
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
        for cut in 0..line.len() {
            assert_eq!(Note::read(&line[..cut]), None, "cut at {cut}");
        }
        assert_eq!(Note::read(&line.replace("offline", "offlime")), None);
    }

    #[test]
    fn what_is_gone_has_the_key_of_what_it_was() {
        for (of, id, key) in [
            ("span", "a/b", Some(Key::Span("a/b".into()))),
            ("gap", "7", Some(Key::Gap(7))),
            ("gap", "x", None),
            ("planet", "7", None),
        ] {
            assert_eq!(Note::Gone { of: of.into(), id: id.into() }.key(), key, "{of} {id}");
        }
    }
}
