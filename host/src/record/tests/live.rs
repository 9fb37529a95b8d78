//! Live pieces: every unit once, at its own time, whatever comes and goes.

use re_mp4::{Mp4, TrackKind};

use super::{
    Camera, Found, PICTURE, audio_frame, audio_parameters, utc, utc_ticks, video_parameters,
};
use crate::ingest::{Access, Codec, Gap, GapReason, Item};
use crate::record::live::{Head, Muxer, Piece, Said};

/// A run that was made.
#[derive(Debug)]
struct Made {
    head: Head,
    pieces: Vec<Piece>,
    over: bool,
}

impl Made {
    /// The samples of a track, by a reader that is not ours; in 90 kHz for video.
    fn samples(&self, kind: TrackKind) -> Vec<Found> {
        let mut bytes = self.head.data.to_vec();
        self.pieces.iter().for_each(|piece| bytes.extend_from_slice(&piece.data));
        let file = Mp4::read_bytes(&bytes).unwrap();
        let Some(track) = file.tracks().values().find(|track| track.kind == Some(kind)) else {
            return Vec::new();
        };
        let samples = track.samples.iter().map(|sample| Found {
            decode: sample.decode_timestamp,
            shown: sample.composition_timestamp,
            key: sample.is_sync,
            data: bytes[sample.byte_range()].to_vec(),
        });
        samples.collect()
    }
}

fn made(items: impl IntoIterator<Item = Item>) -> Vec<Made> {
    let (mut muxer, mut runs) = (Muxer::default(), Vec::<Made>::new());
    for item in items {
        let mut said = Vec::new();
        muxer.take(item, &mut said);
        for said in said {
            match said {
                Said::Begin(head) => runs.push(Made { head, pieces: Vec::new(), over: false }),
                Said::Piece(piece) => runs.last_mut().unwrap().pieces.push(piece),
                Said::End => runs.last_mut().unwrap().over = true,
            }
        }
    }
    for run in &runs {
        let pairs = run.pieces.windows(2);
        for pair in pairs {
            let end = pair[0].start_ticks + i64::from(pair[0].duration_ticks);
            assert_eq!(end, pair[1].start_ticks, "lengths add up to times");
        }
    }
    runs
}

fn gap() -> Item {
    Item::Gap(Gap { reason: GapReason::Offline, detail: String::new() })
}

/// A second of pictures, a key frame each half, and the audio of that time.
fn with_sound(camera: &mut Camera, pictures: std::ops::Range<i64>, next: &mut i64) -> Vec<Item> {
    let mut items = Vec::new();
    for index in pictures {
        items.push(Item::Video(camera.picture(index, 12)));
        while *next * 1024 * 15 / 8 <= index * PICTURE {
            items.push(Item::Audio(audio_frame(camera.session, *next, 0)));
            *next += 1;
        }
    }
    items
}

#[tokio::test]
async fn each_unit_is_a_piece_at_its_own_time() {
    let mut camera = Camera::new();
    let items: Vec<Item> = (0..50).map(|index| Item::Video(camera.picture(index, 25))).collect();
    let sent: Vec<_> = items
        .iter()
        .map(|item| match item {
            Item::Video(unit) => unit.clone(),
            _ => unreachable!(),
        })
        .collect();
    let [run] = &made(items)[..] else { panic!("one run") };
    assert_eq!(run.head.codecs(), "avc1.4d401f");
    let found = run.samples(TrackKind::Video);
    assert_eq!(found.len(), sent.len());
    for (found, sent) in found.iter().zip(&sent) {
        assert_eq!((found.shown, &found.data[..]), (sent.pts, &sent.data[..]));
        assert_eq!(found.key, sent.access.is_key());
    }
    // The run begins with what had come by then; from there on nothing waits.
    assert_eq!(run.pieces.len(), 1 + sent.len() - 11);
    for piece in &run.pieces {
        assert_eq!(piece.zero, utc(0.0));
        assert_eq!(piece.data.windows(4).any(|kind| kind == b"prft"), piece.key);
    }
}

