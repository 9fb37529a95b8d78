//! Reads one key frame of a segment, for a picture of a moment: little of the file, whatever its size.
//!
//! Takes any `Read + Seek`. Every length comes from the disk and is checked before use. Knows the
//! layout of `FORMAT.md` only.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use bytes::Bytes;

use super::mp4::VIDEO_TRACK;
use super::scan::{MOOF_MAX, box_at, read};
use super::tables::{MOOV_MAX, Place, Sample, Track, fragment, tables, track};
use crate::base::limits::UNIT_BYTES;

/// Fragments that are looked at on the way to a key frame: minutes of them.
const FRAGMENTS_MAX: usize = 600;

/// Which key frame is meant by a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pick {
    /// The last one that is shown at or before it; where the file has none, its first.
    Before,
    /// The one that is shown nearest to it.
    Nearest,
}

/// Where a fragment lies, and when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentPlace {
    /// Where it begins in the file.
    pub offset: u64,
    /// Its bytes in all.
    pub length: u64,
    /// Decode time of its first video sample, in ticks of 90 kHz from the file's start.
    pub start_ticks: i64,
}

/// A key frame, and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFrame {
    /// The whole sample entry box that it is decoded with.
    pub sample_entry: Bytes,
    /// Presentation time, in ticks of 90 kHz from the file's start.
    pub shown_ticks: i64,
    offset: u64,
    length: u64,
}

impl KeyFrame {
    /// Its NAL units, each after its length in 4 bytes. `None`: they are not all there.
    ///
    /// # Errors
    /// Only those of `reader`.
    pub fn read(&self, reader: &mut (impl Read + Seek)) -> io::Result<Option<Bytes>> {
        if self.length > UNIT_BYTES as u64 {
            return Ok(None);
        }
        let data = read(reader, self.offset, self.length)?;
        Ok((data.len() as u64 == self.length).then(|| Bytes::from(data)))
    }
}

/// A key frame that was found.
#[derive(Clone, Copy)]
struct Found {
    shown: i64,
    bytes: u64,
    at: u64,
}

/// The key frame of the moment `ticks`, in a file whose fragments are known (in order). `None`:
/// there is none.
///
/// # Errors
/// Only those of `reader`; what is not as it should be is no key frame, and no error.
pub fn key_frame(
    reader: &mut (impl Read + Seek),
    fragments: &[FragmentPlace],
    ticks: i64,
    pick: Pick,
) -> io::Result<Option<KeyFrame>> {
    let Some(video) = header(reader)? else { return Ok(None) };
    // A key frame is decoded before it is shown.
    let begun = fragments.partition_point(|fragment| fragment.start_ticks <= ticks);
    let mut search = Search::new(ticks, pick);
    for place in fragments[..begun].iter().rev().take(FRAGMENTS_MAX) {
        search.add(&keys(reader, &video, place)?);
        if search.before.is_some() {
            break;
        }
    }
    for place in fragments[begun..].iter().take(FRAGMENTS_MAX) {
        if search.before.is_some() && pick == Pick::Before || search.after.is_some() {
            break;
        }
        search.add(&keys(reader, &video, place)?);
    }
    Ok(search.choose(video.sample_entry))
}

/// The same in the first `end` bytes of a file whose fragments are not known, as it is being written.
///
/// # Errors
/// As [`key_frame`].
pub fn key_frame_of_growing(
    reader: &mut (impl Read + Seek),
    end: u64,
    ticks: i64,
    pick: Pick,
) -> io::Result<Option<KeyFrame>> {
    let Some(tables) = tables(reader, end)? else { return Ok(None) };
    let mut search = Search::new(ticks, pick);
    search.add(&found(&tables.video));
    Ok(search.choose(tables.video.sample_entry))
}

struct Search {
    ticks: i64,
    pick: Pick,
    before: Option<Found>,
    after: Option<Found>,
}

impl Search {
    fn new(ticks: i64, pick: Pick) -> Self {
        Self { ticks, pick, before: None, after: None }
    }

    fn add(&mut self, keys: &[Found]) {
        for key in keys {
            if key.shown <= self.ticks {
                if self.before.is_none_or(|before| before.shown < key.shown) {
                    self.before = Some(*key);
                }
            } else if self.after.is_none_or(|after| key.shown < after.shown) {
                self.after = Some(*key);
            }
        }
    }

    fn choose(&self, sample_entry: Bytes) -> Option<KeyFrame> {
        let far = |found: &Found| found.shown.abs_diff(self.ticks);
        let found = match self.pick {
            Pick::Before => self.before.or(self.after),
            Pick::Nearest => self.before.into_iter().chain(self.after).min_by_key(far),
        };
        let Found { shown: shown_ticks, bytes: length, at: offset } = found?;
        Some(KeyFrame { sample_entry, shown_ticks, offset, length })
    }
}

/// The video track, without samples.
fn header(reader: &mut (impl Read + Seek)) -> io::Result<Option<Track>> {
    let end = reader.seek(SeekFrom::End(0))?;
    let Some(first) = box_at(reader, 0, end)?.filter(|head| head.kind == *b"ftyp") else {
        return Ok(None);
    };
    let moov = box_at(reader, first.size, end)?;
    let Some(head) = moov.filter(|head| head.kind == *b"moov" && head.size <= MOOV_MAX) else {
        return Ok(None);
    };
    Ok(track(&read(reader, first.size, head.size)?, VIDEO_TRACK))
}

/// The key frames of a fragment.
fn keys(
    reader: &mut (impl Read + Seek),
    video: &Track,
    place: &FragmentPlace,
) -> io::Result<Vec<Found>> {
    let file = reader.seek(SeekFrom::End(0))?;
    let (mut at, end) = (place.offset, place.offset.saturating_add(place.length).min(file));
    while let Some(head) = box_at(reader, at, end)? {
        let next = at + head.size;
        if &head.kind == b"moof" && head.size <= MOOF_MAX {
            let moof = read(reader, at, head.size)?;
            let mut samples = Track { timescale: video.timescale, ..Track::default() };
            let data: Range<u64> = next..end;
            let whole = fragment(&moof, &Place { moof: at, data }, &mut samples, None);
            return Ok(whole.map_or_else(Vec::new, |()| found(&samples)));
        }
        at = next;
    }
    Ok(Vec::new())
}

fn found(track: &Track) -> Vec<Found> {
    let mut found = Vec::new();
    for run in &track.runs {
        let mut at = run.offset;
        for Sample { shown, size, key, .. } in &track.samples[run.samples.clone()] {
            if *key {
                found.push(Found { shown: *shown, bytes: u64::from(*size), at });
            }
            at = at.saturating_add(u64::from(*size));
        }
    }
    found
}
