//! The vectors of the recording semantics as a table, and the arithmetic against a slow model written
//! from the rules.

use proptest::prelude::{Strategy, prop_assert, prop_assert_eq, proptest};
use proptest::{collection, prop_oneof};

use super::*;

const SECOND: i64 = 1_000_000;

const REFERENCE: Rules = Rules {
    window: SECOND,
    offset: -5 * SECOND,
    minimum: 20 * SECOND,
    maximum: 40 * SECOND,
    late: Late::Ignore,
};

/// Events as `happened@received` in seconds; spans as they stand at the end, in seconds.
fn check(rules: Rules, events: &str, expected: &[(f64, f64)]) {
    let mut activations = Activations::default();
    for word in events.split(' ') {
        let (happened, received) = word.split_once('@').unwrap_or((word, word));
        let read = |text: &str| (text.parse::<f64>().unwrap() * 1e6).round() as i64;
        let received = read(received);
        let moment = Moment { happened: read(happened), received, now: received };
        activations.observe(&rules, moment, "", word);
    }
    let spans: Vec<(f64, f64)> = activations
        .list
        .iter()
        .filter_map(|one| one.edges)
        .map(|edges| (edges.start as f64 / 1e6, edges.end as f64 / 1e6))
        .collect();
    assert_eq!(spans, expected, "{events}");
}

#[test]
fn the_reference_vectors() {
    check(REFERENCE, "100", &[(95.0, 120.0)]);
    check(REFERENCE, "100 105", &[(95.0, 125.0)]);
    check(REFERENCE, "100 110 120 130 140", &[(95.0, 140.0), (140.0, 160.0)]);
    check(REFERENCE, "100 99.2@100.6", &[(94.2, 120.0)]);
    check(REFERENCE, "100 99.2@101.3", &[(95.0, 120.0)]);
    check(REFERENCE, "100 120", &[(95.0, 140.0)]);
    check(REFERENCE, "100 118@125", &[(95.0, 138.0)]);
    check(REFERENCE, "100 60@100.5", &[(95.0, 120.0)]);
    check(REFERENCE, "100 70@100.5", &[(65.0, 110.0)]);
    check(Rules { offset: 5 * SECOND, ..REFERENCE }, "100", &[(105.0, 120.0)]);
    let two_minutes =
        Rules { offset: -30 * SECOND, minimum: 90 * SECOND, maximum: 90 * SECOND, ..REFERENCE };
    check(two_minutes, "100", &[(70.0, 190.0)]);
}

#[test]
fn late_events_get_a_span_of_their_own_where_there_is_room() {
    let record = Rules { late: Late::Record, window: 0, ..REFERENCE };
    for (events, expected) in [
        ("100 99.2@101.3", vec![(94.2, 95.0), (95.0, 120.0)]),
        ("100 60@100.5", vec![(55.0, 80.0), (95.0, 120.0)]),
        ("100 80@101", vec![(75.0, 95.0), (95.0, 120.0)]),
        ("100 60@101 70@102", vec![(55.0, 90.0), (95.0, 120.0)]),
        ("100 60@101 79@102 81@103", vec![(55.0, 95.0), (95.0, 120.0)]),
        ("100 130 122@131", vec![(95.0, 120.0), (120.0, 125.0), (125.0, 150.0)]),
        ("100 130 118@131", vec![(95.0, 125.0), (125.0, 150.0)]),
    ] {
        check(record, events, &expected);
    }
}

#[test]
fn a_sealed_span_stays_and_the_rest_is_recorded_beside_it() {
    check(REFERENCE, "100 118@178.9", &[(95.0, 138.0)]);
    check(REFERENCE, "100 118@179", &[(95.0, 120.0), (120.0, 138.0)]);
    // A span of long ago is sealed as soon as it is announced.
    check(REFERENCE, "100 118@300 119@301", &[(95.0, 120.0), (120.0, 138.0), (138.0, 139.0)]);
}

#[test]
fn an_edge_that_has_passed_is_not_given_back() {
    // At 139 the span ended at 120, 70 + 40 = 110 cannot take that back.
    check(REFERENCE, "100@139 70@139.5", &[(65.0, 120.0)]);
    let behind =
        Rules { offset: 4 * SECOND, minimum: 7 * SECOND, maximum: 7 * SECOND, ..REFERENCE };
    check(behind, "997@1000 993@1001", &[(997.0, 1001.0)]);
}

#[test]
fn memory_is_bounded_and_forgotten_spans_are_not_recorded_twice() {
    let mut activations = Activations::default();
    for index in 0..3000_i64 {
        let at = 100 * SECOND * index;
        activations.observe(&REFERENCE, Moment { happened: at, received: at, now: at }, "", "id");
    }
    assert!(activations.list.len() <= ACTIVATIONS_MAX);
    assert!(activations.list.iter().rev().skip(1).all(|one| one.causes.is_empty()));
    let now = 300_000 * SECOND;
    let record = Rules { late: Late::Record, ..REFERENCE };
    let late = Moment { happened: 500 * SECOND, received: now, now };
    assert_eq!(activations.observe(&record, late, "", "id"), Outcome::Unchanged);
}

#[test]
fn extreme_times_do_not_overflow() {
    let mut activations = Activations::default();
    for happened in [i64::MIN, 0, i64::MAX, -1, i64::MAX - 1] {
        for received in [i64::MIN, i64::MAX] {
            activations.observe(&REFERENCE, Moment { happened, received, now: received }, "", "id");
        }
    }
}

/// The rules once more, in whole seconds, by trying every activation and every second.
#[derive(Default)]
struct Model {
    /// `(opened_at, opened_received, first, end, span)`, in no order.
    activations: Vec<(i64, i64, i64, i64, Vec<i64>)>,
}

