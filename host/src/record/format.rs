//! What Wardline adds to an MP4 file: who wrote it, and a checksum a fragment. See `FORMAT.md`.
//!
//! Bytes in, bytes out; knows no MP4 library, no file and no index.

use bytes::{BufMut, Bytes};

use crate::base::Timestamp;

/// The extended type of the box that carries an [`Identity`].
pub const IDENTITY_TYPE: [u8; 16] = [
    0x8e, 0x1d, 0x0c, 0x52, 0x5b, 0x9a, 0x4f, 0x0e, 0x9c, 0x61, 0x57, 0x4c, 0x49, 0x44, 0x30, 0x31,
];

/// The extended type of the box that opens each fragment with its length and checksum.
pub const CHECK_TYPE: [u8; 16] = [
    0x3f, 0x6b, 0x77, 0xc4, 0x20, 0xd1, 0x4b, 0x8a, 0xa5, 0x0f, 0x57, 0x4c, 0x43, 0x52, 0x30, 0x31,
];

/// Bytes of the box header of a `uuid` box (ISO/IEC 14496-12, 4.2).
pub(super) const UUID_HEADER: usize = 24;

/// Bytes of the whole checksum box.
pub(super) const CHECK_BOX: usize = UUID_HEADER + 12;

/// No identity is larger than this. Names of cameras are path parts, codecs are short.
pub(super) const IDENTITY_MAX: usize = 2048;

const VERSION: u8 = 1;

const CONTINUOUS: u8 = 1;
const FAIL_OPEN: u8 = 2;
const LEADING: u8 = 4;
const NO_KEY_START: u8 = 8;
const HAS_PREVIOUS: u8 = 16;
const HAS_AUDIO: u8 = 32;

/// Who wrote a file, and where it belongs: enough to index it without anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The store, as its marker file names it.
    pub store: [u8; 16],
    /// The camera's name.
    pub camera: String,
    /// Counts steps of the host's clock.
    pub epoch: u32,
    /// As in [`SegmentStart`](super::SegmentStart).
    pub sequence: u64,
    /// Sequence of the file written before this one by the same recorder.
    pub previous: Option<u64>,
    /// UTC of decode time 0.
    pub start: Timestamp,
    /// RFC 6381 name of the video codec.
    pub video: String,
    /// RFC 6381 name of the audio codec.
    pub audio: Option<String>,
    /// Width of the picture as shown, in pixels.
    pub width: u32,
    /// Height of the picture as shown, in pixels.
    pub height: u32,
    /// As in [`SegmentStart`](super::SegmentStart).
    pub continuous: bool,
    /// As in [`SegmentStart`](super::SegmentStart).
    pub fail_open: bool,
    /// As in [`SegmentStart`](super::SegmentStart).
    pub leading: bool,
    /// As in [`SegmentStart`](super::SegmentStart).
    pub no_key_start: bool,
}

impl Identity {
    /// The body of the box, after its extended type.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        out.put_u8(VERSION);
        out.put_u8(
            flag(self.continuous, CONTINUOUS)
                | flag(self.fail_open, FAIL_OPEN)
                | flag(self.leading, LEADING)
                | flag(self.no_key_start, NO_KEY_START)
                | flag(self.previous.is_some(), HAS_PREVIOUS)
                | flag(self.audio.is_some(), HAS_AUDIO),
        );
        out.put_u16(0);
        out.put_slice(&self.store);
        out.put_u32(self.epoch);
        out.put_u64(self.sequence);
        out.put_u64(self.previous.unwrap_or(0));
        out.put_i64(self.start.micros());
        out.put_u32(self.width);
        out.put_u32(self.height);
        put_text(out, &self.camera);
        put_text(out, &self.video);
        put_text(out, self.audio.as_deref().unwrap_or_default());
    }

    /// Reads what [`encode`](Self::encode) wrote. `None`: not written by this or an older version.
    pub(super) fn decode(mut body: &[u8]) -> Option<Self> {
        let body = &mut body;
        let [version, flags, _, _] = take::<4>(body)?;
        if version != VERSION {
            return None;
        }
        let store = take::<16>(body)?;
        let epoch = u32::from_be_bytes(take(body)?);
        let sequence = u64::from_be_bytes(take(body)?);
        let previous = u64::from_be_bytes(take(body)?);
        let start = Timestamp::from_micros(i64::from_be_bytes(take(body)?));
        let width = u32::from_be_bytes(take(body)?);
        let height = u32::from_be_bytes(take(body)?);
        let camera = take_text(body)?;
        let video = take_text(body)?;
        let audio = take_text(body)?;
        Some(Self {
            store,
            camera,
            epoch,
            sequence,
            previous: (flags & HAS_PREVIOUS != 0).then_some(previous),
            start,
            video,
            audio: (flags & HAS_AUDIO != 0).then_some(audio),
            width,
            height,
            continuous: flags & CONTINUOUS != 0,
            fail_open: flags & FAIL_OPEN != 0,
            leading: flags & LEADING != 0,
            no_key_start: flags & NO_KEY_START != 0,
        })
    }
}

