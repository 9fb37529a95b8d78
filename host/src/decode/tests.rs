//! Whole decoders: clips that the project's own encoder makes, as they are and damaged.

mod against_ffmpeg;

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::base::Timestamp;
use crate::ingest::packet::VideoUnit;
use crate::simulate::encode::{SceneEncoder, SceneFormat};

const SCENE: SceneFormat = SceneFormat { width: 64, height: 48, rate: 10, group: 5 };

fn parameters(codec: Codec, record: &[u8]) -> Arc<VideoParameters> {
    Arc::new(VideoParameters {
        codec,
        width: 0,
        height: 0,
        rfc6381: String::new(),
        sample_entry: Bytes::new(),
        decoder_config: Bytes::copy_from_slice(record),
    })
}

fn unit(parameters: &Arc<VideoParameters>, pts: i64, access: Access, data: &[u8]) -> VideoUnit {
    VideoUnit {
        parameters: parameters.clone(),
        session: 0,
        epoch: 0,
        pts,
        time: Timestamp::from_micros(pts * 100 / 9),
        arrived: tokio::time::Instant::now(),
        access,
        damaged: false,
        data: Bytes::copy_from_slice(data),
    }
}

/// A bright box that moves over a dark ground.
fn scene(pictures: usize) -> Vec<VideoUnit> {
    let mut encoder = SceneEncoder::new(SCENE).unwrap();
    let parameters = parameters(Codec::H264, &encoder.parameter_sets().avcc());
    (0..pictures)
        .map(|index| {
            let coded = encoder.encode(&luma(index)).unwrap();
            let access = if coded.key { Access::Key } else { Access::Reference };
            unit(&parameters, i64::try_from(index).unwrap() * 9000, access, &coded.data)
        })
        .collect()
}

fn luma(index: usize) -> Vec<u8> {
    let inside = |at: usize| (index * 2..index * 2 + 16).contains(&(at % 64)) && at / 64 > 20;
    (0..64 * 48).map(|at| if inside(at) { 220 } else { 40 }).collect()
}

fn feed_all(pace: Pace, units: &[VideoUnit]) -> (Vec<Picture>, Vec<DecodeError>) {
    let mut feed = Feed::new(pace);
    let mut pictures = Vec::new();
    let errors = units.iter().filter_map(|unit| feed.push(unit, &mut pictures).err()).collect();
    feed.interrupt(&mut pictures);
    (pictures, errors)
}

#[test]
fn a_scene_comes_back_as_it_was_drawn() {
    let units = scene(20);
    let (pictures, errors) = feed_all(Pace::Every, &units);
    assert_eq!((pictures.len(), errors), (20, vec![]));
    for (index, picture) in pictures.iter().enumerate() {
        assert_eq!(picture.sequence, u64::try_from(index).unwrap());
        assert_eq!((picture.image.width, picture.image.height), (64, 48));
        assert_eq!(picture.key, index % 5 == 0);
        let drawn = luma(index);
        let error: u32 =
            picture.image.y.iter().zip(&drawn).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        assert!(error / (64 * 48) < 4, "picture {index} differs by {error} in all");
    }
    assert_eq!(feed_all(Pace::KeyFrames, &units).0.len(), 4);
}

#[test]
fn cropping_is_applied() {
    let format = SceneFormat { width: 50, height: 34, ..SCENE };
    let mut encoder = SceneEncoder::new(format).unwrap();
    let parameters = parameters(Codec::H264, &encoder.parameter_sets().avcc());
    let coded = encoder.encode(&[90; 50 * 34]).unwrap();
    let (pictures, _) = feed_all(Pace::Every, &[unit(&parameters, 0, Access::Key, &coded.data)]);
    let image = &pictures[0].image;
    assert_eq!((image.width, image.height), (50, 34));
    assert_eq!((image.y.len(), image.u.len(), image.v.len()), (50 * 34, 25 * 17, 25 * 17));
}

#[test]
fn records_that_lie_are_unsupported() {
    for codec in [Codec::H264, Codec::H265] {
        for record in [&[][..], &[1; 30], &[0xff; 64]] {
            let opened = open(&parameters(codec, record));
            assert!(matches!(opened, Err(DecodeError::Unsupported(_))), "{codec:?} {record:?}");
        }
    }
}

/// A scene and its pictures.
static WHOLE: LazyLock<(Vec<VideoUnit>, Vec<Picture>)> = LazyLock::new(|| {
    let units = scene(20);
    let pictures = feed_all(Pace::Every, &units).0;
    (units, pictures)
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever a camera sends: no panic comes through, pictures stay in order, and whole units
    /// from a key frame on decode again.
    #[test]
    fn damage_passes(
        flips in prop::collection::vec((0usize..12, any::<prop::sample::Index>(), 1u8..), 1..6),
        cut in prop::option::of((0usize..12, any::<prop::sample::Index>())),
    ) {
        let (whole, expected) = &*WHOLE;
        let mut units = whole.clone();
        for (index, place, bits) in flips {
            let mut data = units[index].data.to_vec();
            // Lengths are ingest's, not the camera's.
            let at = 4 + place.index(data.len() - 4);
            data[at] ^= bits;
            units[index].data = data.into();
        }
        if let Some((index, place)) = cut {
            let keep = place.index(units[index].data.len());
            units[index].data = units[index].data.slice(..keep);
        }
        let (pictures, _) = feed_all(Pace::Every, &units);
        prop_assert!(pictures.is_sorted_by_key(|picture| picture.pts));
        let last = |pictures: &[Picture]| {
            pictures.iter().rev().take(5).map(|picture| picture.image.clone()).collect::<Vec<_>>()
        };
        prop_assert!(last(&pictures) == last(expected));
    }

    #[test]
    fn nonsense_is_an_error(data: Vec<u8>, h265: bool) {
        let (scene, _) = &*WHOLE;
        let codec = if h265 { Codec::H265 } else { Codec::H264 };
        let mut decoder = match codec {
            Codec::H264 => open(&scene[0].parameters).unwrap(),
            Codec::H265 => match open(&parameters(codec, &data)) {
                Ok(decoder) => decoder,
                Err(_) => return Ok(()),
            },
        };
        let unit = EncodedUnit { data: &data, pts: 0, access: Access::Key };
        let _ = decoder.decode(unit, &mut Vec::new());
    }
}
