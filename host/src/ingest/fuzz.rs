//! Targets: access units, parameter sets that change, MP4 files.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use bytes::{BufMut, Bytes};

use super::access_unit::{Classifier, nal_units};
use super::mp4::Mp4File;
use super::packet::{Access, Codec, VideoParameters};
use super::parameter_sets::ParameterSets;
use crate::fuzzing::Dice;
use crate::simulate::encode;

/// Bytes of a visual sample entry before the boxes in it.
const ENTRY_HEADER: usize = 8 + 78;
/// Samples read of a file: more say nothing new.
const SAMPLES_MAX: usize = 2000;

fn codec(dice: &mut Dice<'_>) -> Codec {
    if dice.flag() { Codec::H265 } else { Codec::H264 }
}

/// Parameters around a decoder configuration record.
pub(crate) fn parameters(codec: Codec, config: &[u8]) -> Arc<VideoParameters> {
    let (kind, record, rfc6381) = match codec {
        Codec::H264 => (b"avc1", b"avcC", "avc1.4d401f"),
        Codec::H265 => (b"hvc1", b"hvcC", "hvc1.1.6.L93.B0"),
    };
    let mut entry = vec![0; ENTRY_HEADER];
    entry[4..8].copy_from_slice(kind);
    entry[15] = 1;
    entry.put_u32(8 + config.len() as u32);
    entry.put_slice(record);
    entry.put_slice(config);
    let size = entry.len() as u32;
    entry[..4].copy_from_slice(&size.to_be_bytes());
    Arc::new(VideoParameters {
        codec,
        width: 64,
        height: 48,
        rfc6381: rfc6381.into(),
        sample_entry: entry.into(),
        decoder_config: Bytes::copy_from_slice(config),
    })
}

/// Units of a camera that shows a grey wall, with their decoder configuration record.
pub(crate) fn wall(pictures: usize) -> (Vec<u8>, Vec<(Vec<u8>, bool)>) {
    let format = encode::SceneFormat { width: 64, height: 48, rate: 25, group: 5 };
    let mut encoder = encode::SceneEncoder::new(format).expect("a format that it takes");
    let units = (0..pictures).map(|picture| {
        let luma = vec![(picture * 9) as u8; 64 * 48];
        let unit = encoder.encode(&luma).expect("a picture that it takes");
        (unit.data, unit.key)
    });
    let units = units.collect();
    (encoder.parameter_sets().avcc(), units)
}

/// Whatever the bytes are, what a unit is does not depend on where it came from, and only a unit
/// with a slice is one.
pub(crate) fn access_units(data: &[u8]) {
    let mut dice = Dice::of(data);
    let codec = codec(&mut dice);
    let config = dice.bytes(23);
    let rest = dice.bytes(data.len());
    let units: Vec<&[u8]> = nal_units(rest).collect();
    assert!(units.iter().all(|nal| !nal.is_empty()));
    let held: usize = units.iter().map(|nal| nal.len() + 4).sum();
    assert!(held <= rest.len());
    let classifier = Classifier::new(&parameters(codec, config));
    let access = classifier.classify(rest);
    assert!(access.is_none() || !units.is_empty());
    // What follows the last whole NAL unit changes nothing.
    let mut longer = rest.to_vec();
    if held == rest.len() {
        longer.extend([0xff; 7]);
        assert_eq!(classifier.classify(&longer), access);
    }
    // A disposable unit is no start of decoding, whatever it says.
    assert!(!(access == Some(Access::Disposable) && access.is_some_and(Access::is_key)));
}

pub(crate) fn unit_seeds() -> Vec<Vec<u8>> {
    let (_, units) = wall(6);
    let h264 = units.iter().map(|(unit, _)| [&[0; 24][..], unit].concat());
    let h265 = [19_u8, 21, 1, 0].map(|kind| {
        let mut seed = vec![1; 24];
        seed.extend([0, 0, 0, 4, kind << 1, 1, 0x80, 0x10]);
        seed
    });
    h264.chain(h265).collect()
}

/// Cameras that alternate between parameter sets: a unit keeps its data, behind the sets that it
/// needs.
pub(crate) fn parameter_sets(data: &[u8]) {
    let mut dice = Dice::of(data);
    let mut sets = ParameterSets::default();
    let known: Vec<Arc<VideoParameters>> = (0..4)
        .map(|_| {
            let codec = codec(&mut dice);
            let length = usize::from(dice.u8());
            parameters(codec, dice.bytes(length))
        })
        .collect();
    while !dice.is_empty() {
        let (which, is_key) = (dice.one_of(4), dice.flag());
        let unit = Bytes::from(vec![which; 5]);
        let sent = &known[usize::from(which)];
        let (used, out) = sets.apply(sent, is_key, unit.clone());
        assert!(out.ends_with(&unit));
        assert!(used == *sent || used.is_collected());
        assert!(used.is_collected() || out == unit);
        assert_eq!(used.codec, sent.codec);
    }
}

pub(crate) fn set_seeds() -> Vec<Vec<u8>> {
    let (avcc, _) = wall(1);
    let mut seed = Vec::new();
    for number in 0..4 {
        let mut config = avcc.clone();
        let last = config.len() - 1;
        config[last] ^= number;
        seed.push(0);
        seed.push(config.len() as u8);
        seed.extend(config);
    }
    // To and fro, each time a key frame and one after it.
    seed.extend([0, 1, 0, 0, 1, 1, 1, 0].repeat(6));
    seed.extend([2, 1, 3, 1, 3, 0]);
    vec![seed]
}

/// A file from anywhere: is refused, or read to its end, in order.
pub(crate) fn mp4(data: &[u8]) {
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    let memory = rustix::fs::memfd_create("fuzz", flags).expect("the machine has memory files");
    let mut file = File::from(memory);
    file.write_all(data).expect("memory takes it");
    let Ok(mut file) = Mp4File::of(file, "fuzz".into()) else { return };
    assert!(file.video_samples() > 0);
    let (length, bytes) = (file.length(), file.video_bytes());
    for _ in 0..SAMPLES_MAX {
        match file.read() {
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => break,
        }
    }
    file.rewind();
    assert_eq!((file.length(), file.video_bytes()), (length, bytes));
}