/// Opens a fragment: room for the checksum box, filled in by [`seal`].
pub(super) fn reserve(out: &mut Vec<u8>) {
    debug_assert!(out.is_empty(), "the checksum box stands first");
    out.put_u32(CHECK_BOX as u32);
    out.put_slice(b"uuid");
    out.put_slice(&CHECK_TYPE);
    out.put_u32(u32::from(VERSION) << 24);
    out.put_u64(0);
}

/// Closes a fragment: writes length and checksum of all that follows the checksum box.
pub(super) fn seal(mut fragment: Vec<u8>) -> Bytes {
    let (head, body) = fragment.split_at_mut(CHECK_BOX);
    let length = u32::try_from(body.len()).expect("a fragment is far below 4 GiB");
    head[UUID_HEADER + 4..UUID_HEADER + 8].copy_from_slice(&length.to_be_bytes());
    head[UUID_HEADER + 8..].copy_from_slice(&crc32c::crc32c(body).to_be_bytes());
    Bytes::from(fragment)
}

/// The content of a checksum box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Check {
    /// Bytes that it covers, directly after it.
    pub(super) length: u32,
    /// CRC-32C (RFC 3720, 12.1) of them.
    pub(super) crc: u32,
}

impl Check {
    /// Reads a whole checksum box.
    pub(super) fn decode(bytes: &[u8; CHECK_BOX]) -> Option<Self> {
        let mut rest = bytes.as_slice();
        let size = u32::from_be_bytes(take(&mut rest)?);
        let kind = take::<4>(&mut rest)?;
        let extended = take::<16>(&mut rest)?;
        let [version, ..] = take::<4>(&mut rest)?;
        let known = size as usize == CHECK_BOX
            && kind == *b"uuid"
            && extended == CHECK_TYPE
            && version == VERSION;
        known.then_some(())?;
        Some(Self {
            length: u32::from_be_bytes(take(&mut rest)?),
            crc: u32::from_be_bytes(take(&mut rest)?),
        })
    }
}

/// Takes the first bytes off, where there are so many.
pub(super) fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = from.split_first_chunk::<N>()?;
    *from = rest;
    Some(*head)
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut end = text.len().min(255);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    out.put_u8(end as u8);
    out.put_slice(&text.as_bytes()[..end]);
}

fn take_text(from: &mut &[u8]) -> Option<String> {
    let [length] = take::<1>(from)?;
    let (text, rest) = from.split_at_checked(usize::from(length))?;
    *from = rest;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_comes_back() {
        let identity = Identity {
            store: [7; 16],
            camera: "gate".into(),
            epoch: 3,
            sequence: 1 << 40,
            previous: Some(17),
            start: Timestamp::from_micros(1_763_800_000_123_456),
            video: "avc1.4d401f".into(),
            audio: None,
            width: 1920,
            height: 1080,
            continuous: true,
            fail_open: false,
            leading: true,
            no_key_start: false,
        };
        let mut bytes = Vec::new();
        identity.encode(&mut bytes);
        assert_eq!(Identity::decode(&bytes), Some(identity));
        for cut in 0..bytes.len() {
            assert_eq!(Identity::decode(&bytes[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn long_text_is_cut_between_letters() {
        let mut out = Vec::new();
        put_text(&mut out, &"ü".repeat(200));
        assert_eq!(take_text(&mut out.as_slice()), Some("ü".repeat(127)));
    }
}
