//! Cameras that alternate between parameter sets.
//!
//! A file has one sample entry, so other parameters mean another file. That is right for a camera
//! that was set anew, and wrong for one that goes to and fro with every group of pictures. Once it
//! has, all sets are collected in one sample entry of the kind whose samples may hold sets too
//! (`avc3`, `hev1`; ISO/IEC 14496-15, 5.4.2.1 and 8.4.1.1.2), and each key frame carries those that
//! it needs: decoders find them wherever they start, also where two sets have the same number.
//! Pure. Knows no queue.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::packet::{Codec, VideoParameters};

/// So often may a camera return to parameters that it had before.
const RETURNS_MAX: u32 = 3;

/// So many different parameters are collected; the rest travels with the key frames only.
const KNOWN_MAX: usize = 16;

/// Bytes of a visual sample entry before the boxes in it (ISO/IEC 14496-12, 12.1.3).
const ENTRY_HEADER: usize = 8 + 78;

/// What is known of one camera's parameters.
#[derive(Debug, Default)]
pub(super) struct ParameterSets {
    /// As the camera sent them, the first ones first; all of one form.
    known: Vec<Arc<VideoParameters>>,
    current: Option<Arc<VideoParameters>>,
    returns: u32,
    collected: Option<Arc<VideoParameters>>,
    /// The next unit has to carry the sets in force.
    due: bool,
}

impl ParameterSets {
    /// The parameters that a unit is to have, and its data.
    pub(super) fn apply(
        &mut self,
        sent: &Arc<VideoParameters>,
        is_key: bool,
        data: Bytes,
    ) -> (Arc<VideoParameters>, Bytes) {
        if self.current.as_ref().is_none_or(|current| current != sent) {
            self.change(sent);
        }
        let Some(collected) = &self.collected else { return (sent.clone(), data) };
        if !is_key && !self.due {
            return (collected.clone(), data);
        }
        self.due = false;
        let sets = sets(sent.codec, &sent.decoder_config).unwrap_or_default();
        let mut out = BytesMut::with_capacity(data.len() + sent.decoder_config.len() + 64);
        for set in sets {
            out.put_u32(u32::try_from(set.len()).unwrap_or(0));
            out.put_slice(set);
        }
        out.put_slice(&data);
        (collected.clone(), out.freeze())
    }

    fn change(&mut self, sent: &Arc<VideoParameters>) {
        let form = |of: &VideoParameters| (of.codec, of.width, of.height);
        if self.current.as_ref().is_some_and(|current| form(current) != form(sent)) {
            *self = Self::default();
        }
        self.current = Some(sent.clone());
        self.due = true;
        if self.known.contains(sent) {
            self.returns += 1;
        } else if self.known.len() < KNOWN_MAX {
            self.known.push(sent.clone());
        }
        let often = self.returns > RETURNS_MAX || self.known.len() == KNOWN_MAX;
        if often && self.collected.is_none() {
            self.collected = collect(&self.known).map(Arc::new);
        }
    }
}

impl VideoParameters {
    /// The camera alternates between several, and these are all of them.
    pub fn is_collected(&self) -> bool {
        matches!(self.sample_entry.get(4..8), Some(b"avc3" | b"hev1"))
    }
}

/// All of them as one. `None`: they are not what they should be.
fn collect(known: &[Arc<VideoParameters>]) -> Option<VideoParameters> {
    let first = known.first()?;
    let mut all: Vec<&[u8]> = Vec::new();
    for parameters in known {
        for set in sets(parameters.codec, &parameters.decoder_config)? {
            if !all.contains(&set) {
                all.push(set);
            }
        }
    }
    let config = with_sets(first.codec, &first.decoder_config, &all)?;
    let entry = with_config(first.codec, &first.sample_entry, &config)?;
    let kind = first.rfc6381.split_once('.').map_or("", |(_, rest)| rest);
    let name = match first.codec {
        Codec::H264 => "avc3",
        Codec::H265 => "hev1",
    };
    Some(VideoParameters {
        rfc6381: format!("{name}.{kind}"),
        sample_entry: entry,
        decoder_config: config,
        ..VideoParameters::clone(first)
    })
}

