//! Tries a camera once: can it be reached and played, and what does it send?
//!
//! Takes an [`Origin`]; gives a [`ProbeReport`], or an error that says what to do. For
//! `check --probe`, and for people who set up a camera.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::access_unit::Classifier;
use super::camera::Origin;
use super::mp4::Mp4File;
use super::packet::{AudioParameters, VideoParameters};
use super::rtsp::{OpenError, Problem, RtspSource};
use super::source::{Sample, Source};
use crate::base::{Error, Result};

/// The most that waiting for a first key frame may take, once the camera plays. Cameras with a
/// longer interval between key frames can hardly be recorded by events.
pub const FIRST_KEY: Duration = Duration::from_secs(20);

/// What a camera sends.
#[derive(Clone, Debug)]
pub struct ProbeReport {
    /// Its video.
    pub video: Arc<VideoParameters>,
    /// Its audio, where that is recorded.
    pub audio: Option<Arc<AudioParameters>>,
    /// The encoding of its audio, where that is left out.
    pub audio_left_out: Option<String>,
    /// From connecting to the first key frame. `None` for a file.
    pub first_key_after: Option<Duration>,
}

/// Opens `origin` of camera `name`, and waits for a key frame.
pub async fn probe(name: &str, origin: &Origin) -> Result<ProbeReport> {
    match origin {
        Origin::File(file) => {
            let path = file.path.clone();
            let file = tokio::task::spawn_blocking(move || Mp4File::open(&path))
                .await
                .map_err(|error| Error::bug("open an MP4 file").with(error))?
                .map_err(|error| Error::refuse(format!("probe camera {name}")).with(error))?;
            Ok(ProbeReport {
                video: file.video().clone(),
                audio: file.audio().cloned(),
                audio_left_out: None,
                first_key_after: None,
            })
        }
        Origin::Rtsp(origin) => {
            let began = Instant::now();
            let mut source =
                RtspSource::open(origin).await.map_err(|error| opening(name, error))?;
            let audio = source.audio().cloned();
            let audio_left_out = source.audio_left_out().map(str::to_owned);
            let key = tokio::time::timeout(FIRST_KEY, first_key(&mut source)).await;
            let first_key_after = Some(began.elapsed());
            source.close().await;
            let video = match key {
                Ok(Ok(video)) => video,
                Ok(Err(why)) => return Err(Error::retry(format!("probe camera {name}: {why}"))),
                Err(_) => {
                    let waited = FIRST_KEY.as_secs();
                    return Err(Error::retry(format!(
                        "probe camera {name}: it plays, but sent no key frame within {waited} s: \
                         set a shorter key frame interval in the camera (2 s is good), and with \
                         udp check that its packets are let through"
                    )));
                }
            };
            Ok(ProbeReport { video, audio, audio_left_out, first_key_after })
        }
    }
}

/// A wrong setting is refused, a camera that is away may come back.
fn opening(name: &str, error: OpenError) -> Error {
    let message = format!("probe camera {name}");
    match error.problem() {
        Problem::Unreachable
        | Problem::Refused
        | Problem::NoAnswer
        | Problem::Busy
        | Problem::Other => Error::retry(message).with(error),
        Problem::Scheme | Problem::Name | Problem::Password | Problem::Path | Problem::NoVideo => {
            Error::refuse(message).with(error)
        }
    }
}

async fn first_key(source: &mut RtspSource) -> Result<Arc<VideoParameters>, String> {
    loop {
        if let Sample::Video(unit) = source.next().await.map_err(|end| end.detail)? {
            let access = Classifier::new(&unit.parameters).classify(&unit.data);
            if access.is_some_and(|access| access.is_key()) {
                return Ok(unit.parameters);
            }
        }
    }
}
