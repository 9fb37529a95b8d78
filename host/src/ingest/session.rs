//! The supervised life of a camera: sessions, what ends them, and the wait before the next.
//!
//! Takes a [`CameraIngest`]; gives [`Item`]s on its [`Outputs`]. `run` loops around one session
//! at a time. Every end of a session becomes a [`Gap`] that says why; one log line marks each
//! change between online and offline. Knows no RTSP.

mod flow;
#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use self::flow::Flow;
use super::audio_line::AudioStart;
use super::camera::{Audio, CameraIngest, FileOrigin, Origin, Pace, RtspOrigin, TimeFrom};
use super::file::FileSource;
use super::packet::{Gap, GapReason, Item};
use super::queue::Sender;
use super::rtsp::RtspSource;
use super::source::{End, Sample, Source, Then};
use super::tap::Inlet;
use super::timeline::{Anchoring, Timeline};
use crate::base::clock::Clock;
use crate::base::metrics::Metrics;
use crate::base::retry::Backoff;

/// The first wait before a new session, and the longest.
const BACKOFF: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// A session this long forgets the failures before it.
const HEALTHY: Duration = Duration::from_secs(60);

/// A stream that ends in good order after less than this is not tried again at once.
const BRIEF: Duration = Duration::from_secs(5);

/// Sessions that broken audio may end before audio is left out.
const AUDIO_FAILURES_MAX: u32 = 3;

/// After a session of so long without audio it is tried again.
const AUDIO_AGAIN: Duration = Duration::from_secs(3600);

/// Where a camera's items go. An edge that is not there costs nothing.
pub struct Outputs {
    /// To the recorder: video, audio and gaps.
    pub record: Option<Sender>,
    /// To the decoder: video and gaps.
    pub decode: Option<Sender>,
    /// To those who look at what comes now: video, audio and gaps.
    pub live: Option<Inlet>,
}

/// Runs a camera until `shutdown`, or until a file that does not repeat has ended. The outputs
/// are closed then.
pub async fn run(
    camera: CameraIngest,
    outputs: Outputs,
    timeline: Timeline,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    shutdown: CancellationToken,
) {
    let flow = Flow::new(&camera.name, outputs, timeline, clock, &metrics);
    let seed = camera.name.bytes().fold(0, |seed: u64, byte| seed.rotate_left(7) ^ u64::from(byte));
    let life = Life {
        camera,
        flow,
        shutdown,
        backoff: Backoff::new(BACKOFF[0], BACKOFF[1], seed),
        audio_failures: 0,
        offline: None,
        warned_of_audio: false,
    };
    life.run().await;
}

struct Life {
    camera: CameraIngest,
    flow: Flow,
    shutdown: CancellationToken,
    backoff: Backoff,
    audio_failures: u32,
    /// What was last told of being offline; `None` at first and while online.
    offline: Option<String>,
    warned_of_audio: bool,
}

