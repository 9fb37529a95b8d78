//! Sample entries (ISO/IEC 14496-12 section 8.5.2) -> parameters of video and audio.
//!
//! Understands H.264 and H.265 (ISO/IEC 14496-15) and AAC (ISO/IEC 14496-14). Knows no sample.

use std::fmt::Write;

use bytes::Bytes;

use super::boxes::{Fields, boxes};
use crate::ingest::packet::{AudioParameters, Codec, VideoParameters};

/// Bytes of a visual sample entry before its boxes, with the box header.
const VISUAL: usize = 86;

/// Bytes of an audio sample entry before its boxes, with the box header.
const AUDIO: usize = 36;

/// Parameters from a whole visual sample entry; `Err` says what is not supported.
pub(super) fn video(entry: &[u8]) -> Result<VideoParameters, String> {
    let kind = entry.get(4..8).unwrap_or_default();
    let (codec, name, box_name) = match kind {
        b"avc1" | b"avc3" => (Codec::H264, b"avc1", *b"avcC"),
        b"hvc1" | b"hev1" => (Codec::H265, b"hvc1", *b"hvcC"),
        other => return Err(format!("its video is {}, not H.264 or H.265", other.escape_ascii())),
    };
    let inside = entry.get(VISUAL..).unwrap_or_default();
    let config = boxes(inside)
        .find(|found| found.kind == box_name)
        .map(|found| found.body)
        .ok_or("its video has no decoder configuration")?;
    let lengths = match codec {
        Codec::H264 => config.get(4),
        Codec::H265 => config.get(21),
    };
    if lengths.ok_or("its decoder configuration is cut")? & 3 != 3 {
        return Err("the lengths of its NAL units are not 4 bytes".into());
    }
    let mut fields = Fields::of(&entry[32..]);
    let (width, height) = (fields.u16().unwrap_or(0), fields.u16().unwrap_or(0));
    if width == 0 || height == 0 {
        return Err("its video has no size".into());
    }
    let mut sample_entry = entry.to_vec();
    sample_entry[4..8].copy_from_slice(name);
    // The file that this entry is copied to has one data reference.
    sample_entry[14..16].copy_from_slice(&1_u16.to_be_bytes());
    Ok(VideoParameters {
        codec,
        width: width.into(),
        height: height.into(),
        rfc6381: match codec {
            Codec::H264 => format!("avc1.{:02X}{:02X}{:02X}", config[1], config[2], config[3]),
            Codec::H265 => hevc_name(config),
        },
        sample_entry: Bytes::from(sample_entry),
        decoder_config: Bytes::copy_from_slice(config),
    })
}

/// The `codecs` parameter of H.265 (ISO/IEC 14496-15 annex E), from at least 22 bytes of `hvcC`.
fn hevc_name(config: &[u8]) -> String {
    let space = ["", "A", "B", "C"][usize::from(config[1] >> 6)];
    let compatibility = u32::from_be_bytes([config[2], config[3], config[4], config[5]]);
    let tier = if config[1] & 0x20 == 0 { 'L' } else { 'H' };
    let mut name = format!(
        "hvc1.{space}{}.{:X}.{tier}{}",
        config[1] & 0x1f,
        compatibility.reverse_bits(),
        config[12]
    );
    let constraints = &config[6..12];
    let used = constraints.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    for byte in &constraints[..used] {
        write!(name, ".{byte:X}").expect("a String takes everything");
    }
    name
}

/// Parameters from a whole audio sample entry, `None` unless it is AAC.
///
/// `clock_rate` and `frame_ticks` are those of the track: its time scale, and the usual length of
/// its samples.
pub(super) fn audio(entry: &[u8], clock_rate: u32, frame_ticks: u32) -> Option<AudioParameters> {
    let version = entry.get(16..18)?;
    if entry.get(4..8)? != b"mp4a" || version != [0, 0] || clock_rate == 0 {
        return None;
    }
    let esds = boxes(entry.get(AUDIO..)?).find(|found| found.kind == *b"esds")?.body;
    let object = audio_object(esds)?;
    let mut sample_entry = entry.to_vec();
    sample_entry[14..16].copy_from_slice(&1_u16.to_be_bytes());
    Some(AudioParameters {
        rfc6381: format!("mp4a.40.{object}"),
        sample_entry: Bytes::from(sample_entry),
        clock_rate,
        frame_ticks: if (1..=8192).contains(&frame_ticks) { frame_ticks } else { 1024 },
    })
}

/// The audio object type in an `esds` body, where that holds MPEG-4 audio (ISO/IEC 14496-1
/// section 7.2.6, ISO/IEC 14496-3 section 1.6.2.1).
fn audio_object(esds: &[u8]) -> Option<u8> {
    let mut fields = Fields::of(esds);
    fields.version()?;
    descriptor(&mut fields, 3)?;
    fields.skip(2)?;
    let flags = fields.u8()?;
    if flags & 0x80 != 0 {
        fields.skip(2)?;
    }
    if flags & 0x40 != 0 {
        let length = fields.u8()?;
        fields.skip(length.into())?;
    }
    if flags & 0x20 != 0 {
        fields.skip(2)?;
    }
    descriptor(&mut fields, 4)?;
    if fields.u8()? != 0x40 {
        return None;
    }
    fields.skip(12)?;
    descriptor(&mut fields, 5)?;
    let first = fields.u8()?;
    match first >> 3 {
        31 => Some(32 + ((first & 7) << 3) + (fields.u8()? >> 5)),
        object => Some(object),
    }
}

/// Passes the tag and the length of a descriptor.
fn descriptor(fields: &mut Fields<'_>, tag: u8) -> Option<()> {
    if fields.u8()? != tag {
        return None;
    }
    for _ in 0..4 {
        if fields.u8()? & 0x80 == 0 {
            return Some(());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::*;

    #[test]
    fn hevc_names_follow_annex_e() {
        let mut config = [0; 23];
        config[1] = 1;
        config[2] = 0x60;
        config[6] = 0x90;
        config[12] = 93;
        assert_eq!(hevc_name(&config), "hvc1.1.6.L93.90");
        config[1] = 0x62;
        config[6] = 0;
        assert_eq!(hevc_name(&config), "hvc1.A2.6.H93");
    }

    #[test]
    fn audio_object_types() {
        let esds = |object: u8, info: &[u8]| {
            let mut data = vec![0, 0, 0, 0, 3, 0x80, 0x80, 0x25, 0, 1, 0, 4, 17, object];
            data.extend([0; 12]);
            data.extend([5, info.len() as u8]);
            data.extend(info);
            data
        };
        for (object, info, expected) in [
            (0x40, &[0x11, 0x90][..], Some(2)),
            (0x40, &[0x2b, 0x92], Some(5)),
            (0x40, &[0xf9, 0x40], Some(32 + 8 + 2)),
            (0x6b, &[], None),
            (0x40, &[], None),
        ] {
            assert_eq!(audio_object(&esds(object, info)), expected, "{object:x} {info:x?}");
        }
    }

    proptest! {
        #[test]
        fn any_entry_is_survived(
            mut entry in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
            kind in proptest::sample::select(vec![b"avc1", b"hev1", b"mp4a"]),
        ) {
            if entry.len() >= 8 {
                entry[4..8].copy_from_slice(kind);
            }
            let _ = video(&entry);
            let _ = audio(&entry, 48_000, 1024);
            let _ = audio_object(&entry);
        }
    }
}
