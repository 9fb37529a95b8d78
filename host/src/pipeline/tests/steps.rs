//! Clocks that step, slew and start wrong, from arrival to disk: what a camera sent is in exactly
//! one file, in order, and no range of an epoch lies on another.

use std::time::Duration;

use super::house::Act::{Away, Keyless, Outage, Send, Slew, Span as Ask, Step};
use super::house::{End, Found, GROUP, House, LOST, SECOND, found};
use crate::record::Mode;

const HOUR: i64 = 3600 * SECOND;
const YEAR: i64 = 365 * 24 * HOUR;

const START: i64 = 1_763_800_000 * SECOND;
/// Half a minute before a day ends.
const EVENING: i64 = 1_763_855_970 * SECOND;

#[tokio::test(start_paused = true)]
async fn no_unit_is_lost_whatever_the_clock_does() {
    let away = Away(Duration::from_secs(3));
    for (name, start, acts, epochs, files) in [
        ("no step", START, vec![Send(450)], 1, 5),
        ("midnight", EVENING, vec![Send(450)], 1, 5),
        ("an hour ahead", START, vec![Send(250), Step(HOUR), Send(250)], 2, 6),
        ("an hour back", START, vec![Send(250), Step(-HOUR), Send(250)], 2, 6),
        (
            "a year ahead and back",
            START,
            vec![Send(150), Step(YEAR), Send(150), Step(-YEAR), Send(150)],
            3,
            6,
        ),
        ("over midnight and back", EVENING, vec![Send(350), Step(-HOUR), Send(150)], 2, 6),
        ("1.5 s ahead", START, vec![Send(250), Step(3 * SECOND / 2), Send(250)], 2, 6),
        ("1.5 s back", START, vec![Send(250), Step(-3 * SECOND / 2), Send(250)], 2, 6),
        ("200 ms ahead", START, vec![Send(250), Step(SECOND / 5), Send(250)], 1, 5),
        ("200 ms back", START, vec![Send(250), Step(-SECOND / 5), Send(250)], 1, 5),
        ("slewed ahead", START, vec![Slew(500, 3000)], 1, 30),
        ("slewed back", START, vec![Slew(-500, 3000)], 1, 30),
        (
            "there and back at once",
            START,
            vec![Send(205), Step(HOUR), Send(2), Step(-HOUR), Send(193)],
            2,
            5,
        ),
        (
            "while the camera is away",
            START,
            vec![Send(250), away, Step(-HOUR), away, Send(250)],
            2,
            7,
        ),
        ("at a camera's return", START, vec![Send(250), away, Step(SECOND / 5), Send(250)], 1, 6),
    ] {
        let mut house = House::new(Mode::Continuous, start);
        house.run(&acts, End::Stopped).await;
        let found = found(&house);
        assert_eq!(found.units, (0..house.sent).collect::<Vec<_>>(), "{name}");
        assert_eq!(found.epochs.len(), epochs, "{name}: {:?}", found.epochs);
        assert!(found.files.abs_diff(files) <= 1, "{name}: {} files", found.files);
        assert!(found.steps + 1 >= epochs, "{name}: {} steps were told", found.steps);
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_starts_again_goes_on_after_what_is_there() {
    for (name, end, step, epochs) in [
        ("stopped", End::Stopped, 5 * SECOND, 1),
        ("killed", End::Killed, 0, 1),
        ("killed, and a little back", End::Killed, -SECOND / 20, 1),
        ("stopped, and back by an hour", End::Stopped, -HOUR, 2),
        ("killed, and back by a year", End::Killed, -YEAR, 2),
        ("stopped, and a year ahead", End::Stopped, YEAR, 1),
    ] {
        let mut house = House::new(Mode::Continuous, START);
        for _ in 0..2 {
            house.run(&[Send(257)], end).await;
            house.clock.step(step);
            // A second group begins with the next run.
            house.sent = house.sent.next_multiple_of(GROUP);
        }
        house.run(&[Send(101)], End::Stopped).await;
        let found = found(&house);
        assert!(found.units.is_sorted_by(|one, next| one < next), "{name}: {:?}", found.units);
        let lost = house.pictures - found.units.len() as u64;
        assert!(lost <= LOST * house.kills, "{name}: {lost} lost");
        let expected = if epochs == 1 { 1 } else { 3 };
        assert_eq!(found.epochs.len(), expected, "{name}: {:?}", found.epochs);
        assert_eq!(found.steps, expected - 1, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn with_spans_only_all_around_a_step_is_kept() {
    // Pictures 0 to 299 come before the step, the others after it.
    let numbers = |found: &Found| (found.units.first().copied(), found.units.last().copied());
    for step in [HOUR, -HOUR, YEAR, -YEAR, 2 * SECOND, -2 * SECOND] {
        for (name, before, after) in [
            ("nothing asked", vec![], vec![]),
            ("asked before", vec![Ask(3 * SECOND, 30 * SECOND)], vec![]),
            ("asked after", vec![], vec![Ask(5 * SECOND, 2 * SECOND)]),
        ] {
            let mut house = House::new(Mode::Events, START);
            let acts = [vec![Send(300)], before, vec![Step(step), Send(5)], after, vec![Send(495)]];
            house.run(&acts.concat(), End::Stopped).await;
            let mut found = found(&house);
            // What a span left in the ring comes to disk after it.
            found.units.sort_unstable();
            let (first, last) = numbers(&found);
            let what = format!("{name}, {step}: {first:?} {last:?}");
            // The ring before the step, and as much after it: whole groups.
            assert!((180..=200).contains(&first.unwrap()), "{what}");
            assert!((399..450).contains(&last.unwrap()) || step.abs() < HOUR, "{what}");
            let all: Vec<u64> = (first.unwrap()..=last.unwrap()).collect();
            assert_eq!(found.units, all, "{what}");
            assert_eq!(found.steps, 1, "{what} {:?} {:?}", found.epochs, house.said);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_goes_on_over_a_step() {
    for step in [HOUR, -HOUR] {
        let mut house = House::new(Mode::Events, START);
        house.run(&[Send(300), Outage, Send(50), Step(step), Send(500)], End::Stopped).await;
        // What lay in the ring before the outage came to disk with the step.
        let mut units = found(&house).units;
        units.sort_unstable();
        let all: Vec<u64> = (units[0]..house.sent).collect();
        assert_eq!(units, all, "{step}");
        assert!(units[0] <= 300, "{step}: {}", units[0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_of_more_than_ten_minutes_stays_in_its_file_and_is_told_of() {
    let mut house = House::new(Mode::Continuous, START);
    house.run(&[Send(1), Keyless(5990)], End::Stopped).await;
    assert!(!house.said.contains(&"camera.keyless".to_owned()), "{:?}", house.said);
    let mut house = House::new(Mode::Continuous, START);
    house.run(&[Send(1), Keyless(7000)], End::Stopped).await;
    let found = found(&house);
    assert_eq!(found.units, (0..house.sent).collect::<Vec<_>>());
    assert_eq!(found.files, 1);
    assert_eq!(house.said.iter().filter(|kind| *kind == "camera.keyless").count(), 1);
}
