//! Camera -> Item: sessions, their watchdog, access units and the media time line.
//!
//! Takes a [`camera::CameraIngest`]; gives [`Item`]s on the bounded edges of `queue`, and through
//! `tap` to those who look at what comes now. `session` is
//! the life of one camera around a `source` (`rtsp` or `file`, which stands on `mp4`);
//! `access_unit`, `audio_line` and `timeline` decide, and are pure. `probe` tries a camera once.
//! Knows no recorder, no decoder and no configuration.

pub mod packet;
pub mod mp4;
pub mod access_unit;
pub mod camera;
pub mod source;
mod leaps;
pub mod audio_line;
mod parameter_sets;
pub mod rtsp;
pub mod file;
pub mod timeline;
pub mod queue;
pub mod tap;
pub mod session;
pub mod probe;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

pub use packet::{
    Access, AudioFrame, AudioParameters, Codec, Gap, GapReason, Item, VideoParameters, VideoUnit,
};