impl Life {
    async fn run(mut self) {
        loop {
            let began = Instant::now();
            let Some(end) = survived(self.run_once()).await else {
                return self.flow.disconnected();
            };
            let lasted = began.elapsed();
            let delivered = self.flow.delivered();
            self.tell(&end, delivered);
            if end.then == Then::Stop {
                return;
            }
            if end.then == Then::RetryAudio {
                self.audio_failures += 1;
            }
            if delivered && lasted >= HEALTHY {
                self.backoff.reset();
                self.forgive_audio(end.then, lasted);
            }
            if end.then == Then::Again && delivered && lasted >= BRIEF {
                continue;
            }
            let wait = self.backoff.wait();
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// A session with sound that did not break it forgets those that it broke; after a long one without
    /// it is tried once more.
    fn forgive_audio(&mut self, then: Then, lasted: Duration) {
        let is_well = match self.audio_failures < AUDIO_FAILURES_MAX {
            true => then != Then::RetryAudio,
            false => lasted >= AUDIO_AGAIN,
        };
        if is_well {
            self.audio_failures = 0;
        }
    }

    /// One session. `None`: the host shuts down.
    async fn run_once(&mut self) -> Option<End> {
        let shutdown = self.shutdown.clone();
        match self.camera.origin.clone() {
            Origin::Rtsp(mut origin) => {
                if self.audio_failures >= AUDIO_FAILURES_MAX {
                    origin.audio = Audio::LeaveOut;
                }
                let opened = shutdown.run_until_cancelled(RtspSource::open(&origin)).await?;
                match opened {
                    Ok(source) => self.play_rtsp(source, &origin).await,
                    Err(error) => Some(End::offline(error.to_string())),
                }
            }
            Origin::File(origin) => {
                let opened = shutdown.run_until_cancelled(FileSource::open(&origin)).await?;
                match opened {
                    Ok(source) => self.play_file(source, &origin).await,
                    Err(error) => Some(End::offline(error.chain())),
                }
            }
        }
    }

    async fn play_rtsp(&mut self, source: RtspSource, origin: &RtspOrigin) -> Option<End> {
        if let Some(encoding) = source.audio_left_out().filter(|_| !self.warned_of_audio) {
            let camera = &self.camera.name;
            tracing::warn!(camera, encoding, "audio is left out: only AAC is recorded");
            self.warned_of_audio = true;
        }
        if self.audio_failures == AUDIO_FAILURES_MAX && origin.audio == Audio::LeaveOut {
            tracing::warn!(camera = self.camera.name, "audio is left out: it broke three sessions");
            self.audio_failures += 1;
        }
        self.flow.begin(source.audio_start());
        let stall = Some(self.camera.stall);
        let anchoring = match origin.time {
            TimeFrom::Arrival => Anchoring::Arrival,
            TimeFrom::Camera => Anchoring::Camera,
        };
        self.play(source, anchoring, Pace::Real, stall).await
    }

    async fn play_file(&mut self, source: FileSource, origin: &FileOrigin) -> Option<End> {
        self.flow.begin(AudioStart::Together);
        let start = origin.start.unwrap_or_else(|| self.flow.wall());
        self.play(source, Anchoring::At(start), origin.pace, None).await
    }

    /// Takes in all that `source` has, until its end, until `stall` without video, or until the
    /// host shuts down.
    async fn play<S: Source>(
        &mut self,
        mut source: S,
        anchoring: Anchoring,
        pace: Pace,
        stall: Option<Duration>,
    ) -> Option<End> {
        let shutdown = self.shutdown.clone();
        let mut cancelled = std::pin::pin!(shutdown.cancelled());
        // Looked at now and then, so that no timer is set for every packet.
        let mut looks = tokio::time::interval(stall.map_or(BACKOFF[1], |stall| stall / 20));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_video = Instant::now();
        let end = loop {
            let sample = tokio::select! {
                biased;
                () = &mut cancelled => break None,
                now = looks.tick() => {
                    let silence = now.saturating_duration_since(last_video);
                    match stall {
                        Some(stall) if silence >= stall => break Some(silent(stall)),
                        _ => continue,
                    }
                }
                sample = source.next() => sample,
            };
            let sample = match sample {
                Ok(sample) => sample,
                Err(end) => break Some(end),
            };
            let at = Instant::now();
            if matches!(sample, Sample::Video(_)) {
                last_video = at;
            }
            self.flow.take(sample, at, anchoring);
            self.tell_online();
            if pace == Pace::Fast {
                tokio::select! {
                    biased;
                    () = &mut cancelled => break None,
                    () = self.flow.room() => {}
                }
            }
        };
        source.close().await;
        end
    }

    fn tell_online(&mut self) {
        if let Some(video) = self.flow.came_online() {
            let camera = &self.camera.name;
            let (width, height) = (video.width, video.height);
            tracing::info!(camera, codec = video.rfc6381, width, height, "online");
            self.offline = None;
        }
    }

    /// Says that video ended: to the other stages once for each interruption, to people once for
    /// each reason.
    fn tell(&mut self, end: &End, delivered: bool) {
        self.flow.disconnected();
        let first = self.offline.is_none();
        if delivered || first {
            let detail = end.detail.clone();
            self.flow.send_gap(Item::Gap(Gap { reason: end.reason, detail }));
        }
        if self.offline.as_deref() == Some(&end.detail) {
            return;
        }
        let (camera, detail) = (&self.camera.name, &end.detail);
        match end.then {
            Then::Stop => tracing::info!(camera, detail, "ended"),
            _ => tracing::warn!(camera, reason = end.reason.as_str(), detail, "offline"),
        }
        self.offline = Some(end.detail.clone());
    }
}

/// What `session` gives. A panic in it is a bug, but costs the camera only this session.
async fn survived(session: impl Future<Output = Option<End>>) -> Option<End> {
    match AssertUnwindSafe(session).catch_unwind().await {
        Ok(end) => end,
        Err(_) => Some(End::offline("the host failed on what the camera sent: please report it")),
    }
}

fn silent(stall: Duration) -> End {
    let detail = format!("no video for {} s, though connected", stall.as_secs());
    End { reason: GapReason::Silent, then: Then::Retry, detail }
}
