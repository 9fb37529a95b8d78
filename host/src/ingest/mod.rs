//! Camera -> Packet: sessions, their watchdog, access units and the media time line.

pub mod packet;
pub mod mp4;
pub mod access_unit;
pub mod camera;
pub mod source;
pub mod rtsp;
pub mod timeline;
pub mod queue;

pub use packet::{Access, AudioFrame, AudioParameters, Codec, Gap, GapReason, Item, VideoParameters, VideoUnit};
