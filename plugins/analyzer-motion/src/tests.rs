//! The analyzer as the host calls it: a white square that jumps about on black.

use wardline_sdk::Value;

use super::*;

const WIDTH: u32 = 64;
const HEIGHT: u32 = 36;

fn analyzer(params: &str) -> MotionAnalyzer {
    let setup = Setup {
        name: "motion".to_owned(),
        camera: Some("hall".to_owned()),
        video: None,
        params: params.to_owned(),
        attributes: Vec::new(),
    };
    let (analyzer, wishes) = MotionAnalyzer::init(&setup).unwrap();
    assert!(wishes.pictures.is_some() && !wishes.units);
    analyzer
}

/// One character a picture at 5 a second, from picture `first` on: `#` shows the square somewhere else
/// each time, `.` does not, `|` is a gap.
fn play(analyzer: &mut MotionAnalyzer, first: u32, pictures: &str) -> Vec<Event> {
    let mut events = Vec::new();
    for (index, sign) in (first..).zip(pictures.chars()) {
        let mut pixels = vec![20; (WIDTH * HEIGHT) as usize];
        if sign == '#' {
            let left = (index % 4 * 12) as usize;
            for row in pixels.chunks_mut(WIDTH as usize).skip(8).take(16) {
                row[left..left + 12].fill(230);
            }
        }
        let picture = Picture {
            sequence: u64::from(index),
            time: i64::from(index) * 200_000,
            width: WIDTH,
            height: HEIGHT,
            skipped: 0,
            key: false,
            gap: sign == '|',
        };
        events.extend(analyzer.analyze(&picture, &pixels).unwrap());
    }
    events
}

fn shape(events: &[Event]) -> Vec<(&str, Phase, i64)> {
    events.iter().map(|event| (event.id.as_str(), event.phase, event.time / 200_000)).collect()
}

#[test]
fn one_motion_is_one_event_from_begin_to_end() {
    let mut analyzer = analyzer("{}");
    let events = play(&mut analyzer, 0, "..........##########...........");
    assert_eq!(
        shape(&events),
        [("1", Phase::Begin, 10), ("1", Phase::Update, 17), ("1", Phase::End, 19)]
    );
    for event in &events {
        assert_eq!(event.kind, "motion");
        assert!((0.5..=1.0).contains(&event.confidence));
        let area = event.regions[0].area;
        assert!(area.x >= 0.0 && area.x + area.width <= 1.0 && area.y + area.height <= 1.0);
    }
}

#[test]
fn an_event_names_its_zones() {
    let zones =
        r#"{"zones":{"all":[[0,0],[1,0],[1,1],[0,1]],"left":[[0,0],[0.4,0],[0.4,1],[0,1]]}}"#;
    let mut analyzer = analyzer(zones);
    let events = play(&mut analyzer, 0, "..........##########...........");
    let end = events.last().unwrap();
    assert_eq!(end.attribute("zone"), Some(&Value::Text("all,left".to_owned())));
}

#[test]
fn after_a_gap_all_begins_anew() {
    let mut analyzer = analyzer("{}");
    let events = play(&mut analyzer, 0, "..........#####|..........#####");
    assert_eq!(shape(&events), [("1", Phase::Begin, 10), ("2", Phase::Begin, 26)]);
}

#[test]
fn a_new_instance_knows_the_room_and_uses_no_id_twice() {
    let mut old = analyzer("{}");
    play(&mut old, 0, "..........#####............");
    let mut new = analyzer("{}");
    new.load(old.save().unwrap()).unwrap();
    let events = play(&mut new, 27, "#####");
    assert_eq!(shape(&events), [("2", Phase::Begin, 27)]);
}

/// Handed over at every picture in turn, it says what one that was never handed over says.
#[test]
fn a_swap_at_any_picture_changes_nothing() {
    let pictures = "..........#####..####............##.#####.........";
    let mut one = analyzer("{}");
    let plain = play(&mut one, 0, pictures);
    for swaps in 1..4 {
        let mut now = analyzer("{}");
        let mut said = Vec::new();
        for (index, picture) in (0..).zip(pictures.chars()) {
            said.extend(play(&mut now, index, &picture.to_string()));
            if index % swaps == 0 {
                let mut next = analyzer("{}");
                next.load(now.save().unwrap()).unwrap();
                now = next;
            }
        }
        assert_eq!(said, plain, "every {swaps}");
    }
}

#[test]
fn a_strange_snapshot_is_refused() {
    let mut analyzer = analyzer("{}");
    for (schema, length) in [(1, 10), (2, 0), (2, 7), (2, 8), (2, 9), (2, 24), (2, 100)] {
        let snapshot = Snapshot { schema, data: vec![1; length] };
        assert!(analyzer.load(snapshot).is_err(), "{schema} {length}");
    }
    let good = analyzer.save().unwrap();
    analyzer.load(good).unwrap();
}

#[test]
fn bad_parameters_leave_the_old_ones_in_force() {
    let mut analyzer = analyzer(r#"{"aggregation":0}"#);
    assert!(matches!(analyzer.set_params(r#"{"minimum-size":2}"#), Err(Fault::BadParams(_))));
    assert_eq!(analyzer.motion.settings().aggregation.micros(), 0);
}
