//! Reads back a segment that may have been cut off anywhere: what is whole, and who wrote it.
//!
//! Takes any `Read + Seek`, gives the whole fragments and the identity. Every length comes from
//! the disk and is checked before use; memory stays below a few MiB whatever the file says.
//! Knows the layout of `FORMAT.md` only: a file of another program has no whole fragment.

use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;

use super::format::{CHECK_BOX, Check, IDENTITY_MAX, IDENTITY_TYPE, Identity, UUID_HEADER, take};
use super::mp4;
use super::run::{Traf, children};

/// The largest `moof` that is read: a fragment has at most a few thousand samples.
pub(super) const MOOF_MAX: u64 = 4 << 20;

/// What is whole in a file.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Who wrote it: from its first whole fragment.
    pub identity: Option<Identity>,
    /// Whole fragments, in order.
    pub fragments: Vec<FragmentInfo>,
    /// Where the last whole fragment ends; where `moov` ends if there is none; else 0.
    pub good_bytes: u64,
    /// It was closed properly: `mfra` stands whole after the last fragment, and ends the file.
    pub complete: bool,
}

impl Scan {
    /// UTC of the end of the last video sample that is whole.
    pub fn end(&self) -> Option<crate::base::Timestamp> {
        let ticks = self.fragments.iter().map(|fragment| fragment.end_ticks).max()?;
        Some(self.identity.as_ref()?.start.offset(super::ticks_to_micros(ticks)))
    }

    /// Where the video of the last fragment ends, in ticks of 90 kHz from the file's start.
    pub(super) fn decoded(&self) -> i64 {
        self.fragments.last().map_or(0, |last| last.start_ticks.saturating_add(last.duration_ticks))
    }

    /// A further whole fragment, which follows what was good so far.
    pub(super) fn add(&mut self, mut fragment: FragmentInfo, identity: Option<Identity>) {
        if fragment.samples == 0 {
            // Sound that came late stands where the video ends.
            fragment.start_ticks = self.decoded();
        }
        self.good_bytes = fragment.offset + fragment.length;
        self.identity = self.identity.take().or(identity);
        self.fragments.push(fragment);
    }
}

/// One whole fragment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentInfo {
    /// Where it begins in the file, with its checksum box.
    pub offset: u64,
    /// Its bytes in all.
    pub length: u64,
    /// Where its `moof` begins.
    pub moof_offset: u64,
    /// Decode time of its first video sample, in ticks of 90 kHz from the file's start; of one that
    /// has audio only, where the video before it ends.
    pub start_ticks: i64,
    /// Sum of the durations of its video samples, in the same ticks.
    pub duration_ticks: i64,
    /// Presentation time of its first video sample, in the same ticks.
    pub first_ticks: i64,
    /// Where the presentation of its last shown picture ends, in the same ticks (estimated: its
    /// length is taken to be that of the picture before it).
    pub end_ticks: i64,
    /// Video samples in it. 0: only audio.
    pub samples: u32,
    /// Its first video sample is a key frame.
    pub key: bool,
    /// Its bytes are not those that were written: only found by
    /// [`salvage`](super::salvage::salvage).
    pub damaged: bool,
}

/// Walks through a segment from its start.
///
/// # Errors
/// Only those of `reader`; what is not as it should be ends the walk, and is no error.
pub fn scan(reader: &mut (impl Read + Seek)) -> io::Result<Scan> {
    let mut found = Scan::default();
    scan_on(reader, &mut found)?;
    Ok(found)
}

/// Walks on where an earlier walk through the same file ended: it has grown meanwhile.
///
/// # Errors
/// As [`scan`].
pub fn scan_on(reader: &mut (impl Read + Seek), found: &mut Scan) -> io::Result<()> {
    let end = reader.seek(SeekFrom::End(0))?;
    if end < found.good_bytes {
        // It was cut meanwhile.
        *found = Scan::default();
    }
    if found.fragments.is_empty() {
        let Some(at) = header(reader, end)? else { return Ok(()) };
        found.good_bytes = at;
    }
    let mut at = found.good_bytes;
    while let Some((fragment, identity)) = fragment_at(reader, at, end)? {
        at += fragment.length;
        found.add(fragment, identity);
    }
    found.complete = is_trailer(reader, at, end)?;
    Ok(())
}

/// CRC-32C of what stands before the fragments; `None` where that is not whole.
///
/// # Errors
/// Only those of `reader`.
pub fn head(reader: &mut (impl Read + Seek)) -> io::Result<Option<u32>> {
    let end = reader.seek(SeekFrom::End(0))?;
    let Some(length) = header(reader, end)? else { return Ok(None) };
    reader.seek(SeekFrom::Start(0))?;
    checksum(reader, length).map(Some)
}

/// Where the first fragment is to begin; `None` where `ftyp` and `moov` do not stand first.
pub(super) fn header(reader: &mut (impl Read + Seek), end: u64) -> io::Result<Option<u64>> {
    let mut at = 0;
    for kind in [b"ftyp", b"moov"] {
        match box_at(reader, at, end)? {
            Some(head) if head.kind == *kind => at += head.size,
            _ => return Ok(None),
        }
    }
    Ok(Some(at))
}

/// `mfra` stands whole at `at` and ends the file.
pub(super) fn is_trailer(reader: &mut (impl Read + Seek), at: u64, end: u64) -> io::Result<bool> {
    let head = box_at(reader, at, end)?;
    Ok(head.is_some_and(|head| head.kind == *b"mfra" && at + head.size == end))
}

