//! Late packets, drifting cameras and clocks that step, on simulated time.

use proptest::prelude::{any, prop, proptest};

use super::*;

const START: i64 = 1_763_800_000_000_000;

struct World {
    origin: Instant,
    /// Added to the wall clock.
    stepped: i64,
    line: Timeline,
}

impl World {
    fn new() -> Self {
        let origin = Instant::now();
        let wall = Timestamp::from_micros(START);
        Self { origin, stepped: 0, line: Timeline::new(Arrival { at: origin, wall }) }
    }

    fn arrival(&self, at: i64) -> Arrival {
        let wall = Timestamp::from_micros(START + at + self.stepped);
        Arrival { at: self.origin + Duration::from_micros(at as u64), wall }
    }

    /// A unit of media time `media` arrives `at` microseconds after the start. Gives its time,
    /// less the start.
    fn place(&mut self, media: i64, at: i64) -> i64 {
        let arrival = self.arrival(at);
        self.line.place(media, arrival, Anchoring::Arrival).micros() - START
    }

    fn now(&self, at: i64) -> i64 {
        self.line.handle().media_now(self.arrival(at).at).micros() - START
    }
}

#[test]
fn the_least_late_packet_of_two_seconds_anchors() {
    let mut world = World::new();
    assert_eq!(world.place(1_000_000, 5_300_000), 5_300_000);
    assert_eq!(world.place(1_040_000, 5_310_000), 5_310_000);
    assert_eq!(world.place(1_080_000, 5_400_000), 5_350_000);
    assert_eq!(world.now(5_400_000), 5_400_000);
    // Earlier than ever, but the line stands.
    assert_eq!(world.place(4_000_000, 8_000_000), 8_270_000);
    world.line.begin();
    assert_eq!(world.place(7, 9_000_000), 9_000_000);
}

#[test]
fn a_file_that_begins_ends_the_search_for_the_least_late() {
    let mut world = World::new();
    world.line.handle().reanchor_due();
    assert_eq!(world.place(0, 5_300_000), 5_300_000);
    assert_eq!(world.place(40_000, 5_310_000), 5_310_000, "that file was of another session");
    world.line.handle().reanchor_due();
    let moved = world.place(80_000, 5_340_000) - 5_350_000;
    assert!((-1000..=0).contains(&moved), "slewed from here on: {moved}");
    let last = world.place(120_000, 5_350_000);
    assert_eq!(last, 5_390_000 + moved, "until the next file begins");
}

#[test]
fn drift_is_followed_at_file_starts_and_slowly() {
    let mut world = World::new();
    // The camera's clock is 1000 ppm slow: each minute packets come 60 ms later.
    let (mut time, mut media) = (0, 0);
    for second in 0..600 {
        media = second * 1_000_000;
        time = world.place(media, media + media / 1000);
    }
    assert_eq!(time, media, "no file started");
    world.line.handle().reanchor_due();
    world.place(media, media + media / 1000);
    let moved = world.place(media, media + media / 1000) - media;
    // At most 500 ppm of the 600 s since the anchor moved last.
    assert!((290_000..=300_000).contains(&moved), "{moved}");
    world.line.handle().reanchor_due();
    assert_eq!(world.place(media, media + media / 1000) - media, moved);
}

#[test]
fn a_step_of_the_clock_begins_an_epoch() {
    for step in [3_600_000_000, -3_600_000_000, 300_000] {
        let mut world = World::new();
        world.place(0, 0);
        world.place(3_000_000, 3_000_000);
        world.stepped = step;
        // A file that has just begun makes it none either.
        world.line.handle().reanchor_due();
        assert_eq!(world.place(3_040_000, 3_040_000), 3_040_000, "one arrival is no proof");
        assert_eq!(world.line.epoch(), 0);
        assert_eq!(world.place(3_080_000, 3_080_000), 3_080_000 + step);
        assert_eq!(world.line.epoch(), 1);
        assert_eq!(world.now(3_080_000), 3_080_000 + step);
        assert_eq!(world.place(3_120_000, 3_120_000), 3_120_000 + step);
        assert_eq!(world.line.handle().epoch(), 1);
    }
    let mut world = World::new();
    world.place(0, 0);
    world.stepped = 9_000_000;
    world.place(40_000, 40_000);
    world.stepped = 0;
    world.place(80_000, 80_000);
    assert_eq!(world.line.epoch(), 0, "the clocks were read far apart, once");
}

#[test]
fn a_file_has_its_own_time() {
    let mut world = World::new();
    let start = Timestamp::from_millis(1_000_000);
    for (media, at) in [(0, 5), (40_000, 6), (9_000_000, 7)] {
        let time = world.line.place(media, world.arrival(at), Anchoring::At(start));
        assert_eq!(time, start.offset(media));
        assert_eq!(world.line.handle().media_now(world.arrival(at).at), time);
    }
}