impl Model {
    fn observe(&mut self, rules: &Rules, at: i64, received: i64) {
        let extends = (0..self.activations.len())
            .filter(|&index| {
                let (_, _, first, end, _) = self.activations[index];
                first <= at && at <= end && at < first + rules.maximum
            })
            .max_by_key(|&index| (self.activations[index].2, index));
        let following = (0..self.activations.len())
            .filter(|&index| self.activations[index].2 > at)
            .min_by_key(|&index| (self.activations[index].2, index));
        let chosen = match (extends, following) {
            (Some(index), _) => index,
            (None, Some(index))
                if received <= self.activations[index].1 + rules.window
                    && self.activations[index].0 - rules.maximum < at =>
            {
                index
            }
            (None, Some(_)) if rules.late == Late::Ignore => return,
            _ => {
                self.activations.push((at, received, at, at, Vec::new()));
                self.activations.len() - 1
            }
        };
        let taken: Vec<i64> = self
            .activations
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != chosen)
            .flat_map(|(_, one)| one.4.clone())
            .collect();
        let (_, _, first, end, span) = &mut self.activations[chosen];
        *first = (*first).min(at);
        *end = (*end).max(at + rules.minimum).min(*first + rules.maximum);
        // What no neighbour holds. An end that was announced moves back to now at most.
        let announced = span.last().map_or(i64::MIN, |last| (last + 1).min(received));
        let until = (*end).max(announced);
        let wanted = *first + rules.offset..until;
        let free = |second: &i64| !taken.contains(second);
        let mut kept: Vec<i64> = span.iter().copied().filter(|second| *second < until).collect();
        kept.extend(wanted.filter(free));
        kept.sort_unstable();
        kept.dedup();
        *span = kept;
    }

    fn spans(&self) -> Vec<(i64, i64)> {
        let mut spans: Vec<(i64, i64)> = self
            .activations
            .iter()
            .filter_map(|one| Some((*one.4.first()?, *one.4.last()? + 1)))
            .collect();
        spans.sort_unstable();
        spans
    }
}

fn rules() -> impl Strategy<Value = Rules> {
    let late =
        prop_oneof![proptest::strategy::Just(Late::Record), proptest::strategy::Just(Late::Ignore)];
    (0..5_i64, 1..20_i64, 0..20_i64, -20..20_i64, late).prop_map(
        |(window, minimum, more, offset, late)| Rules {
            window,
            offset: offset.min(minimum - 1),
            minimum,
            maximum: minimum + more,
            late,
        },
    )
}

proptest! {
    #[test]
    fn spans_are_those_of_the_model(
        rules in rules(),
        events in collection::vec((0..6_i64, 0..12_i64), 1..30),
    ) {
        // Seconds here are microseconds there: nothing gets sealed, and the model can count them.
        let mut activations = Activations::default();
        let mut model = Model::default();
        let mut received = 1000;
        for (step, lag) in events {
            received += step;
            let happened = received - lag;
            let before: Vec<Activation> = activations.list.clone();
            activations.observe(&rules, Moment { happened, received, now: received }, "", "id");
            model.observe(&rules, happened, received);
            for old in &before {
                let Some(edges) = old.edges else { continue };
                let new = activations.list.iter().find(|one| one.number == old.number).unwrap();
                let new = new.edges.unwrap();
                prop_assert!(new.start <= edges.start);
                prop_assert!(new.end >= edges.end.min(received));
            }
            let mut end = i64::MIN;
            for edges in activations.list.iter().filter_map(|one| one.edges) {
                prop_assert!(edges.start >= end && edges.start < edges.end);
                end = edges.end;
            }
        }
        let mut spans: Vec<(i64, i64)> =
            activations.list.iter().filter_map(|one| one.edges).map(|one| (one.start, one.end)).collect();
        spans.sort_unstable();
        prop_assert_eq!(spans, model.spans());
    }

    #[test]
    fn whoever_loads_a_snapshot_goes_on_as_if_nothing_was(
        rules in rules(),
        events in collection::vec((0..40_i64, 0..12_i64), 1..30),
        cut in 0..200_usize,
    ) {
        let mut one = Activations::default();
        let mut other = Activations::default();
        let mut received = 1000 * SECOND;
        for (number, (step, lag)) in events.into_iter().enumerate() {
            received += step * SECOND;
            let moment = Moment { happened: received - lag * SECOND, received, now: received };
            let cause = format!("event-{number}");
            let expected = one.observe(&rules, moment, "motion", &cause);
            prop_assert_eq!(other.observe(&rules, moment, "motion", &cause), expected);
            let mut state = Writer::default();
            other.save(&mut state);
            let bytes = state.into_bytes();
            let mut reader = Reader::new(&bytes);
            other = Activations::load(&mut reader).unwrap();
            prop_assert_eq!(reader.end(), Ok(()));
            prop_assert!(Activations::load(&mut Reader::new(&bytes[..cut.min(bytes.len() - 1)])).is_err());
        }
        prop_assert_eq!(one, other);
    }

    #[test]
    fn every_event_that_counts_is_covered(
        rules in rules(),
        events in collection::vec((0..6_i64, 0..12_i64), 1..30),
    ) {
        let rules = Rules { late: Late::Record, offset: rules.offset.min(0), ..rules };
        let mut activations = Activations::default();
        let mut received = 1000;
        for (step, lag) in events {
            received += step;
            let happened = received - lag;
            activations.observe(&rules, Moment { happened, received, now: received }, "", "id");
            let covered = activations.list.iter().filter_map(|one| one.edges)
                .any(|edges| edges.start <= happened && happened < edges.end);
            prop_assert!(covered, "{happened} at {received}");
        }
    }
}
