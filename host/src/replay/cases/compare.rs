//! What came against what was expected, list by list: what is missing, what is more, what differs.
//!
//! Pure. Numbers may be off by a tolerance; texts may not.

use serde_json::{Map, Value};

use super::format::{Tolerances, is_time};

/// How far numbers may be off.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// Times and lengths, in seconds.
    pub seconds: f64,
    /// All others.
    pub number: f64,
}

impl From<&Tolerances> for Tolerance {
    fn from(given: &Tolerances) -> Self {
        Self {
            seconds: given.time.map_or(0.001, |length| length.0.as_secs_f64()),
            number: given.number.unwrap_or(0.001),
        }
    }
}

/// Lines for people; none where all is as expected. `partial`: lists and keys that `expected` does
/// not have are not compared.
pub fn differences(
    expected: &Value,
    found: &Value,
    tolerance: Tolerance,
    partial: bool,
) -> Vec<String> {
    let none = Map::new();
    let (expected, found) =
        (expected.as_object().unwrap_or(&none), found.as_object().unwrap_or(&none));
    let alike = Alike { tolerance, partial };
    let mut names: Vec<&String> = expected.keys().collect();
    if !partial {
        names.extend(found.keys().filter(|name| !expected.contains_key(*name)));
    }
    let rows = |of: &Map<String, Value>, name: &str| {
        of.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let mut lines = Vec::new();
    for name in names {
        let (expected, found) = (rows(expected, name), rows(found, name));
        let changes = alike.lists(&expected, &found);
        if changes.iter().any(|change| !change.starts_with(' ')) {
            lines.push(format!("{name}: {} expected, {} came", expected.len(), found.len()));
            lines.extend(changes);
        }
    }
    lines
}

struct Alike {
    tolerance: Tolerance,
    partial: bool,
}

impl Alike {
    /// The longest common part stays; before each line `-` what is missing, `+` what is more.
    fn lists(&self, expected: &[Value], found: &[Value]) -> Vec<String> {
        let common = self.common(expected, found);
        let (mut at, mut to) = (0, 0);
        let mut lines = Vec::new();
        while at < expected.len() || to < found.len() {
            if at < expected.len() && to < found.len() && self.values("", &expected[at], &found[to])
            {
                lines.push(format!("  {}", found[to]));
                (at, to) = (at + 1, to + 1);
            } else if to >= found.len()
                || (at < expected.len() && common[at + 1][to] >= common[at][to + 1])
            {
                lines.push(format!("- {}", expected[at]));
                at += 1;
            } else {
                lines.push(format!("+ {}", found[to]));
                to += 1;
            }
        }
        lines
    }

    /// Lengths of the longest common parts of what is left from each pair of places on.
    fn common(&self, expected: &[Value], found: &[Value]) -> Vec<Vec<usize>> {
        let mut lengths = vec![vec![0; found.len() + 1]; expected.len() + 1];
        for at in (0..expected.len()).rev() {
            for to in (0..found.len()).rev() {
                lengths[at][to] = if self.values("", &expected[at], &found[to]) {
                    lengths[at + 1][to + 1] + 1
                } else {
                    lengths[at + 1][to].max(lengths[at][to + 1])
                };
            }
        }
        lengths
    }

    fn values(&self, key: &str, expected: &Value, found: &Value) -> bool {
        match (expected, found) {
            (Value::Number(one), Value::Number(other)) => {
                let bound =
                    if is_time(key) { self.tolerance.seconds } else { self.tolerance.number };
                let apart = one.as_f64().unwrap_or(f64::NAN) - other.as_f64().unwrap_or(f64::NAN);
                // A little more: decimal fractions are not exact.
                one == other || apart.abs() <= bound + 1e-9
            }
            (Value::Array(one), Value::Array(other)) => {
                one.len() == other.len()
                    && one.iter().zip(other).all(|(one, other)| self.values(key, one, other))
            }
            (Value::Object(one), Value::Object(other)) => {
                let same = |(key, value): (&String, &Value)| {
                    other.get(key).is_some_and(|found| self.values(key, value, found))
                };
                one.iter().all(same) && (self.partial || one.len() == other.len())
            }
            _ => expected == found,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TOLERANCE: Tolerance = Tolerance { seconds: 0.5, number: 0.01 };

    #[test]
    fn numbers_may_be_off_and_texts_may_not() {
        let event = |kind: &str, time: f64, confidence: f64| json!({ "kind": kind, "time": time, "confidence": confidence });
        let expected = json!({ "events": [event("motion", 1.0, 0.5), event("door", 9.0, 1.0)] });
        for (found, different) in [
            (json!({ "events": [event("motion", 1.5, 0.509), event("door", 9.0, 1.0)] }), false),
            (json!({ "events": [event("motion", 1.6, 0.5), event("door", 9.0, 1.0)] }), true),
            (json!({ "events": [event("motion", 1.0, 0.52), event("door", 9.0, 1.0)] }), true),
            (json!({ "events": [event("moti0n", 1.0, 0.5), event("door", 9.0, 1.0)] }), true),
            (json!({ "events": [event("door", 9.0, 1.0), event("motion", 1.0, 0.5)] }), true),
            (json!({ "events": [event("motion", 1.0, 0.5)] }), true),
            (json!({}), true),
        ] {
            let lines = differences(&expected, &found, TOLERANCE, false);
            assert_eq!(!lines.is_empty(), different, "{found}: {lines:?}");
        }
    }

    #[test]
    fn what_a_person_wrote_names_only_what_matters() {
        let found = json!({ "events": [{ "kind": "motion", "time": 1.0 }], "spans": [{}] });
        let expected = json!({ "events": [{ "kind": "motion" }] });
        assert_eq!(differences(&expected, &found, TOLERANCE, true), [""; 0]);
        assert!(!differences(&expected, &found, TOLERANCE, false).is_empty());
        // An empty list says that nothing may come.
        assert!(!differences(&json!({ "spans": [] }), &found, TOLERANCE, true).is_empty());
    }

    #[test]
    fn differences_are_shown_in_their_place() {
        let row = |kind: &str| json!({ "kind": kind });
        let expected = json!({ "events": [row("a"), row("b"), row("c")] });
        let found = json!({ "events": [row("a"), row("x"), row("c")] });
        assert_eq!(
            differences(&expected, &found, TOLERANCE, false),
            [
                "events: 3 expected, 3 came",
                "  {\"kind\":\"a\"}",
                "- {\"kind\":\"b\"}",
                "+ {\"kind\":\"x\"}",
                "  {\"kind\":\"c\"}"
            ]
        );
    }
}
