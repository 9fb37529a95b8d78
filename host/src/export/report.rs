//! What an export says of itself: what was asked for, what came of it, and what is missing.

use std::path::PathBuf;

use serde::Serialize;
use utoipa::ToSchema;

use super::Wanted;
use crate::base::Timestamp;

/// Why an export has a break in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = InterruptionReason)]
pub enum Why {
    /// There is no video.
    Gap,
    /// The host's clock stepped: the times after it are of another epoch.
    ClockStepped,
    /// The camera sent other parameters: another codec, size or profile.
    Parameters,
    /// There is video, but not the key frame that it needs.
    NotDecodable,
}

/// A break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Interruption {
    /// The end of what comes before.
    pub start: Timestamp,
    /// The start of what follows.
    pub end: Timestamp,
    /// Why.
    pub why: Why,
    /// What the store knows of it, for people; empty: nothing.
    pub detail: String,
}

/// One file that was written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Written {
    /// Where.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// UTC of its first picture.
    pub from: Timestamp,
    /// UTC of the end of its last picture.
    pub to: Timestamp,
    /// How many pictures are shown.
    pub pictures: u64,
    /// Seconds that it plays.
    pub seconds: f64,
    /// Seconds of video before its first picture that are in it for decoding, and that a player
    /// which ignores edits would show.
    pub lead_in_seconds: f64,
    /// The `codecs` parameter (RFC 6381) of its video.
    pub video: String,
    /// The same of its audio.
    pub audio: Option<String>,
    /// Size of the picture, in pixels.
    pub width: u32,
    /// Size of the picture, in pixels.
    pub height: u32,
}

/// What came of an export.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The camera.
    pub camera: String,
    /// What was asked for.
    pub asked: Wanted,
    /// UTC of the first picture, and of the end of the last; of the first and last file.
    pub exported: Wanted,
    /// What was written, in order of (epoch, sequence) of the segments.
    pub files: Vec<Written>,
    /// Where it is interrupted.
    pub interruptions: Vec<Interruption>,
}
