//! A stretch of a segment as it is sent to players: the samples as they lie in the file, at decode
//! times that count from 1970 instead of from the file's start. So files that follow one another are
//! one time line, whoever asks for whichever part of it. What only we read is left out.
//!
//! Takes any `Read + Seek`, gives which bytes to send: few that are made anew, and ranges of the file.
//! Every length comes from the disk and is checked before use. Knows the layout of `FORMAT.md` only.

use std::io::{self, Read, Seek};
use std::ops::Range;

use bytes::{BufMut, Bytes};

use super::format::take;
use super::mp4::{AUDIO_TRACK, VIDEO_TRACK};
use super::run::{Entry, Traf, children};
use super::scale;
use super::scan::{MOOF_MAX, box_at, read};
use super::tables::{MOOV_MAX, timescale};
use crate::base::Timestamp;
use crate::ingest::packet::VIDEO_TICKS;

/// Fragments of a file have numbers of their own: so many go before those of the next file begin.
const NUMBERS: u32 = 1 << 12;

/// The head of a file: what a player needs before any of its fragments.
#[derive(Clone, Debug)]
pub struct Head {
    /// `ftyp` and `moov`, as they lie in the file.
    pub bytes: Bytes,
    /// Samples a second of its audio, if it has any.
    audio_rate: Option<u32>,
}

/// Which file a fragment is of.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// UTC of decode time 0.
    pub start: Timestamp,
    /// Its sequence.
    pub sequence: u64,
}

/// Bytes to be sent, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// These.
    Made(Bytes),
    /// Those in the file.
    Copied(Range<u64>),
}

impl Part {
    /// How many they are.
    pub fn length(&self) -> u64 {
        match self {
            Self::Made(bytes) => bytes.len() as u64,
            Self::Copied(range) => range.end - range.start,
        }
    }
}

impl Head {
    /// Reads it from a file of `end` bytes. `None`: it is not there (yet).
    ///
    /// # Errors
    /// Only those of `reader`.
    pub fn read(reader: &mut (impl Read + Seek), end: u64) -> io::Result<Option<Self>> {
        let mut at = 0;
        for kind in [b"ftyp", b"moov"] {
            let Some(head) = box_at(reader, at, end)?.filter(|head| head.kind == *kind) else {
                return Ok(None);
            };
            at += head.size;
            if at > MOOV_MAX {
                return Ok(None);
            }
        }
        let bytes = Bytes::from(read(reader, 0, at)?);
        let moov = top(&bytes, b"moov").unwrap_or_default();
        let audio_rate = timescale(moov, AUDIO_TRACK);
        Ok(Some(Self { bytes, audio_rate }))
    }

    /// The same for a player that gets key frames only: without the sound. `None`: it can't be ours.
    pub fn silent(&self) -> Option<Bytes> {
        let moov = top(&self.bytes, b"moov")?;
        let file_type = self.bytes.len().checked_sub(moov.len() + 8)?;
        let mut out = self.bytes[..file_type].to_vec();
        let is_sound = |kind: &[u8; 4], body: &[u8]| match kind {
            b"trak" => super::tables::number(body) == Some(AUDIO_TRACK),
            b"trex" => body.get(4..8) == Some(&AUDIO_TRACK.to_be_bytes()),
            _ => false,
        };
        boxed(&mut out, b"moov", |out| {
            for (kind, body) in children(moov).filter(|(kind, body)| !is_sound(kind, body)) {
                boxed(out, &kind, |out| match &kind {
                    b"mvex" => {
                        let kept = children(body).filter(|(kind, body)| !is_sound(kind, body));
                        kept.for_each(|(kind, body)| boxed(out, &kind, |out| out.put_slice(body)));
                    }
                    _ => out.put_slice(body),
                });
            }
        });
        Some(out.into())
    }

