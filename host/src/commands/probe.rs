//! Looks at a camera for `wardline check --probe`: connects, and says what it sends.

use serde::Serialize;

use crate::config::{Camera, Source};
use crate::ingest::probe::{ProbeReport, probe};
use crate::pipeline;

/// What a camera sends.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    /// For people.
    #[serde(rename = "sends")]
    pub(super) text: String,
    /// Why a stream could not be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// Tries the recorded stream, and the one for analysis where there is one.
pub(super) async fn camera(camera: &Camera) -> Report {
    let mut texts = Vec::new();
    let mut errors = Vec::new();
    for source in std::iter::once(&camera.source).chain(&camera.analysis) {
        match stream(camera, source).await {
            Ok(text) => texts.push(text),
            Err(why) => errors.push(why),
        }
    }
    let error = (!errors.is_empty()).then(|| errors.join("; "));
    let text = if texts.is_empty() { "-".into() } else { texts.join("; analysis: ") };
    Report { text, error }
}

async fn stream(camera: &Camera, source: &Source) -> Result<String, String> {
    let origin = pipeline::ingest_of(camera, source).origin;
    match probe(&camera.name, &origin).await {
        Ok(report) => Ok(describe(&report)),
        Err(error) => Err(error.chain()),
    }
}

fn describe(report: &ProbeReport) -> String {
    let video = &report.video;
    let mut text = format!("{} {}x{}", video.rfc6381, video.width, video.height);
    match (&report.audio, &report.audio_left_out) {
        (Some(audio), _) => text.push_str(&format!(", {}", audio.rfc6381)),
        (None, Some(other)) => text.push_str(&format!(", {other} (left out)")),
        (None, None) => text.push_str(", no audio"),
    }
    if let Some(after) = report.first_key_after {
        text.push_str(&format!(", first key frame after {:.1} s", after.as_secs_f64()));
    }
    text
}
