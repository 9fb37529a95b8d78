//! Writes the head of a whole, progressive file: `ftyp moov`, with full sample tables, and the
//! header of the one `mdat` that follows (ISO/IEC 14496-12).
//!
//! Takes tables whose times and order are decided already, gives bytes. The samples themselves
//! are copied by others.

use bytes::{BufMut as _, Bytes};
use mp4_atom::{
    Co64, Ctts, CttsEntry, Elst, ElstEntry, Ftyp, Mvhd, Smhd, Stco, Stsc, StscEntry, Stss, Stsz,
    StszSamples, Stts, SttsEntry, Tkhd, Vmhd,
};

use super::{atom, data_reference, encode};
use crate::base::Timestamp;
use crate::ingest::packet::VIDEO_TICKS;

/// Seconds from 1904, where MP4 begins to count, to 1970.
const MP4_EPOCH: u64 = 2_082_844_800;

/// One sample of a table. 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Bytes.
    pub size: u32,
    /// Ticks of its track until the next is decoded; at least 1.
    pub duration: u32,
    /// Presentation time less decode time, in the same ticks.
    pub offset: i32,
    /// Decoding can begin here.
    pub key: bool,
}

/// Samples of one track that lie one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Where the first lies, from the start of the `mdat`'s body.
    pub offset: u64,
    /// How many.
    pub samples: u32,
    /// Which of the track's descriptions is theirs, from 0.
    pub description: u32,
}

/// What of a track is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    /// For how long, in ticks of 90 kHz.
    pub duration: u64,
    /// From where, in ticks of the track; `None`: nothing is.
    pub media: Option<u64>,
}

/// One track.
#[derive(Clone, Debug, Default)]
pub struct Track {
    /// Ticks a second.
    pub timescale: u32,
    /// Size of the picture as shown, in pixels; `None`: it is audio.
    pub picture: Option<(u32, u32)>,
    /// Whole sample entries.
    pub descriptions: Vec<Bytes>,
    /// In decoding order.
    pub samples: Vec<Sample>,
    /// In the order of the samples; all are in one.
    pub chunks: Vec<Chunk>,
    /// In the order of showing.
    pub edits: Vec<Edit>,
}

/// What people and players are told of the whole.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// UTC of the first shown picture.
    pub created: Timestamp,
    /// For people.
    pub title: String,
    /// For people.
    pub comment: String,
}

/// `ftyp`, `moov` and the header of an `mdat` with `payload` bytes. Offsets of 64 bits are used
/// where the file needs them.
pub fn head(facts: &Facts, tracks: &[Track], payload: u64) -> Vec<u8> {
    let ftyp = file_type();
    let moov = |wide, data| movie(facts, tracks, wide, data);
    // Its length does not depend on where the data lies, only on how wide offsets are.
    let widest = ftyp.len() + moov(true, 0).len() + 16;
    let wide = widest as u64 + payload > u64::from(u32::MAX);
    let head = if wide { widest } else { ftyp.len() + moov(false, 0).len() + 8 };
    let mut out = ftyp;
    out.extend_from_slice(&moov(wide, head as u64));
    if wide {
        // A size of 1 says that the true one, of 64 bits, follows the type (4.2).
        out.put_u32(1);
        out.put_slice(b"mdat");
        out.put_u64(payload + 16);
    } else {
        out.put_u32(u32::try_from(payload + 8).expect("the whole file fits 32 bits"));
        out.put_slice(b"mdat");
    }
    out
}

fn file_type() -> Vec<u8> {
    let mut out = Vec::new();
    encode(
        &Ftyp {
            major_brand: b"isom".into(),
            minor_version: 512,
            compatible_brands: vec![b"isom".into(), b"iso2".into(), b"mp41".into()],
        },
        &mut out,
    );
    out
}

fn movie(facts: &Facts, tracks: &[Track], wide: bool, data: u64) -> Vec<u8> {
    let created = u64::try_from(facts.created.micros() / 1_000_000).unwrap_or(0) + MP4_EPOCH;
    let mut out = Vec::new();
    atom(&mut out, b"moov", |out| {
        encode(
            &Mvhd {
                creation_time: created,
                modification_time: created,
                timescale: VIDEO_TICKS as u32,
                duration: tracks.iter().map(Track::shown).max().unwrap_or(0),
                rate: 1.into(),
                volume: 1.into(),
                next_track_id: tracks.len() as u32 + 1,
                ..Mvhd::default()
            },
            out,
        );
        for (number, track) in (1..).zip(tracks) {
            atom(out, b"trak", |out| track.write(out, Numbers { number, created, wide, data }));
        }
        user_data(out, facts);
    });
    out
}

/// What a track must know of the file it is in.
#[derive(Clone, Copy)]
struct Numbers {
    number: u32,
    created: u64,
    wide: bool,
    data: u64,
}

impl Track {
    /// How long it is shown, in ticks of 90 kHz.
    fn shown(&self) -> u64 {
        self.edits.iter().map(|edit| edit.duration).sum()
    }