    /// The fragments that lie in `range`, from the start of one to the end of another. `None`: that is
    /// not what lies there.
    ///
    /// # Errors
    /// Only those of `reader`.
    pub fn passage(
        &self,
        reader: &mut (impl Read + Seek),
        range: Range<u64>,
        origin: Origin,
    ) -> io::Result<Option<Vec<Part>>> {
        let mut parts = Vec::new();
        let mut at = range.start;
        let mut data_must_follow = false;
        while at < range.end {
            let Some(head) = box_at(reader, at, range.end)? else { return Ok(None) };
            match &head.kind {
                b"moof" if head.size <= MOOF_MAX && !data_must_follow => {
                    let mut moof = read(reader, at, head.size)?;
                    if self.shift(&mut moof, origin).is_none() {
                        return Ok(None);
                    }
                    parts.push(Part::Made(moof.into()));
                    data_must_follow = true;
                }
                b"mdat" if data_must_follow => {
                    parts.push(Part::Copied(at..at + head.size));
                    data_must_follow = false;
                }
                b"uuid" | b"prft" if !data_must_follow => {}
                _ => return Ok(None),
            }
            at += head.size;
        }
        Ok((!parts.is_empty() && !data_must_follow).then_some(parts))
    }

    /// The first picture of the fragment in the bytes from `range.start` on, shown for `duration` ticks of 90 kHz:
    /// a fragment of its own, without sound. `None`: that is not what lies there.
    ///
    /// # Errors
    /// Only those of `reader`.
    pub fn still(
        &self,
        reader: &mut (impl Read + Seek),
        range: Range<u64>,
        duration: u32,
        origin: Origin,
    ) -> io::Result<Option<[Part; 2]>> {
        let end = range.end;
        let Some((at, moof)) = next_moof(reader, range.start, end)? else { return Ok(None) };
        let data = at + moof.len() as u64;
        let Some(mdat) = box_at(reader, data, end)?.filter(|head| head.kind == *b"mdat") else {
            return Ok(None);
        };
        Ok(still(&moof, duration, origin).and_then(|(made, offset, size)| {
            let start = at.checked_add_signed(offset.into())?;
            let sample = start..start.checked_add(size.into())?;
            let inside = data + 8 <= sample.start && sample.end <= data + mdat.size;
            inside.then_some([Part::Made(made), Part::Copied(sample)])
        }))
    }

    /// Moves the times in a `moof` to where they are counted from 1970. `None`: it can't be ours.
    fn shift(&self, moof: &mut [u8], origin: Origin) -> Option<()> {
        let mut at = 8;
        while at < moof.len() {
            let (kind, body) = place(moof, at)?;
            match &kind {
                b"mfhd" => {
                    let number = moof.get_mut(body.clone())?.get_mut(4..8)?;
                    let own = u32::from_be_bytes(number.try_into().ok()?);
                    number.copy_from_slice(&numbered(origin, own).to_be_bytes());
                }
                b"traf" => self.shift_track(moof.get_mut(body.clone())?, origin)?,
                _ => {}
            }
            at = body.end;
        }
        Some(())
    }

    fn shift_track(&self, traf: &mut [u8], origin: Origin) -> Option<()> {
        let read = Traf::read(traf)?;
        let rate = match read.track {
            VIDEO_TRACK => VIDEO_TICKS,
            AUDIO_TRACK => self.audio_rate?.into(),
            _ => return None,
        };
        let decode = read.decode.checked_add(since_1970(origin, rate))?;
        let mut at = 0;
        while at < traf.len() {
            let (kind, body) = place(traf, at)?;
            if &kind == b"tfdt" {
                let tfdt = traf.get_mut(body.clone())?;
                // Version 1, with 64 bits, is what is always written.
                (tfdt.first() == Some(&1)).then_some(())?;
                tfdt.get_mut(4..12)?.copy_from_slice(&decode.to_be_bytes());
            }
            at = body.end;
        }
        Some(())
    }
}

/// How much later than decoded the first picture of the fragment at `at` is shown, in ticks of 90 kHz.
/// `None`: that is not what lies there.
///
/// # Errors
/// Only those of `reader`.
pub fn delay(reader: &mut (impl Read + Seek), at: u64, end: u64) -> io::Result<Option<i64>> {
    let Some((_, moof)) = next_moof(reader, at, end)? else { return Ok(None) };
    let first = video(&moof).and_then(|traf| traf.entries().next()?);
    Ok(first.map(|entry| entry.offset.into()))
}

