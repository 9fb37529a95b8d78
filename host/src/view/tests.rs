//! Playback out of a store that the recorder has filled: what players fetch, read by libraries that are
//! not ours.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use super::View;
use super::media::Piece;
use super::playlist::{Pictures, Wanted};
use crate::base::Timestamp;
use crate::base::clock::Simulated;
use crate::export::tests::store::Place;
use crate::export::tests::{Part, seconds};
use crate::record::tables::tables;
use crate::record::{micros_to_ticks, scale};
use crate::serve::playback_name;
use crate::store::fs::Disk;
use crate::store::{Filter, Reader};

const CAMERA: &str = "gate";

fn view(place: &Place) -> Arc<View> {
    let clock = Arc::new(Simulated::starting_at(seconds(60.0)));
    View::new(&place.folder.path().join("store"), Arc::new(Disk), clock)
}

fn range(from: f64, to: f64) -> Wanted {
    Wanted { from: seconds(from), to: seconds(to), pictures: Pictures::All }
}

async fn playlist(view: &Arc<View>, wanted: Wanted) -> String {
    view.playlist(CAMERA.into(), wanted).await.unwrap().expect("there is video")
}

async fn fetch(view: &Arc<View>, sequence: u64, piece: Piece) -> Option<Vec<u8>> {
    let mut delivery = view.piece(CAMERA.into(), sequence, piece).await.unwrap()?;
    let length = delivery.length();
    let mut all = Vec::new();
    while let Some(bytes) = delivery.next().await.unwrap() {
        all.extend_from_slice(&bytes);
    }
    assert_eq!(all.len() as u64, length, "as many bytes as were told");
    Some(all)
}

/// A sample that was sent: its time and its bytes.
type Sample = (i64, Vec<u8>);

/// What a player gets that follows a playlist: samples of a track, in ticks of `rate`. Breaks are
/// counted.
async fn played(view: &Arc<View>, text: &str, track: u32) -> (Vec<Sample>, usize) {
    let (mut head, mut found, mut breaks) = (Vec::new(), Vec::new(), 0);
    for line in text.lines() {
        breaks += usize::from(line == "#EXT-X-DISCONTINUITY");
        let map = line.strip_prefix("#EXT-X-MAP:URI=\"").and_then(|rest| rest.strip_suffix('"'));
        let Some(name) = map.or((!line.starts_with('#')).then_some(line)) else { continue };
        let (sequence, name) = name.strip_prefix("hls/").unwrap().split_once('/').unwrap();
        let name = name.split('?').next().unwrap_or_default();
        let piece = playback_name(name).expect("a name that is given is understood");
        let bytes = fetch(view, sequence.parse().unwrap(), piece).await.expect("it is there");
        if map.is_some() {
            head = bytes;
            continue;
        }
        found.extend(samples(&[&head[..], &bytes].concat(), track));
    }
    (found, breaks)
}

fn samples(given: &[u8], track: u32) -> Vec<Sample> {
    let mp4 = re_mp4::Mp4::read_bytes(given).unwrap();
    // What that library takes to be a track's beginning is left out: fragments say their times.
    let mut found = Vec::new();
    for moof in &mp4.moofs {
        let Some(traf) = moof.trafs.iter().find(|traf| traf.tfhd.track_id == track) else {
            continue;
        };
        let run = &traf.truns[0];
        let mut decode = traf.tfdt.as_ref().unwrap().base_media_decode_time as i64;
        let mut at = moof.start as usize + run.data_offset.unwrap() as usize;
        for index in 0..run.sample_count as usize {
            let size = run.sample_sizes[index] as usize;
            let offset = run.sample_cts.get(index).map_or(0, |offset| offset.cast_signed());
            found.push((decode + i64::from(offset), given[at..at + size].to_vec()));
            at += size;
            decode += i64::from(run.sample_durations[index]);
        }
    }
    found
}

/// What lies in the files of the store, in order of (epoch, sequence), with times since 1970.
fn stored(place: &Place, track: u32) -> Vec<Sample> {
    let reader = Reader::open(&place.folder.path().join("store")).unwrap();
    let mut all = Vec::new();
    for segment in reader.segments(&Filter::default()).unwrap() {
        let bytes = std::fs::read(&segment.path).unwrap();
        let found = tables(&mut Cursor::new(&bytes), bytes.len() as u64).unwrap().unwrap();
        let (one, rate) = match track {
            1 => (found.video, 90_000),
            _ => (found.audio.unwrap(), 48_000),
        };
        let start = scale(segment.start.micros(), rate, 1_000_000);
        for run in &one.runs {
            let mut at = run.offset as usize;
            for sample in &one.samples[run.samples.clone()] {
                let end = at + sample.size as usize;
                all.push((start + sample.shown, bytes[at..end].to_vec()));
                at = end;
            }
        }
    }
    all
}