    fn write(&self, out: &mut Vec<u8>, numbers: Numbers) {
        let pixels = |size: u32| u16::try_from(size).unwrap_or(u16::MAX).into();
        let (width, height) = self.picture.unwrap_or_default();
        encode(
            &Tkhd {
                creation_time: numbers.created,
                modification_time: numbers.created,
                track_id: numbers.number,
                duration: self.shown(),
                enabled: true,
                in_movie: true,
                volume: u8::from(self.picture.is_none()).into(),
                width: pixels(width),
                height: pixels(height),
                ..Tkhd::default()
            },
            out,
        );
        let entries = self.edits.iter().map(|edit| ElstEntry {
            segment_duration: edit.duration,
            media_time: edit.media,
            media_rate: 1.into(),
        });
        atom(out, b"edts", |out| encode(&Elst { entries: entries.collect() }, out));
        atom(out, b"mdia", |out| {
            let length = self.samples.iter().map(|sample| u64::from(sample.duration)).sum();
            let kind = if self.picture.is_some() { b"vide" } else { b"soun" };
            super::media_header(out, self.timescale, kind, numbers.created, length);
            atom(out, b"minf", |out| {
                match self.picture {
                    Some(_) => encode(&Vmhd::default(), out),
                    None => encode(&Smhd::default(), out),
                }
                data_reference(out);
                atom(out, b"stbl", |out| self.tables(out, numbers));
            });
        });
    }

    fn tables(&self, out: &mut Vec<u8>, numbers: Numbers) {
        atom(out, b"stsd", |out| {
            out.put_u32(0);
            out.put_u32(self.descriptions.len() as u32);
            self.descriptions.iter().for_each(|entry| out.put_slice(entry));
        });
        let durations = runs(self.samples.iter().map(|sample| sample.duration));
        let stts = |(sample_count, sample_delta)| SttsEntry { sample_count, sample_delta };
        encode(&Stts { entries: durations.into_iter().map(stts).collect() }, out);
        if self.samples.iter().any(|sample| sample.offset != 0) {
            let offsets = runs(self.samples.iter().map(|sample| i64::from(sample.offset)));
            let ctts = |(sample_count, sample_offset)| CttsEntry { sample_count, sample_offset };
            encode(&Ctts { entries: offsets.into_iter().map(ctts).collect() }, out);
        }
        if self.samples.iter().any(|sample| !sample.key) {
            let keys = (1..).zip(&self.samples).filter(|(_, sample)| sample.key);
            encode(&Stss { entries: keys.map(|(number, _)| number).collect() }, out);
        }
        encode(&Stsc { entries: self.sample_to_chunk() }, out);
        let sizes = self.samples.iter().map(|sample| sample.size).collect();
        encode(&Stsz { samples: StszSamples::Different { sizes } }, out);
        let offsets = self.chunks.iter().map(|chunk| numbers.data + chunk.offset);
        if numbers.wide {
            encode(&Co64 { entries: offsets.collect() }, out);
        } else {
            let narrow = |offset| u32::try_from(offset).expect("the whole file fits 32 bits");
            encode(&Stco { entries: offsets.map(narrow).collect() }, out);
        }
    }

    fn sample_to_chunk(&self) -> Vec<StscEntry> {
        let mut entries: Vec<StscEntry> = Vec::new();
        for (number, chunk) in (1..).zip(&self.chunks) {
            let entry = StscEntry {
                first_chunk: number,
                samples_per_chunk: chunk.samples,
                sample_description_index: chunk.description + 1,
            };
            let same = entries.last().is_some_and(|last| {
                (last.samples_per_chunk, last.sample_description_index)
                    == (entry.samples_per_chunk, entry.sample_description_index)
            });
            if !same {
                entries.push(entry);
            }
        }
        entries
    }
}

/// Equal neighbours as one, with their count.
fn runs<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<(u32, T)> {
    let mut found: Vec<(u32, T)> = Vec::new();
    for value in values {
        match found.last_mut() {
            Some((count, last)) if *last == value => *count += 1,
            _ => found.push((1, value)),
        }
    }
    found
}

/// `udta`, in the form that players and ffprobe show: title, date and comment.
fn user_data(out: &mut Vec<u8>, facts: &Facts) {
    let text = |out: &mut Vec<u8>, kind: &[u8; 4], text: &str| {
        atom(out, kind, |out| {
            atom(out, b"data", |out| {
                // UTF-8, of no country.
                out.put_u32(1);
                out.put_u32(0);
                out.put_slice(text.as_bytes());
            });
        });
    };
    atom(out, b"udta", |out| {
        atom(out, b"meta", |out| {
            out.put_u32(0);
            atom(out, b"hdlr", |out| {
                out.put_u64(0);
                out.put_slice(b"mdirappl");
                out.put_slice(&[0; 9]);
            });
            atom(out, b"ilst", |out| {
                text(out, b"\xa9nam", &facts.title);
                text(out, b"\xa9day", &facts.created.civil().to_string());
                text(out, b"\xa9cmt", &facts.comment);
                text(out, b"\xa9too", concat!("wardline ", env!("CARGO_PKG_VERSION")));
            });
        });
    });
}
