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