/// The `mfra` box that makes a repaired file (cut to [`Scan::good_bytes`]) whole again.
pub fn trailer(fragments: &[FragmentInfo]) -> Bytes {
    let entries: Vec<_> = fragments
        .iter()
        .filter(|fragment| fragment.key)
        .map(|fragment| mp4::Entry {
            ticks: fragment.first_ticks,
            moof_offset: fragment.moof_offset,
            sample: 1,
        })
        .collect();
    mp4::trailer(&entries)
}

/// A box header: the box ends before the file (or before what holds it) does.
pub(super) struct Head {
    pub(super) kind: [u8; 4],
    /// With the header.
    pub(super) size: u64,
}

pub(super) fn box_at(
    reader: &mut (impl Read + Seek),
    at: u64,
    end: u64,
) -> io::Result<Option<Head>> {
    if end.saturating_sub(at) < 8 {
        return Ok(None);
    }
    reader.seek(SeekFrom::Start(at))?;
    let mut bytes = [0; 8];
    reader.read_exact(&mut bytes)?;
    let mut rest = bytes.as_slice();
    let (Some(size), Some(kind)) = (take::<4>(&mut rest), take::<4>(&mut rest)) else {
        return Ok(None);
    };
    // Neither the 64-bit form nor "to the end of the file" is ever written.
    let size = u64::from(u32::from_be_bytes(size));
    Ok((size >= 8 && size <= end - at).then_some(Head { kind, size }))
}

/// The whole fragment that begins at `at`, and the identity where it carries one.
pub(super) fn fragment_at(
    reader: &mut (impl Read + Seek),
    at: u64,
    end: u64,
) -> io::Result<Option<(FragmentInfo, Option<Identity>)>> {
    if end.saturating_sub(at) < CHECK_BOX as u64 {
        return Ok(None);
    }
    let mut bytes = [0; CHECK_BOX];
    reader.seek(SeekFrom::Start(at))?;
    reader.read_exact(&mut bytes)?;
    let Some(check) = Check::decode(&bytes) else { return Ok(None) };
    let body = at + CHECK_BOX as u64;
    let stop = body + u64::from(check.length);
    if stop > end || checksum(reader, u64::from(check.length))? != check.crc {
        return Ok(None);
    }
    let mut fragment = FragmentInfo { offset: at, length: stop - at, ..FragmentInfo::default() };
    let mut identity = None;
    let mut whole = false;
    let mut inner = body;
    while inner < stop {
        let Some(head) = box_at(reader, inner, stop)? else { return Ok(None) };
        match &head.kind {
            b"uuid" if head.size <= IDENTITY_MAX as u64 => {
                identity = identity_in(&read(reader, inner, head.size)?);
            }
            b"moof" if head.size <= MOOF_MAX => {
                fragment.moof_offset = inner;
                whole = samples(&read(reader, inner, head.size)?, &mut fragment).is_some();
            }
            _ => {}
        }
        inner += head.size;
    }
    Ok(whole.then_some((fragment, identity)))
}

/// The identity in a whole `uuid` box, if it is one.
pub(super) fn identity_in(bytes: &[u8]) -> Option<Identity> {
    let kind = bytes.get(8..UUID_HEADER)?;
    if kind == IDENTITY_TYPE { Identity::decode(&bytes[UUID_HEADER..]) } else { None }
}

fn checksum(reader: &mut impl Read, length: u64) -> io::Result<u32> {
    let mut crc = 0;
    let mut buffer = vec![0; 64 << 10];
    let mut left = length;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        reader.read_exact(&mut buffer[..part])?;
        crc = crc32c::crc32c_append(crc, &buffer[..part]);
        left -= part as u64;
    }
    Ok(crc)
}

/// Reads a box whose size was compared with the file's and with a limit.
pub(super) fn read(reader: &mut (impl Read + Seek), at: u64, size: u64) -> io::Result<Vec<u8>> {
    reader.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    reader.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Fills in what the video track's run says (ISO/IEC 14496-12, 8.8.7, 8.8.8, 8.8.12). `None`: it
/// can't be ours.
fn samples(moof: &[u8], into: &mut FragmentInfo) -> Option<()> {
    for (_, traf) in children(moof.get(8..)?).filter(|(kind, _)| kind == b"traf") {
        let traf = Traf::read(traf)?;
        if traf.track == mp4::VIDEO_TRACK {
            into.start_ticks = traf.decode;
            run(traf, into)?;
        }
    }
    Some(())
}

fn run(traf: Traf<'_>, into: &mut FragmentInfo) -> Option<()> {
    let count = traf.count;
    let mut decode = into.start_ticks;
    let (mut last, mut before) = (i64::MIN, i64::MIN);
    let mut length = 0;
    for (index, entry) in traf.entries().enumerate() {
        let entry = entry?;
        let shown = decode.checked_add(i64::from(entry.offset))?;
        if index == 0 {
            into.key = entry.flags? & mp4::NOT_SYNC == 0;
            into.first_ticks = shown;
        }
        if shown > last {
            (before, last) = (last, shown);
        } else {
            before = before.max(shown);
        }
        length = i64::from(entry.duration);
        decode = decode.checked_add(length)?;
    }
    into.samples = count;
    into.duration_ticks = decode - into.start_ticks;
    if count > 0 {
        into.end_ticks = last.checked_add(if count > 1 { last - before } else { length })?;
    }
    Some(())
}