#[test]
fn sender_reports_align_a_second_stream() {
    let mut main = World::new();
    let mut second = World::new();
    second.line = second.line.aligned_with(main.line.handle());
    let ntp = 77_000_000;
    main.place(10_000_000, 1_000_000);
    main.line.report(10_000_000, ntp);
    // Its packets are 80 ms later than those of the main stream, and its origin is another.
    assert_eq!(second.place(500_000, 1_080_000), 1_080_000);
    second.line.report(500_000, ntp);
    assert_eq!(second.place(540_000, 1_120_000), 1_040_000);
    // Nonsense is not believed.
    second.line.report(540_000, ntp + 3_600_000_000);
    assert_eq!(second.place(580_000, 1_160_000), 1_080_000);
}

/// Sends 60 pictures, 25 a second; the first arrives at `at`, the others `late` less late. Gives
/// their times.
fn session(world: &mut World, at: i64, late: i64) -> Vec<i64> {
    world.line.begin();
    let arrival = |n: i64| at + n * 40_000 - if n == 0 { 0 } else { late };
    (0..60).map(|n| world.place(n * 40_000, arrival(n))).collect()
}

#[test]
fn no_session_lies_before_the_end_of_the_last() {
    const END: i64 = 10_000_000;
    // When the first picture arrives after the end of the video on disk, and how late it is; where
    // the first and the last picture are put, and the epoch.
    for (name, after, late, first, last, epoch) in [
        ("after a pause", 5_000_000, 0, 5_000_000, 7_360_000, 7),
        ("at once", 0, 0, 0, 2_360_000, 7),
        ("a little early", -50_000, 0, 0, 2_360_000, 7),
        ("as early as may be", -250_000, 0, 0, 2_360_000, 7),
        ("earlier", -251_000, 0, -251_000, 2_109_000, 8),
        ("late at first", 300_000, 30_000, 300_000, 2_630_000, 7),
        ("late at first, in truth early", 10_000, 30_000, 10_000, 2_360_000, 7),
    ] {
        let mut world = World::new();
        world.line = world.line.resuming(7, Some(Timestamp::from_micros(START + END)));
        let times = session(&mut world, END + after, late);
        let found = (times[0] - END, times[59] - END, world.line.epoch());
        assert_eq!(found, (first, last, epoch), "{name}");
    }
}

#[test]
fn a_new_session_goes_on_after_the_last_one() {
    // The line is 100 ms, then 2 s, ahead of the arrivals: the camera's clock ran fast.
    for (fast, epochs) in [(100_000, 0), (2_000_000, 1)] {
        let mut world = World::new();
        let first = session(&mut world, 0, 0);
        let media = 60 * 40_000;
        let last = world.place(media + fast, media);
        assert_eq!((first[59], last), (59 * 40_000, media + fast));
        let next = session(&mut world, media + 40_000, 0);
        assert_eq!(world.line.epoch(), epochs, "{fast}");
        assert!(epochs == 1 || next[0] > last, "{fast}: {} {last}", next[0]);
        assert!(epochs == 0 || next[0] == media + 40_000, "{fast}");
    }
}

#[test]
fn a_step_while_the_camera_is_away_is_seen_by_its_first_unit() {
    for step in [3_600_000_000, -3_600_000_000] {
        let mut world = World::new();
        session(&mut world, 0, 0);
        world.stepped = step;
        let times = session(&mut world, 30_000_000, 0);
        assert_eq!((times[0], world.line.epoch()), (30_000_000 + step, 1));
        assert_eq!((times[59], world.line.epoch()), (32_360_000 + step, 1));
    }
}

#[test]
fn a_smeared_leap_second_is_drift() {
    // 1 s in 24 h, both ways, and the fastest that a system slews; a file a minute.
    for (name, ppb) in
        [("smear", 11_574), ("back", -11_574), ("slew", 500_000), ("slew back", -500_000)]
    {
        let mut world = World::new();
        let mut last = -1_000_000;
        for second in 0..86_400 {
            let at = second * 1_000_000;
            world.stepped = at / 1000 * ppb / 1_000_000;
            if second % 60 == 0 {
                world.line.handle().reanchor_due();
            }
            let time = world.place(at, at);
            let moved = time - last - 1_000_000;
            assert!(moved.abs() <= 60 * 500, "{name}: {moved} at {second}");
            let off = time - (at + world.stepped);
            assert!(off.abs() <= 45_000, "{name}: {off} at {second}");
            last = time;
        }
        assert_eq!(world.line.epoch(), 0, "{name}");
    }
}

