//! Reads one `traf` of ours (ISO/IEC 14496-12, 8.8.6): whose samples they are, when, how large.
//!
//! Bytes in, numbers out. Every count and size comes from a disk and is checked before use.

use super::format::take;

/// The run of one track in a fragment, read as far as its first sample.
pub(super) struct Traf<'b> {
    /// The track's number.
    pub(super) track: u32,
    /// Decode time of its first sample, in ticks of the track.
    pub(super) decode: i64,
    /// Where its first sample lies, in bytes from the start of the `moof`.
    pub(super) data_offset: Option<i32>,
    /// How many samples it says it has.
    pub(super) count: u32,
    present: u32,
    first_flags: Option<u32>,
    rest: &'b [u8],
}

/// One sample as the run tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Ticks of its track until the next is decoded.
    pub(super) duration: u32,
    /// Bytes.
    pub(super) size: Option<u32>,
    /// Sample flags (8.8.3.1).
    pub(super) flags: Option<u32>,
    /// Presentation time less decode time.
    pub(super) offset: i32,
}

/// The boxes directly inside `body`, up to the first that is not whole.
pub(super) fn children(mut body: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let size = u32::from_be_bytes(*body.first_chunk::<4>()?) as usize;
        let kind = *body.get(4..)?.first_chunk::<4>()?;
        let (this, rest) = body.split_at_checked(size)?;
        body = rest;
        Some((kind, this.get(8..)?))
    })
}

/// The first box of a kind directly inside `body`.
pub(super) fn child<'b>(body: &'b [u8], wanted: &[u8; 4]) -> Option<&'b [u8]> {
    children(body).find(|(kind, _)| kind == wanted).map(|(_, body)| body)
}

fn word(from: &mut &[u8]) -> Option<u32> {
    take::<4>(from).map(u32::from_be_bytes)
}

impl<'b> Traf<'b> {
    /// Reads `tfhd`, `tfdt` and the head of `trun`. `None`: it can't be ours.
    pub(super) fn read(traf: &'b [u8]) -> Option<Self> {
        let track = u32::from_be_bytes(*child(traf, b"tfhd")?.get(4..)?.first_chunk()?);
        let mut tfdt = child(traf, b"tfdt")?;
        take::<4>(&mut tfdt)?;
        let decode = i64::try_from(u64::from_be_bytes(take(&mut tfdt)?)).ok()?;
        let mut rest = child(traf, b"trun")?;
        let present = word(&mut rest)?;
        let count = word(&mut rest)?;
        let mut optional =
            |bit: u32| if present & bit == 0 { Some(None) } else { word(&mut rest).map(Some) };
        let data_offset = optional(0x1)?.map(u32::cast_signed);
        let first_flags = optional(0x4)?;
        Some(Self { track, decode, data_offset, count, present, first_flags, rest })
    }

    /// Its samples. `None` in place of one: it ends too early. Durations are always given, so that
    /// no count makes more samples than there are bytes.
    pub(super) fn entries(self) -> impl Iterator<Item = Option<Entry>> + use<'b> {
        let Self { count, present, mut first_flags, mut rest, .. } = self;
        (0..count).map(move |_| {
            let mut optional =
                |bit: u32| if present & bit == 0 { Some(None) } else { word(&mut rest).map(Some) };
            let duration = optional(0x100)??;
            let size = optional(0x200)?;
            let flags = optional(0x400)?;
            let offset = optional(0x800)?.unwrap_or(0).cast_signed();
            Some(Entry { duration, size, flags: first_flags.take().or(flags), offset })
        })
    }
}
