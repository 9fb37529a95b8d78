//! Gaps, other parameters, steps of the clock, missing key frames, and sizes beyond 4 GiB.

use super::super::report::Why;
use super::*;

fn whys(plan: &Plan) -> Vec<Why> {
    plan.interruptions.iter().map(|found| found.why).collect()
}

#[test]
fn a_gap_is_held_or_cut() {
    let parts = [Part::plain(4), Part { gap: 900_000, ..Part::plain(4) }];
    let recorded = record(&parts, true, 2);
    for (gaps, expected) in [(Gaps::Hold, 18.0), (Gaps::Cut, 8.0)] {
        let rules = Rules { gaps, ..rules(wanted(0.0, 60.0)) };
        let mut plan = plan_of(&recorded, rules).unwrap();
        assert_eq!((plan.films.len(), whys(&plan)), (1, vec![Why::Gap]));
        let scene = plan.films[0].scenes[0];
        let length = (scene.to - scene.from) as f64 / 90_000.0;
        assert!((length - expected).abs() < 0.01, "{gaps:?}: {length}");
        assert_eq!((scene.utc.0, scene.pictures), (utc(0), 200));
        let played = Played::of(&mut plan.films[0], &recorded.files);
        check_decodable(&played);
        let audio = played.audio.last().unwrap().shown as f64 / 48_000.0;
        assert!((audio - length).abs() < 0.1, "{gaps:?}: sound ends at {audio}");
    }
}

#[test]
fn no_two_sounds_play_at_once_where_the_clock_was_slewed_back() {
    let back = Part { ahead: -44_000, ..Part::plain(4) };
    let recorded = record(&[Part::plain(4), back], true, 2);
    let mut plan = plan_of(&recorded, rules(wanted(0.0, 60.0))).unwrap();
    assert_eq!((plan.films.len(), whys(&plan)), (1, vec![]));
    let played = Played::of(&mut plan.films[0], &recorded.files);
    check_decodable(&played);
    assert_eq!(played.shown().len(), 200);
    let apart = |pair: &[Found]| pair[1].shown - pair[0].shown;
    let least = played.audio.windows(2).map(apart).min().unwrap();
    assert!(least >= 512, "frames of 1024 follow after {least}");
    // 44 ms are two frames.
    let missing = recorded.audio.len() - played.audio.len();
    assert!((2..=3).contains(&missing), "{missing} of {}", recorded.audio.len());
}

#[test]
fn other_parameters_begin_a_file_unless_one_is_asked_for() {
    let parts = [Part::plain(3), Part { version: 1, ..Part::plain(3) }];
    let recorded = record(&parts, false, 60);
    let mut plan = plan_of(&recorded, rules(wanted(1.5, 4.5))).unwrap();
    assert_eq!(plan.films.len(), 2);
    let counts: Vec<u64> = plan.films.iter().map(|film| film.scenes[0].pictures).collect();
    assert_eq!((counts, whys(&plan)), (vec![37, 38], vec![Why::Parameters]));
    assert_eq!(plan.films[1].scenes[0].lead_in, 0);
    Played::of(&mut plan.films[1], &recorded.files);

    let one = Rules { one_file: true, ..rules(wanted(1.5, 4.5)) };
    let mut plan = plan_of(&recorded, one).unwrap();
    assert_eq!(plan.films.len(), 1);
    let played = Played::of(&mut plan.films[0], &recorded.files);
    assert_eq!(played.shown().len(), 75);
    let file =
        mp4::Mp4Reader::read_header(Cursor::new(&played.bytes), played.bytes.len() as u64).unwrap();
    let table = &file.moov.traks[0].mdia.minf.stbl.stsc;
    let used: Vec<u32> = table.entries.iter().map(|entry| entry.sample_description_index).collect();
    assert_eq!((used.first(), used.last()), (Some(&1), Some(&2)), "{used:?}");

    let parts = [Part::plain(3), Part { version: 9, ..Part::plain(3) }];
    let recorded = record(&parts, false, 60);
    let error = plan_of(&recorded, one).unwrap_err();
    assert!(error.chain().contains("another codec"), "{}", error.chain());
    assert_eq!(plan_of(&recorded, rules(wanted(1.5, 4.5))).unwrap().films.len(), 2);
}

