//! Decode times, presentation times and fragments of whole files.

use proptest::prelude::{Strategy, any, prop};
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::{Access, Camera, Mode, PICTURE, feed, recorded, recorder, utc_ticks};

/// Records pictures given in decoding order by their place in the order of showing; checks that
/// what was written says the same.
fn check(name: &str, shown: &[i64], keys: &[usize]) {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 3600);
    let mut sent = Vec::new();
    for (index, place) in shown.iter().enumerate() {
        let access = match keys.contains(&index) {
            true if shown[index..].iter().any(|later| later < place) => Access::OpenKey,
            true => Access::Key,
            false => Access::Reference,
        };
        let unit = camera.unit(access, place * PICTURE, index as i64 * PICTURE);
        sent.push((unit.data.to_vec(), unit.pts));
        feed(&mut recorder, unit);
    }
    let end = camera.at(shown.len() as i64 * PICTURE);
    recorder.finish(end);
    let file = &recorder.sink_mut().files[&1];
    file.check();
    let first = sent.iter().map(|(_, pts)| *pts).min().unwrap();
    let found = file.samples(1);
    let early = found.iter().map(|sample| sample.shown).min().unwrap();
    assert!(early <= 2, "{name}: {early} ticks early");
    let start = utc_ticks(first - early).micros_since(file.start.start);
    assert!(start.abs() <= 1, "{name}: start");
    assert_eq!(found[0].decode, 0, "{name}");
    assert_eq!(found.len(), sent.len(), "{name}");
    for (sample, (data, pts)) in found.iter().zip(&sent) {
        assert_eq!(&sample.data, data, "{name}");
        assert_eq!(sample.shown - early, pts - first, "{name}");
    }
}

#[test]
fn known_orders() {
    let repeat = |pattern: &[i64], times: i64| -> Vec<i64> {
        let length = pattern.len() as i64;
        (0..times).flat_map(|n| pattern.iter().map(move |place| n * length + place)).collect()
    };
    check("baseline", &repeat(&[0, 1, 2, 3], 20), &[0, 40]);
    check("one b", &repeat(&[1, 0], 40), &[0]);
    check("runs of three", &repeat(&[3, 0, 1, 2], 20), &[0, 40]);
    check("pyramid", &repeat(&[3, 1, 0, 2], 20), &[0, 40]);
    let mut closed = repeat(&[4, 2, 1, 3], 3);
    closed.insert(0, 0);
    check("pyramid after a closed key frame", &closed, &[0]);
}

#[test]
fn a_fragment_is_handed_over_in_time() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 60);
    for index in 0..100 {
        let unit = camera.picture(index, 50);
        let now = unit.arrived;
        feed(&mut recorder, unit);
        let written: u32 = recorder
            .sink_mut()
            .files
            .values()
            .flat_map(|file| &file.fragments)
            .map(|fragment| fragment.samples)
            .sum();
        let waiting = index + 1 - i64::from(written);
        assert!(waiting <= 20, "{waiting} pictures wait after {index}");
        assert!(recorder.deadline().is_some_and(|deadline| deadline > now));
    }
    let file = &recorder.sink_mut().files[&1];
    assert!(
        file.fragments.iter().any(|fragment| fragment.start_ticks == 50 * PICTURE && fragment.key)
    );
}

#[test]
fn key_frames_only_make_no_fragment_each() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 60);
    for index in 0..100 {
        let unit = camera.picture(index, 1);
        feed(&mut recorder, unit);
    }
    recorder.finish(camera.at(100 * PICTURE));
    let file = &recorder.sink_mut().files[&1];
    assert!(file.fragments.len() <= 10, "{}", file.fragments.len());
    assert_eq!(file.samples(1).iter().filter(|sample| sample.key).count(), 100);
}

/// Groups of pictures, each in an order of decoding that a decoder with `depth` can show.
fn stream() -> impl Strategy<Value = Vec<(Access, i64)>> {
    let group = (1usize..24, any::<u64>(), 0usize..4);
    prop::collection::vec(group, 1..12).prop_map(|groups| {
        let mut units = Vec::new();
        let mut base = 0;
        for (length, seed, depth) in groups {
            let mut random = fastrand::Rng::with_seed(seed);
            // Pictures in the order of showing, of uneven lengths; each may be decoded up to
            // `depth` places early.
            let mut order: Vec<usize> = (0..length).collect();
            for index in 1..length {
                let early = random.usize(0..=depth.min(index.saturating_sub(1)));
                let picture = order.remove(index);
                order.insert(index - early, picture);
            }
            let mut time = base;
            let times: Vec<i64> = (0..length)
                .map(|_| {
                    let this = time;
                    time += PICTURE + random.i64(-900..900);
                    this
                })
                .collect();
            base = time;
            for (index, picture) in order.into_iter().enumerate() {
                let access = if index == 0 { Access::Key } else { Access::Reference };
                units.push((access, times[picture]));
            }
        }
        units
    })
}

proptest! {
    /// Whatever the order, the lengths and the timer do: each unit once, in order, its time exact.
    #[test]
    fn each_unit_once_with_its_time(
        units in stream(),
        delays in prop::collection::vec(0i64..40_000, 300),
        segment_seconds in 1u64..5,
    ) {
        let mut camera = Camera::new();
        let mut recorder = recorder(Mode::Continuous, segment_seconds);
        let mut sent = Vec::new();
        let mut clock = 0;
        for (index, (access, pts)) in units.into_iter().enumerate() {
            clock += delays[index % delays.len()] / 8;
            let unit = camera.unit(access, pts, clock);
            sent.push((unit.data.to_vec(), unit.time));
            feed(&mut recorder, unit);
        }
        recorder.finish(camera.at(clock));
        let tape = recorder.sink_mut();
        let mut shown = Vec::new();
        for file in tape.files.values() {
            file.check();
            let found = file.samples(1);
            prop_assert_eq!(found[0].decode, 0);
            prop_assert!(found[0].key);
            let start = file.start.start.micros_since(utc_ticks(0));
            shown.extend(found.iter().map(|sample| start + sample.shown * 100 / 9));
        }
        let data: Vec<_> = sent.iter().map(|(data, _)| data.clone()).collect();
        prop_assert_eq!(recorded(tape), data);
        for (shown, (_, time)) in shown.iter().zip(&sent) {
            prop_assert!((time.micros_since(utc_ticks(0)) - shown).abs() <= 2);
        }
    }
}