#[tokio::test]
async fn every_sample_is_played_once_in_order() {
    let parts = [
        Part::plain(9),
        Part { reorder: true, version: 1, ..Part::plain(8) },
        Part { gap: 20 * 90_000, version: 1, ..Part::plain(5) },
        Part { epoch: 1, ahead: -3_000_000, version: 1, ..Part::plain(4) },
    ];
    let place = Place::with_spans(&parts, Vec::new()).await;
    let view = view(&place);
    let text = playlist(&view, range(-100.0, 1000.0)).await;
    for track in [1, 2] {
        let (found, breaks) = played(&view, &text, track).await;
        assert_eq!(found, stored(&place, track), "track {track}");
        assert_eq!(breaks, 3, "other parameters, a gap, another epoch: {text}");
    }
}

#[tokio::test]
async fn a_run_without_a_gap_is_one_time_line() {
    let place = Place::with_spans(&[Part::plain(20)], Vec::new()).await;
    let view = view(&place);
    let text = playlist(&view, range(0.0, 100.0)).await;
    assert!(text.matches("PROGRAM-DATE-TIME").count() >= 8, "files of two seconds: {text}");
    let (found, breaks) = played(&view, &text, 1).await;
    let first = found[0].0;
    assert_eq!(first, micros_to_ticks(seconds(0.0).micros()));
    let even = |(at, (shown, _)): (usize, &Sample)| *shown == first + at as i64 * 3600;
    assert!(found.iter().enumerate().all(even) && found.len() == 500 && breaks == 0);
}

#[tokio::test]
async fn dates_are_those_of_the_pictures() {
    let parts =
        [Part { reorder: true, ..Part::plain(21) }, Part { gap: 900_123, ..Part::plain(4) }];
    let place = Place::with_spans(&parts, Vec::new()).await;
    let view = view(&place);
    let text = playlist(&view, range(0.0, 100.0)).await;
    let (mut date, mut head, mut checked) = (None, Vec::new(), 0);
    let mut clock: Option<i64> = None;
    for line in text.lines() {
        if let Some(text) = line.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:") {
            date = Some(serde_json::from_value::<Timestamp>(text.into()).unwrap());
        } else if let Some(rest) = line.strip_prefix("#EXTINF:") {
            let length: f64 = rest.trim_end_matches(',').parse().unwrap();
            clock = date.take().map(Timestamp::micros).or(clock).map(|at| {
                date = Some(Timestamp::from_micros(at));
                at + (length * 1e6).round() as i64
            });
        } else if let Some(name) = line.strip_prefix("hls/") {
            let (sequence, name) = name.split_once('/').unwrap();
            let sequence = sequence.parse().unwrap();
            if head.is_empty() {
                head = fetch(&view, sequence, Piece::Head).await.unwrap();
            }
            let bytes = fetch(&view, sequence, playback_name(name).unwrap()).await.unwrap();
            let found = samples(&[&head[..], &bytes].concat(), 1);
            let first = found.iter().map(|sample| sample.0).min().unwrap() * 100 / 9;
            let said = date.take().unwrap().micros();
            assert!((first - said).abs() <= 2_000, "{line}: {first} is not {said}");
            checked += 1;
        }
    }
    assert!(checked > 10, "{checked}: {text}");
}

#[tokio::test]
async fn key_frames_alone() {
    let groups = |count| vec![50; count];
    let parts = [
        Part { groups: groups(4), ..Part::plain(0) },
        Part { gap: 900_000, version: 2, groups: groups(2), ..Part::plain(0) },
    ];
    let place = Place::with_spans(&parts, Vec::new()).await;
    let view = view(&place);
    let pictures = Pictures::Keys(Duration::ZERO);
    let text = playlist(&view, Wanted { pictures, ..range(0.0, 100.0) }).await;
    let (found, breaks) = played(&view, &text, 1).await;
    // A key frame every two seconds.
    let keys: Vec<_> = stored(&place, 1).into_iter().step_by(50).collect();
    assert_eq!((found, breaks), (keys, 1));
    assert_eq!(played(&view, &text, 2).await.0, [], "no sound");
}

#[tokio::test]
async fn what_is_not_there_is_nothing() {
    let place = Place::with_spans(&[Part::plain(4)], Vec::new()).await;
    let view = view(&place);
    assert_eq!(view.playlist("yard".into(), range(0.0, 9.0)).await.unwrap(), None);
    assert_eq!(view.playlist(CAMERA.into(), range(40.0, 90.0)).await.unwrap(), None);
    for (sequence, piece) in [
        (99, Piece::Head),
        (1, Piece::Fragments(0..100)),
        (1, Piece::Fragments(5..5)),
        (1, Piece::Fragments(1 << 40..(1 << 40) + 9)),
        (1, Piece::Key(0..100, 9)),
    ] {
        assert_eq!(fetch(&view, sequence, piece.clone()).await, None, "{piece:?}");
    }
}
