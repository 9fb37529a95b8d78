//! What a camera delivers, as the rest of the flow sees it.
//!
//! Knows nothing of RTSP, files or MP4.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use crate::base::Timestamp;

/// The ticks of video presentation times: 90 kHz (RFC 6184, RFC 7798).
pub const VIDEO_TICKS: i64 = 90_000;

/// A video codec that is recorded and analysed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    H265,
}

/// The parameters of coded video, equal as long as one sample entry serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoParameters {
    /// Which codec.
    pub codec: Codec,
    /// Width of the picture as shown, in pixels.
    pub width: u32,
    /// Height of the picture as shown, in pixels.
    pub height: u32,
    /// The `codecs` parameter of RFC 6381, for example `avc1.4d401f`.
    pub rfc6381: String,
    /// A whole sample entry box, `avc1` or `hvc1`; `avc3` or `hev1` where parameter sets alternate
    /// (ISO/IEC 14496-15).
    pub sample_entry: Bytes,
    /// The decoder configuration record inside it: the body of `avcC` or `hvcC`.
    pub decoder_config: Bytes,
}

/// The parameters of coded audio. Only AAC is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioParameters {
    /// The `codecs` parameter of RFC 6381, for example `mp4a.40.2`.
    pub rfc6381: String,
    /// A whole `mp4a` sample entry box.
    pub sample_entry: Bytes,
    /// Ticks a second of audio times: the sampling rate.
    pub clock_rate: u32,
    /// Length of a frame in those ticks: 1024 for AAC-LC.
    pub frame_ticks: u32,
}

/// What can be decoded from a video unit, and who needs it. In the order of coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Random access; nothing after it in decoding order is shown before it (H.264 IDR, H.265
    /// IDR_N_LP and BLA_N_LP, or IDR_W_RADL whose leading pictures decode too).
    Key,
    /// Random access, but pictures that follow it in decoding order and are shown before it may
    /// not decode after a start here (H.264 recovery point, H.265 CRA).
    OpenKey,
    /// Others refer to it.
    Reference,
    /// Nothing refers to it: it may be left out of decoding.
    Disposable,
}

impl Access {
    /// A start of decoding.
    pub fn is_key(self) -> bool {
        matches!(self, Self::Key | Self::OpenKey)
    }
}

/// One video access unit.
#[derive(Clone, Debug)]
pub struct VideoUnit {
    /// The parameters in force. Another value, compared by content, means a new segment.
    pub parameters: Arc<VideoParameters>,
    /// Sessions of this camera are numbered from 0; times are continuous only within one.
    pub session: u64,
    /// Counts steps of the host's clock: order is (epoch, time).
    pub epoch: u32,
    /// Presentation time in ticks of 90 kHz, from any origin, continuous within a session.
    pub pts: i64,
    /// The same moment in UTC.
    pub time: Timestamp,
    /// When its last byte arrived.
    pub arrived: Instant,
    /// What it is.
    pub access: Access,
    /// Packets were lost just before it, so that it or what it refers to may be damaged.
    pub damaged: bool,
    /// NAL units, each after its length in 4 bytes, big endian (ISO/IEC 14496-15).
    pub data: Bytes,
}

/// One audio frame.
#[derive(Clone, Debug)]
pub struct AudioFrame {
    /// The parameters in force.
    pub parameters: Arc<AudioParameters>,
    /// As in [`VideoUnit`].
    pub session: u64,
    /// Time in ticks of `parameters.clock_rate`, from any origin, continuous within a session.
    pub pts: i64,
    /// The same moment in UTC, on the same time line as the video.
    pub time: Timestamp,
    /// Raw frame without ADTS header.
    pub data: Bytes,
}

/// Why video is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapReason {
    /// The camera's session ended or never began.
    Offline,
    /// The camera sent nothing for too long.
    Silent,
    /// The end of a file that is played as a camera.
    Ended,
    /// The recorder could not take more.
    Overload,
    /// The disk could not take more, or refused.
    Disk,
    /// The host was not running.
    Stopped,
    /// It was recorded, and its file is gone or can't be used.
    Lost,
}

impl GapReason {
    /// The word that stands in the index and in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Silent => "silent",
            Self::Ended => "ended",
            Self::Overload => "overload",
            Self::Disk => "disk",
            Self::Stopped => "stopped",
            Self::Lost => "lost",
        }
    }
}

/// An interruption: what comes next does not continue what came before.
#[derive(Clone, Debug)]
pub struct Gap {
    /// Why.
    pub reason: GapReason,
    /// For people: what the camera or the network said.
    pub detail: String,
}

/// What flows out of ingest, in order.
#[derive(Clone, Debug)]
pub enum Item {
    /// A video unit, in decoding order.
    Video(VideoUnit),
    /// An audio frame, in order of time among audio.
    Audio(AudioFrame),
    /// An interruption.
    Gap(Gap),
}