/// The parameter sets in a decoder configuration record, in its order.
fn sets(codec: Codec, config: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    let mut rest = config;
    match codec {
        Codec::H264 => {
            rest = rest.get(5..)?;
            for mask in [0x1f, 0xff] {
                let (count, after) = rest.split_first()?;
                rest = after;
                for _ in 0..count & mask {
                    found.push(take_set(&mut rest)?);
                }
            }
        }
        Codec::H265 => {
            let (arrays, after) = rest.get(22..)?.split_first()?;
            rest = after;
            for _ in 0..*arrays {
                rest = rest.get(1..)?;
                for _ in 0..take_length(&mut rest)? {
                    found.push(take_set(&mut rest)?);
                }
            }
        }
    }
    Some(found)
}

fn take_length(from: &mut &[u8]) -> Option<usize> {
    let (length, rest) = from.split_first_chunk::<2>()?;
    *from = rest;
    Some(usize::from(u16::from_be_bytes(*length)))
}

fn take_set<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_length(from)?;
    let (set, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(set)
}

/// A record like `config` that holds `all` (ISO/IEC 14496-15, 5.3.3.1.2 and 8.3.3.1.2).
fn with_sets(codec: Codec, config: &[u8], all: &[&[u8]]) -> Option<Bytes> {
    let mut out = BytesMut::new();
    let of = |kind: u8| {
        all.iter().copied().filter(move |set| kind_of(codec, set) == Some(kind)).collect::<Vec<_>>()
    };
    match codec {
        Codec::H264 => {
            let inside: usize = sets(codec, config)?.iter().map(|set| set.len() + 2).sum();
            out.put_slice(config.get(..5)?);
            let (sequence, picture) = (of(7), of(8));
            out.put_u8(0xe0 | u8::try_from(sequence.len()).ok().filter(|count| *count < 32)?);
            put_sets(&mut out, &sequence);
            out.put_u8(u8::try_from(picture.len()).ok()?);
            put_sets(&mut out, &picture);
            // What some profiles add at the end.
            out.put_slice(config.get(7 + inside..)?);
        }
        Codec::H265 => {
            let arrays = [32, 33, 34, 39, 40].map(|kind| (kind, of(kind)));
            let arrays = arrays.iter().filter(|(_, sets)| !sets.is_empty());
            out.put_slice(config.get(..22)?);
            out.put_u8(u8::try_from(arrays.clone().count()).ok()?);
            for (kind, sets) in arrays {
                // Not complete: samples may hold more.
                out.put_u8(*kind);
                out.put_u16(u16::try_from(sets.len()).ok()?);
                put_sets(&mut out, sets);
            }
        }
    }
    Some(out.freeze())
}

fn kind_of(codec: Codec, set: &[u8]) -> Option<u8> {
    let first = *set.first()?;
    Some(match codec {
        Codec::H264 => first & 0x1f,
        Codec::H265 => first >> 1 & 0x3f,
    })
}

fn put_sets(out: &mut BytesMut, sets: &[&[u8]]) {
    for set in sets {
        out.put_u16(u16::try_from(set.len()).unwrap_or(0));
        out.put_slice(set);
    }
}

/// A sample entry like `entry` around another record, of the kind whose samples may hold sets.
fn with_config(codec: Codec, entry: &[u8], config: &[u8]) -> Option<Bytes> {
    let (kind, record) = match codec {
        Codec::H264 => (b"avc3", b"avcC"),
        Codec::H265 => (b"hev1", b"hvcC"),
    };
    let mut out = BytesMut::from(entry.get(..ENTRY_HEADER)?);
    let mut rest = entry.get(ENTRY_HEADER..)?;
    while let Some((size, _)) = rest.split_first_chunk::<4>() {
        let size = usize::try_from(u32::from_be_bytes(*size)).ok().filter(|size| *size >= 8)?;
        let (whole, after) = rest.split_at_checked(size)?;
        rest = after;
        if whole[4..8] == *record {
            out.put_u32(u32::try_from(8 + config.len()).ok()?);
            out.put_slice(record);
            out.put_slice(config);
        } else {
            out.put_slice(whole);
        }
    }
    let size = u32::try_from(out.len()).ok()?;
    out[..4].copy_from_slice(&size.to_be_bytes());
    out[4..8].copy_from_slice(kind);
    Some(out.freeze())
}

#[cfg(test)]
mod tests;