/// Where the next `moof` lies, and its bytes.
fn next_moof(
    reader: &mut (impl Read + Seek),
    mut at: u64,
    end: u64,
) -> io::Result<Option<(u64, Vec<u8>)>> {
    while let Some(head) = box_at(reader, at, end)? {
        match &head.kind {
            b"uuid" | b"prft" => at += head.size,
            b"moof" if head.size <= MOOF_MAX => {
                return Ok(Some((at, read(reader, at, head.size)?)));
            }
            _ => break,
        }
    }
    Ok(None)
}

/// The run of the video in a `moof`.
fn video(moof: &[u8]) -> Option<Traf<'_>> {
    let trafs = children(moof.get(8..)?).filter(|(kind, _)| kind == b"traf");
    trafs.filter_map(|(_, body)| Traf::read(body)).find(|traf| traf.track == VIDEO_TRACK)
}

/// Decode time 0 of a file in ticks since 1970.
fn since_1970(origin: Origin, rate: i64) -> i64 {
    scale(origin.start.micros(), rate, 1_000_000)
}

/// Numbers that increase from fragment to fragment and from file to file; they may begin anew.
fn numbered(origin: Origin, own: u32) -> u32 {
    (origin.sequence as u32).wrapping_mul(NUMBERS).wrapping_add(own)
}

/// A `moof` with the first picture of another, and the header of its `mdat`; where the picture lies,
/// from the start of the other one, and its size.
fn still(moof: &[u8], duration: u32, origin: Origin) -> Option<(Bytes, i32, u32)> {
    let traf = video(moof)?;
    let (offset, decode) = (traf.data_offset?, traf.decode);
    let Entry { size, flags, offset: later, .. } = traf.entries().next()??;
    let (size, flags) = (size?, flags?);
    // It is decoded when it is shown: nothing comes between.
    let shown = decode.checked_add(later.into())?.checked_add(since_1970(origin, VIDEO_TICKS))?;
    let own = children(moof.get(8..)?).find(|(kind, _)| kind == b"mfhd")?.1;
    let own = u32::from_be_bytes(*own.get(4..)?.first_chunk()?);
    let mut out = Vec::with_capacity(128);
    let mut data_offset = 0;
    boxed(&mut out, b"moof", |out| {
        boxed(out, b"mfhd", |out| {
            out.put_u32(0);
            out.put_u32(numbered(origin, own));
        });
        boxed(out, b"traf", |out| {
            boxed(out, b"tfhd", |out| {
                // Offsets count from the `moof`.
                out.put_u32(0x02_0000);
                out.put_u32(VIDEO_TRACK);
            });
            boxed(out, b"tfdt", |out| {
                out.put_u32(1 << 24);
                out.put_i64(shown);
            });
            boxed(out, b"trun", |out| {
                // One sample: where it lies, how long it is shown, its size and flags.
                out.put_u32(1 << 24 | 0x701);
                out.put_u32(1);
                data_offset = out.len();
                out.put_u32(0);
                out.put_u32(duration);
                out.put_u32(size);
                out.put_u32(flags);
            });
        });
    });
    let data = u32::try_from(out.len()).ok()?.checked_add(8)?;
    out.get_mut(data_offset..data_offset + 4)?.copy_from_slice(&data.to_be_bytes());
    out.put_u32(size.checked_add(8)?);
    out.put_slice(b"mdat");
    Some((out.into(), offset, size))
}

/// The body of the first box of a kind.
fn top<'b>(bytes: &'b [u8], wanted: &[u8; 4]) -> Option<&'b [u8]> {
    super::run::child(bytes, wanted)
}

/// The kind of the box at `at`, and where its body lies.
fn place(bytes: &[u8], at: usize) -> Option<([u8; 4], Range<usize>)> {
    let mut rest = bytes.get(at..)?;
    let size = u32::from_be_bytes(take(&mut rest)?) as usize;
    let kind = take(&mut rest)?;
    let end = at.checked_add(size)?;
    (size >= 8 && end <= bytes.len()).then_some((kind, at + 8..end))
}

/// A box with a body of a few KiB.
fn boxed(out: &mut Vec<u8>, kind: &[u8; 4], body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.put_u32(0);
    out.put_slice(kind);
    body(out);
    let size = u32::try_from(out.len() - start).expect("made of parts below 4 GiB");
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
}