#[tokio::test]
async fn pictures_out_of_order_keep_their_times() {
    let mut camera = Camera::new();
    let order = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11, 15, 13, 14, 18, 16, 17];
    let mut units = Vec::new();
    for (arrived, number) in order.iter().enumerate() {
        let access = if arrived == 0 { Access::Key } else { Access::Reference };
        units.push(camera.unit(access, number * PICTURE, arrived as i64 * PICTURE));
    }
    let [run] = &made(units.iter().cloned().map(Item::Video))[..] else { panic!("one run") };
    let found = run.samples(TrackKind::Video);
    let zero = run.pieces[0].zero;
    for (found, unit) in found.iter().zip(&units) {
        let shown = zero.offset(crate::record::ticks_to_micros(found.shown));
        let apart = shown.micros_since(unit.time);
        assert!(apart.abs() <= 12, "{apart}");
    }
    assert!(found.windows(2).all(|pair| pair[0].decode < pair[1].decode));
    assert!(found.iter().all(|found| found.decode <= found.shown));
}

#[tokio::test]
async fn sound_is_in_its_place() {
    let mut camera = Camera::new();
    let items = with_sound(&mut camera, 0..50, &mut 0);
    let [run] = &made(items)[..] else { panic!("one run") };
    assert_eq!(run.head.codecs(), "avc1.4d401f,mp4a.40.2");
    let found = run.samples(TrackKind::Audio);
    assert!(found.len() > 85, "{}", found.len());
    for (number, frame) in (0_i64..).zip(&found) {
        assert_eq!(frame.data, number.to_be_bytes());
        assert!((frame.decode - number * 1024).abs() <= 1, "{number}: {}", frame.decode);
    }
}

#[tokio::test]
async fn a_run_ends_where_one_head_serves_no_more() {
    let mut camera = Camera::new();
    let mut next = 0;
    let mut items: Vec<Item> =
        (0..20).map(|index| Item::Video(camera.picture(index, 12))).collect();
    // Sound comes late: from the next key frame on there is a track for it.
    items.extend(with_sound(&mut camera, 20..40, &mut next));
    items.push(gap());
    camera.session = 1;
    next = 60;
    items.extend(with_sound(&mut camera, 41..70, &mut next));
    camera.parameters = video_parameters(Codec::H264, 7);
    items.extend(with_sound(&mut camera, 72..90, &mut next));
    camera.epoch = 1;
    items.extend(with_sound(&mut camera, 96..110, &mut next));
    let runs = made(items);
    let seen: Vec<_> = runs
        .iter()
        .map(|run| {
            let video = run.samples(TrackKind::Video);
            assert!(video[0].key);
            let sound = run.head.audio.is_some();
            assert_eq!(sound, run.head.audio == Some(audio_parameters()));
            (video.len(), sound, run.over)
        })
        .collect();
    let expected = [
        (24, false, true),
        (16, true, true),
        (22, true, true),
        (18, true, true),
        (14, true, false),
    ];
    assert_eq!(seen, expected);
    assert_eq!(runs[2].pieces[0].zero, utc_ticks(48 * PICTURE));
}

#[tokio::test]
async fn what_does_not_decode_at_the_start_is_left_out() {
    let mut camera = Camera::new();
    let mut units = vec![camera.unit(Access::Reference, 0, 0)];
    units.push(camera.unit(Access::OpenKey, 3 * PICTURE, PICTURE));
    for (arrived, number) in (2..).zip([1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11, 15, 13, 14]) {
        units.push(camera.unit(Access::Reference, number * PICTURE, arrived * PICTURE));
    }
    let [run] = &made(units.iter().cloned().map(Item::Video))[..] else { panic!("one run") };
    let found = run.samples(TrackKind::Video);
    let data: Vec<_> = found.iter().map(|found| &found.data[..]).collect();
    let expected: Vec<_> =
        units.iter().filter(|unit| unit.pts >= 3 * PICTURE).map(|unit| &unit.data[..]).collect();
    assert_eq!(data, expected);
}