#[test]
fn a_line_too_far_off_to_be_slewed_jumps_in_a_new_epoch() {
    // A camera that counts 30 pictures a second and sends 29.9.
    let mut world = World::new();
    let (mut epochs, mut worst) = (Vec::new(), 0);
    for second in 0..4 * 3600 {
        let media = second * 1_000_000;
        let at = media + second * 3_333;
        if second % 60 == 0 {
            world.line.handle().reanchor_due();
        }
        worst = worst.max(at - world.place(media, at));
        if epochs.last() != Some(&world.line.epoch()) {
            epochs.push(world.line.epoch());
        }
    }
    assert!(worst <= 5_300_000, "{worst}");
    assert!((5..12).contains(&epochs.len()), "{epochs:?}");
}

/// As [`World::place`], for a camera whose own clock is followed.
fn place_by_camera(world: &mut World, media: i64, at: i64) -> i64 {
    let arrival = world.arrival(at);
    world.line.place(media, arrival, Anchoring::Camera).micros() - START
}

#[test]
fn a_cameras_clock_is_followed() {
    let mut world = World::new();
    assert_eq!(place_by_camera(&mut world, 0, 0), 0, "before the first report");
    // 3 s ahead of the host: a step, once.
    assert_eq!(world.line.report(0, START + 3_000_000), None);
    assert_eq!(place_by_camera(&mut world, 40_000, 40_000), 3_040_000);
    assert_eq!(world.line.epoch(), 1);
    assert_eq!(world.now(40_000), 3_040_000);
    // It drifts by 20 ms: followed at a file's start, by 500 ppm.
    assert_eq!(world.line.report(10_000_000, START + 13_020_000), None);
    assert_eq!(place_by_camera(&mut world, 10_000_000, 10_000_000), 13_000_000);
    world.line.handle().reanchor_due();
    assert_eq!(place_by_camera(&mut world, 10_040_000, 10_040_000), 13_045_000);
    // One report is nonsense, two that agree are a step of the camera's clock.
    assert_eq!(world.line.report(11_000_000, START + 20_000_000), None);
    assert_eq!(world.line.epoch(), 1);
    assert_eq!(world.line.report(11_000_000, START + 14_020_000), None);
    assert_eq!(world.line.epoch(), 1);
    for _ in 0..2 {
        assert_eq!(world.line.report(12_000_000, START + 22_000_000), None);
    }
    assert_eq!(world.line.epoch(), 2);
    assert_eq!(place_by_camera(&mut world, 12_000_000, 12_000_000), 22_000_000);
    // What is known stands for the next session too.
    world.line.begin();
    assert_eq!(place_by_camera(&mut world, 500, 40_000_000), 50_000_000);
    assert_eq!(world.line.epoch(), 2);
}

#[test]
fn a_camera_far_from_the_hosts_time_is_not_believed() {
    let mut world = World::new();
    place_by_camera(&mut world, 0, 0);
    let year = Some(Duration::from_secs(365 * 86_400));
    assert_eq!(world.line.report(0, START - 365 * 86_400_000_000), year);
    assert_eq!(place_by_camera(&mut world, 40_000, 40_000), 40_000);
    assert_eq!(world.line.epoch(), 0);
}

#[test]
fn a_step_of_the_host_does_not_move_a_followed_camera() {
    // By 10 s, which a camera may be off, and by an hour.
    for (step, moved, epoch) in [(10_000_000, 0, 1), (3_600_000_000, 3_600_000_000, 2)] {
        let mut world = World::new();
        place_by_camera(&mut world, 0, 0);
        world.line.report(0, START + 3_000_000);
        place_by_camera(&mut world, 40_000, 40_000);
        world.stepped = step;
        place_by_camera(&mut world, 80_000, 80_000);
        let expected = if moved == 0 { 3_120_000 } else { 120_000 + moved };
        assert_eq!(place_by_camera(&mut world, 120_000, 120_000), expected, "{step}");
        assert_eq!(world.line.epoch(), epoch, "{step}");
        assert_eq!(world.now(120_000), expected, "{step}");
    }
}

proptest! {
    #[test]
    fn any_media_times_are_survived(
        steps in prop::collection::vec((any::<i64>(), 0_i64..20_000_000, any::<bool>()), 0..40),
    ) {
        let mut world = World::new();
        let mut at = 0;
        for (media, later, reanchor) in steps {
            at += later;
            if reanchor {
                world.line.handle().reanchor_due();
            }
            let arrival = world.arrival(at);
            world.line.place(media, arrival, Anchoring::Arrival);
            world.line.report(media, later);
            world.now(at);
        }
    }
}
