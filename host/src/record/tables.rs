//! Reads the sample tables of a segment: which samples there are, where they lie, and when they
//! are decoded and shown. What export stands on.
//!
//! Takes any `Read + Seek`; reads headers and `moof`s, never the video itself. Every length comes
//! from the disk and is checked before use. Knows the layout of `FORMAT.md` only.

use std::io::{self, Read, Seek};
use std::ops::Range;

use bytes::Bytes;

use super::format::{IDENTITY_MAX, Identity};
use super::mp4::{AUDIO_TRACK, NOT_SYNC, VIDEO_TRACK};
use super::run::{Traf, child, children};
use super::scan::{MOOF_MAX, box_at, identity_in, read};

/// The largest `moov` that is read: it holds two sample entries and no samples.
pub(super) const MOOV_MAX: u64 = 1 << 20;

/// One sample. 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Decode time, in ticks of its track from the file's start.
    pub decode: i64,
    /// Presentation time, in the same ticks.
    pub shown: i64,
    /// Ticks until the next is decoded.
    pub duration: u32,
    /// Bytes.
    pub size: u32,
    /// Decoding can begin here.
    pub key: bool,
}

/// Samples that lie one after the other in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where the first lies.
    pub offset: u64,
    /// Which of [`Track::samples`].
    pub samples: Range<usize>,
}

/// One track with its samples in decoding order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Track {
    /// The whole sample entry box.
    pub sample_entry: Bytes,
    /// Ticks a second.
    pub timescale: u32,
    /// Size of the picture as shown, in pixels; 0 for audio.
    pub size: (u32, u32),
    /// In decoding order.
    pub samples: Vec<Sample>,
    /// In the order of the file; all samples are in one.
    pub runs: Vec<Run>,
}

/// What is in a segment.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Who wrote it.
    pub identity: Identity,
    /// Its video; has at least one sample.
    pub video: Track,
    /// Its audio, if there are samples of it.
    pub audio: Option<Track>,
}

/// Reads the tables of the segment in the first `end` bytes. Checksums are not compared: who does
/// not trust the file asks [`scan`](super::scan()) how much of it is whole. `None`: there is no
/// video of ours in it.
///
/// # Errors
/// Only those of `reader`; what is not as it should be ends the reading, and is no error.
pub fn tables(reader: &mut (impl Read + Seek), end: u64) -> io::Result<Option<Tables>> {
    let Some(head) = box_at(reader, 0, end)?.filter(|head| head.kind == *b"ftyp") else {
        return Ok(None);
    };
    let mut at = head.size;
    let moov = box_at(reader, at, end)?;
    let Some(head) = moov.filter(|head| head.kind == *b"moov" && head.size <= MOOV_MAX) else {
        return Ok(None);
    };
    let moov = read(reader, at, head.size)?;
    at += head.size;
    let mut video = track(&moov, VIDEO_TRACK).unwrap_or_default();
    let mut audio = track(&moov, AUDIO_TRACK);
    let mut identity = None;
    while let Some(head) = box_at(reader, at, end)? {
        match &head.kind {
            b"uuid" if identity.is_none() && head.size <= IDENTITY_MAX as u64 => {
                identity = identity_in(&read(reader, at, head.size)?);
            }
            b"moof" if head.size <= MOOF_MAX => {
                let moof = read(reader, at, head.size)?;
                let data = at + head.size;
                let Some(mdat) = box_at(reader, data, end)?.filter(|head| head.kind == *b"mdat")
                else {
                    break;
                };
                let place = Place { moof: at, data: data + 8..data + mdat.size };
                if fragment(&moof, &place, &mut video, audio.as_mut()).is_none() {
                    break;
                }
            }
            b"mfra" => break,
            _ => {}
        }
        at += head.size;
    }
    let audio = audio.filter(|audio| !audio.samples.is_empty());
    Ok(identity.filter(|_| !video.samples.is_empty()).map(|identity| Tables {
        identity,
        video,
        audio,
    }))
}

/// Where a fragment lies in its file.
pub(super) struct Place {
    pub(super) moof: u64,
    /// The body of its `mdat`.
    pub(super) data: Range<u64>,
}

