//! What a source of video is: a camera or a file, as a session sees it.
//!
//! Knows no queue, no time of day and no reconnecting.

use std::sync::Arc;

use bytes::Bytes;

use super::packet::{AudioParameters, GapReason, VideoParameters};

/// A stream of media from one connection or one opening of a file.
pub trait Source: Send {
    /// The next thing. Waits for it; may be cancelled without loss. After an `Err` it is not
    /// called again.
    fn next(&mut self) -> impl Future<Output = Result<Sample, End>> + Send;

    /// Says goodbye, in bounded time.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// What a source delivers.
#[derive(Debug)]
pub enum Sample {
    /// A video access unit.
    Video(VideoSample),
    /// An audio frame.
    Audio(AudioSample),
    /// The sender's own clock showed `ntp` at a time of one of its streams.
    Report(Report),
}

/// A video access unit as it came.
#[derive(Debug)]
pub struct VideoSample {
    /// Parameters in force.
    pub parameters: Arc<VideoParameters>,
    /// Presentation time, 90 kHz, continuous within this source.
    pub pts: i64,
    /// Packets lost just before, or not understood.
    pub lost: u64,
    /// NAL units, each after its length in 4 bytes.
    pub data: Bytes,
}

/// An audio frame as it came.
#[derive(Debug)]
pub struct AudioSample {
    /// Parameters in force.
    pub parameters: Arc<AudioParameters>,
    /// Time in ticks of the clock rate, continuous within this source.
    pub pts: i64,
    /// Packets lost just before, or not understood.
    pub lost: u64,
    /// Raw frame.
    pub data: Bytes,
}

/// A sender report (RFC 3550, section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Of which stream.
    pub stream: Stream,
    /// Time in that stream's ticks.
    pub pts: i64,
    /// The sender's clock, microseconds since the Unix epoch.
    pub ntp: i64,
}

/// One of a camera's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Video.
    Video,
    /// Audio.
    Audio,
}

/// Why a source ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// For the gap.
    pub reason: GapReason,
    /// What the session does about it.
    pub then: Then,
    /// For people: what was said or seen, without credentials.
    pub detail: String,
}

/// What a session does after the end of its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Tries again after a wait.
    Retry,
    /// Tries again at once: the camera ended the stream in good order.
    Again,
    /// Tries again, and counts a failure of the audio.
    RetryAudio,
    /// Nothing: it is over.
    Stop,
}

impl End {
    /// The connection is gone, or was never made.
    pub fn offline(detail: impl Into<String>) -> Self {
        Self { reason: GapReason::Offline, then: Then::Retry, detail: detail.into() }
    }
}
