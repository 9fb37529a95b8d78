//! Any range of any stream: exactly its pictures, at their times, with their sound.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;

use super::*;

fn part() -> impl Strategy<Value = Part> {
    let gap = prop_oneof![proptest::strategy::Just(0_i64), 90_000..900_000_i64];
    (vec(1_u8..40, 1..6), any::<bool>(), any::<bool>(), gap, 0_u8..2).prop_map(
        |(groups, reorder, open, gap, version)| Part {
            groups,
            reorder,
            open,
            gap,
            version,
            epoch: 0,
            ahead: 0,
        },
    )
}

fn check(recorded: &Recorded, rules: Rules) -> Result<(), TestCaseError> {
    let plan = plan_of(recorded, rules).unwrap();
    let expected: Vec<&Sent> = recorded
        .video
        .iter()
        .filter(|sent| sent.time >= rules.wanted.from && sent.time < rules.wanted.to)
        .collect();
    let mut shown = Vec::new();
    let pictures: u64 =
        plan.films.iter().flat_map(|film| &film.scenes).map(|scene| scene.pictures).sum();
    prop_assert_eq!(pictures, expected.len() as u64);
    let mut films = plan.films;
    for film in &mut films {
        let played = Played::of(film, &recorded.files);
        check_decodable(&played);
        let now = played.shown();
        let first = &expected[shown.len()];
        for ((ticks, _), sent) in now.iter().zip(&expected[shown.len()..]) {
            let due = sent.time.micros_since(first.time) * 9 / 100;
            let cut: i64 = film.cuts.iter().map(|(_, micros)| micros * 9 / 100).sum();
            let late = due - ticks;
            // A tick is lost to rounding at each file, and gaps where they are cut.
            prop_assert!((-3..=cut + 3).contains(&late), "{late} ticks late, {cut} are cut");
        }
        check_sound(recorded, film, &played)?;
        shown.extend(now.into_iter().map(|(_, data)| data));
    }
    let expected: Vec<Vec<u8>> = expected.iter().map(|sent| sent.data.to_vec()).collect();
    prop_assert_eq!(shown, expected);
    Ok(())
}

/// Each frame sounds when it was heard: as far from its picture as it was.
fn check_sound(recorded: &Recorded, film: &Film, played: &Played) -> Result<(), TestCaseError> {
    if !film.cuts.is_empty() || played.audio.is_empty() {
        return Ok(());
    }
    let scene = film.scenes[0];
    let edit = played.edits[1].iter().find(|edit| edit.media.is_some()).unwrap();
    let late: u64 =
        played.edits[1].iter().filter(|edit| edit.media.is_none()).map(|edit| edit.duration).sum();
    let sounding = played.audio.iter().filter(|found| found.shown >= edit.media.unwrap() as i64);
    for found in sounding {
        let sent = recorded.audio.iter().find(|sent| sent.data == found.data).unwrap();
        let due = sent.time.micros_since(scene.utc.0) * 48 / 1000;
        let at = found.shown - edit.media.unwrap() as i64 + (late as i64) * 48 / 90;
        prop_assert!((due - at).abs() <= 60, "{} of 48000 out of sync", due - at);
    }
    let all: Vec<_> = recorded
        .audio
        .iter()
        .filter(|sent| sent.time >= scene.utc.0 && sent.time < scene.utc.1.offset(-30_000))
        .collect();
    for sent in all {
        prop_assert!(
            played.audio.iter().any(|found| found.data == sent.data),
            "a frame is missing"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    #[test]
    fn exactly_the_pictures_of_the_range(
        parts in vec(part(), 1..4),
        with_audio in any::<bool>(),
        segment in 1_u64..4,
        from in 0.0_f64..1.0,
        length in 0.0_f64..1.0,
        cut in any::<bool>(),
        one_file in any::<bool>(),
    ) {
        let recorded = record(&parts, with_audio, segment);
        let (first, last) = (recorded.video[0].time, recorded.video[recorded.video.len() - 1].time);
        let whole = last.micros_since(first) as f64;
        let near = |time: Timestamp| {
            recorded.video.iter().any(|sent| sent.time.micros_since(time).abs() < 30)
        };
        let mut wanted = Wanted {
            from: first.offset((whole * from) as i64),
            to: first.offset((whole * (from + length)) as i64 + 50_000),
        };
        // Times of pictures are rounded: an edge does not lie on one.
        if near(wanted.from) { wanted.from = wanted.from.offset(100); }
        if near(wanted.to) { wanted.to = wanted.to.offset(100); }
        let gaps = if cut { Gaps::Cut } else { Gaps::Hold };
        check(&recorded, Rules { wanted, gaps, one_file })?;
    }

    #[test]
    fn any_bytes_are_survived(
        parts in vec(part(), 1..3),
        changes in vec((any::<usize>(), any::<u8>()), 1..20),
        cut in any::<usize>(),
    ) {
        let recorded = record(&parts, true, 2);
        let mut planner = Planner::new(rules(wanted(0.0, 1e6)));
        for (index, mut file) in recorded.files.into_iter().enumerate() {
            let length = file.len();
            for (at, value) in &changes {
                // Headers and tables are where it hurts.
                file[at % length] = *value;
            }
            let end = length - cut % (length / 4);
            let found = tables(&mut Cursor::new(&file[..end]), end as u64).unwrap();
            if let Some(found) = found
                && planner.take(index, found).is_err()
            {
                break;
            }
        }
        for film in &mut planner.finish().films {
            let tracks = film.tracks();
            movie::head(&movie::Facts::default(), &tracks, film.payload());
        }
    }
}
