//! Camera -> Packet: sessions, their watchdog, access units and the media time line.

pub mod packet;
pub mod mp4;

pub use packet::{Access, AudioFrame, AudioParameters, Codec, Gap, GapReason, Item, VideoParameters, VideoUnit};