#[test]
fn epochs_follow_in_their_order() {
    // The clock steps back by five seconds.
    let stepped = Part { epoch: 1, ahead: -5_000_000, ..Part::plain(8) };
    let recorded = record(&[Part::plain(8), stepped], true, 3);
    let range = wanted(4.0, 6.0);
    let mut plan = plan_of(&recorded, rules(range)).unwrap();
    assert_eq!((plan.films.len(), whys(&plan)), (2, vec![Why::ClockStepped]));
    for film in &mut plan.films {
        assert_eq!(film.scenes[0].utc.0, seconds(4.0));
        assert_eq!(Played::of(film, &recorded.files).shown().len(), 50);
    }
    let mut plan = plan_of(&recorded, Rules { one_file: true, ..rules(range) }).unwrap();
    assert_eq!(plan.films.len(), 1);
    let played = Played::of(&mut plan.films[0], &recorded.files);
    check_decodable(&played);
    let shown: Vec<Vec<u8>> = played.shown().into_iter().map(|(_, data)| data).collect();
    let expected: Vec<Vec<u8>> = recorded
        .video
        .iter()
        .filter(|sent| sent.time >= range.from && sent.time < range.to)
        .map(|sent| sent.data.to_vec())
        .collect();
    assert_eq!(shown, expected);
}

#[test]
fn pictures_without_their_key_frame_are_left_out() {
    let open = Part { reorder: true, open: true, ..Part::plain(6) };
    let mut recorded = record(&[open], false, 2);
    assert!(read(&recorded.files[1]).identity.leading);
    // The file before is lost: the first picture of this one needs it.
    let sequence = read(&recorded.files[1]).identity.sequence;
    recorded.files.remove(0);
    let start = read(&recorded.files[0]).identity.start;
    let mut plan = plan_of(&recorded, rules(Wanted { from: start, to: seconds(60.0) })).unwrap();
    assert_eq!(whys(&plan), [Why::NotDecodable], "segment {sequence}");
    let played = Played::of(&mut plan.films[0], &recorded.files);
    let first = recorded.video.iter().position(|sent| sent.data == played.shown()[0].1).unwrap();
    let skipped = recorded.video[first].time.micros_since(start);
    assert!((39_000..41_000).contains(&skipped), "{skipped} us are left out");
    assert_eq!(played.video.len(), played.shown().len(), "nothing that can't be decoded");
}

#[test]
fn beyond_4_gib_offsets_are_wide() {
    let sample = movie::Sample { size: 1 << 30, duration: 3600, offset: 0, key: true };
    let chunk = |number: u64| movie::Chunk { offset: number << 30, samples: 1, description: 0 };
    let track = |count: u64| movie::Track {
        timescale: 90_000,
        picture: Some((640, 480)),
        descriptions: vec![video_parameters(0).sample_entry.clone()],
        samples: vec![sample; count as usize],
        chunks: (0..count).map(chunk).collect(),
        edits: vec![movie::Edit { duration: 3600 * count, media: Some(0) }],
    };
    for (count, wide) in [(3_u64, false), (5, true)] {
        let payload = count << 30;
        let head = movie::head(&movie::Facts::default(), &[track(count)], payload);
        let find = |kind: &[u8]| head.windows(4).position(|window| window == kind);
        assert_eq!((find(b"co64").is_some(), find(b"stco").is_some()), (wide, !wide), "{count}");
        let table = find(if wide { b"co64" } else { b"stco" }).unwrap() + 12;
        let first = match wide {
            true => u64::from_be_bytes(head[table..table + 8].try_into().unwrap()),
            false => u32::from_be_bytes(head[table..table + 4].try_into().unwrap()).into(),
        };
        assert_eq!(first, head.len() as u64, "{count}: data follows the head");
        if wide {
            let tail = &head[head.len() - 16..];
            assert_eq!(tail[..8], [0, 0, 0, 1, b'm', b'd', b'a', b't']);
            assert_eq!(tail[8..], (payload + 16).to_be_bytes());
        }
    }
}
