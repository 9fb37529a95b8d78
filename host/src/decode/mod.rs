//! Packet -> Picture: access units of a camera become pictures in order of time.
//!
//! Takes [`VideoUnit`](crate::ingest::packet::VideoUnit)s in decoding order, gives
//! [`Picture`]s. [`Feed`] is the whole of it for one camera: it chooses which units to decode
//! ([`Thrift`]), opens the decoder and, when that fails, goes on at the next key frame. Decoders are
//! memory-safe Rust, one codec a file, behind [`Decoder`]; a panic in one is an error like any
//! other. Knows nothing of analyzers, WebAssembly or tasks: everything here is synchronous.

mod parameter_sets;
mod reorder;
mod timeline;
mod h264;
mod h265;
pub mod picture;
pub mod thrift;
pub mod feed;
pub mod scale;
mod cut;
mod resample;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::ingest::packet::{Access, Codec, VideoParameters};

pub use feed::Feed;
pub use picture::{Colour, Image, Matrix, Picture};
pub use scale::{Fit, PixelFormat, Request, Scaler};
pub use thrift::{Due, Pace, Thrift};

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The stream uses what the decoder can't do, and will go on doing so.
    #[error(
        "the stream can't be decoded here: {0}; choose H.264 or H.265, progressive, 4:2:0, in the camera's settings"
    )]
    Unsupported(String),
    /// This unit, or what it refers to, is damaged: the decoder is of no use until a key frame.
    #[error("a unit did not decode: {0}; pictures resume at the next key frame")]
    Damaged(String),
}

/// One access unit to decode.
#[derive(Clone, Copy, Debug)]
pub struct EncodedUnit<'a> {
    /// NAL units, each after its length in 4 bytes, big endian. Parameter sets may be among them.
    pub data: &'a [u8],
    /// Presentation time in ticks of 90 kHz.
    pub pts: i64,
    /// What it is.
    pub access: Access,
}

/// A picture that left a decoder.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// As in the unit it was coded in.
    pub pts: i64,
    /// Its samples.
    pub image: Arc<Image>,
}

/// A decoder of one stream, one thread. After an error it is of no further use.
pub trait Decoder: Send {
    /// Decodes a unit and appends the pictures that are now known to be next in presentation
    /// order: none, one, or several; at most 16 pictures (ITU-T H.264 A.3.1) are held back.
    fn decode(
        &mut self,
        unit: EncodedUnit<'_>,
        pictures: &mut Vec<Decoded>,
    ) -> Result<(), DecodeError>;

    /// Appends what is held back. The next unit must be a key frame.
    fn flush(&mut self, pictures: &mut Vec<Decoded>);
}

/// Opens the decoder for a stream.
///
/// Fails with [`DecodeError::Unsupported`] when the parameter sets can't be read or ask for what
/// the decoder can't do.
pub fn open(parameters: &VideoParameters) -> Result<Box<dyn Decoder>, DecodeError> {
    let record = &parameters.decoder_config[..];
    let opened: Result<Box<dyn Decoder>, _> = match parameters.codec {
        Codec::H264 => h264::Decoder::open(record).map(|decoder| Box::new(decoder) as _),
        Codec::H265 => h265::Decoder::open(record).map(|decoder| Box::new(decoder) as _),
    };
    // The same parameters would fail the same way at every key frame.
    opened.map_err(|error| match error {
        DecodeError::Damaged(what) => DecodeError::Unsupported(what),
        unsupported @ DecodeError::Unsupported(_) => unsupported,
    })
}

/// Runs a third-party decoder: cameras choose its input, and a panic must cost only this stream.
fn guarded<T>(step: impl FnOnce() -> Result<T, DecodeError>) -> Result<T, DecodeError> {
    // The decoder may be left inconsistent, which is why it is dropped after every error.
    catch_unwind(AssertUnwindSafe(step))
        .unwrap_or_else(|_| Err(DecodeError::Damaged("the decoder panicked".into())))
}

#[cfg(test)]
mod tests;