/// The track of that number, without samples.
pub(super) fn track(moov: &[u8], number: u32) -> Option<Track> {
    trak(moov.get(8..)?, number).and_then(|trak| {
        let tkhd = child(trak, b"tkhd")?;
        let size = (long(tkhd, 88)? >> 16, long(tkhd, 92)? >> 16);
        let mdia = child(trak, b"mdia")?;
        let timescale = media_timescale(mdia)?;
        let stsd = child(child(child(mdia, b"minf")?, b"stbl")?, b"stsd")?;
        let entry = stsd.get(8..)?;
        let length = usize::try_from(long(entry, 0)?).ok()?;
        let sample_entry = Bytes::copy_from_slice(entry.get(..length).filter(|_| length >= 16)?);
        (timescale > 0).then_some(Track { sample_entry, timescale, size, ..Track::default() })
    })
}

/// The number of a track, from the body of its `trak`.
pub(super) fn number(trak: &[u8]) -> Option<u32> {
    // Version 1, as it is always written (ISO/IEC 14496-12, 8.3.2).
    let tkhd = child(trak, b"tkhd").filter(|tkhd| tkhd.first() == Some(&1))?;
    long(tkhd, 20)
}

/// Ticks a second of a track, from the body of `moov`. `None`: there is no such track.
pub(super) fn timescale(moov: &[u8], number: u32) -> Option<u32> {
    media_timescale(child(trak(moov, number)?, b"mdia")?).filter(|ticks| *ticks > 0)
}

fn media_timescale(mdia: &[u8]) -> Option<u32> {
    let mdhd = child(mdia, b"mdhd")?;
    long(mdhd, if mdhd.first() == Some(&1) { 20 } else { 12 })
}

fn trak(moov: &[u8], wanted: u32) -> Option<&[u8]> {
    let traks = children(moov).filter(|(kind, _)| kind == b"trak").map(|(_, trak)| trak);
    traks.into_iter().find(|trak| number(trak) == Some(wanted))
}

fn long(from: &[u8], at: usize) -> Option<u32> {
    from.get(at..)?.first_chunk::<4>().map(|word| u32::from_be_bytes(*word))
}

/// Adds the samples of a fragment. `None`: it can't be ours; nothing was added.
pub(super) fn fragment(
    moof: &[u8],
    place: &Place,
    video: &mut Track,
    mut audio: Option<&mut Track>,
) -> Option<()> {
    let mut trafs = Vec::with_capacity(2);
    for (_, body) in children(moof.get(8..)?).filter(|(kind, _)| kind == b"traf") {
        let traf = Traf::read(body)?;
        let (number, offset) = (traf.track, traf.data_offset?);
        let offset = place.moof.checked_add_signed(offset.into())?;
        trafs.push((number, offset, samples(traf, offset, &place.data)?));
    }
    for (number, offset, samples) in trafs.into_iter().filter(|(_, _, found)| !found.is_empty()) {
        let track = match (number, &mut audio) {
            (VIDEO_TRACK, _) => &mut *video,
            (AUDIO_TRACK, Some(audio)) => &mut **audio,
            _ => continue,
        };
        let first = track.samples.len();
        track.samples.extend(samples);
        track.runs.push(Run { offset, samples: first..track.samples.len() });
    }
    Some(())
}

/// The samples of a run that begins at `offset` and must lie within `data`.
fn samples(traf: Traf<'_>, offset: u64, data: &Range<u64>) -> Option<Vec<Sample>> {
    let (mut decode, mut at) = (traf.decode, offset);
    let mut found = Vec::new();
    for entry in traf.entries() {
        let entry = entry?;
        let size = entry.size?;
        found.push(Sample {
            decode,
            shown: decode.checked_add(entry.offset.into())?,
            duration: entry.duration,
            size,
            key: entry.flags.is_none_or(|flags| flags & NOT_SYNC == 0),
        });
        decode = decode.checked_add(entry.duration.into())?;
        at = at.checked_add(size.into())?;
    }
    (data.start <= offset && at <= data.end).then_some(found)
}
