//! What came of a test, as JSON that people can read and compare: times in seconds after the start,
//! ids without what the host put before them.

use serde_json::{Map, Value, json};

use crate::base::Timestamp;
use crate::events::{self, Event};
use crate::replay::{Outcome, Said};

/// All of it.
pub(super) fn json(outcome: &Outcome, camera: &str, start: Timestamp) -> Value {
    let events: Vec<Value> = outcome.events.iter().map(|said| event(said, camera, start)).collect();
    let spans: Vec<Value> = outcome
        .spans
        .iter()
        .map(|span| {
            let because: Vec<&str> = span.because.iter().map(|id| own(id, camera)).collect();
            json!({
                "id": own(&span.id, camera),
                "start": seconds(span.start, start),
                "end": seconds(span.end, start),
                "keep": span.keep.map(|keep| keep.as_secs_f64()),
                "label": span.label,
                "because": because,
            })
        })
        .collect();
    let answers: Vec<Value> = outcome
        .answers
        .iter()
        .flat_map(|(segment, said)| {
            said.iter().map(move |keep| {
                json!({ "segment": segment, "keep": keep.map(|keep| keep.as_secs_f64()) })
            })
        })
        .collect();
    let refused: Vec<Value> = outcome
        .refused
        .iter()
        .map(|(number, why)| json!({ "message": number + 1, "why": why }))
        .collect();
    let parts = [("events", events), ("spans", spans), ("answers", answers), ("refused", refused)];
    let kept = parts.into_iter().filter(|(_, rows)| !rows.is_empty());
    Value::Object(kept.map(|(name, rows)| (name.to_owned(), Value::Array(rows))).collect())
}

/// Seconds from `start` to `time`, to the microsecond.
pub(super) fn seconds(time: Timestamp, start: Timestamp) -> Value {
    json!(time.micros_since(start) as f64 / 1e6)
}

fn event(said: &Said, camera: &str, start: Timestamp) -> Value {
    let Event { id, kind, phase, time, confidence, regions, correlation, attributes, .. } =
        &said.new.event;
    let mut row = Map::new();
    let mut put = |key: &str, value: Value| row.insert(key.to_owned(), value);
    put("kind", json!(kind));
    put("phase", json!(phase));
    put("time", seconds(*time, start));
    put("id", json!(own(id, camera)));
    put("by", json!(said.new.origin));
    put("confidence", rounded(*confidence));
    if let Some(correlation) = correlation {
        put("correlation", json!(correlation));
    }
    if !regions.is_empty() {
        put("regions", regions.iter().map(region).collect());
    }
    if !attributes.is_empty() {
        let all = attributes.iter().map(|one| (one.key.clone(), value(&one.value)));
        put("attributes", Value::Object(all.collect()));
    }
    if let crate::store::Outcome::Refused(why) = &said.new.outcome {
        put("refused", json!(why));
    }
    Value::Object(row)
}

fn region(region: &events::Region) -> Value {
    let area = region.area;
    let mut row = Map::new();
    row.insert("area".into(), [area.x, area.y, area.width, area.height].map(rounded).into());
    row.insert("confidence".into(), rounded(region.confidence));
    if let Some(label) = &region.label {
        row.insert("label".into(), json!(label));
    }
    if let Some(track) = region.track {
        row.insert("track".into(), json!(track));
    }
    Value::Object(row)
}

fn value(value: &events::Value) -> Value {
    match value {
        events::Value::Text(text) => json!(text),
        events::Value::Integer(number) => json!(number),
        events::Value::Number(number) => json!(number),
        events::Value::Flag(flag) => json!(flag),
        events::Value::Bytes(bytes) => json!(bytes),
        events::Value::Json(text) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
        }
    }
}

/// To four digits: what is compared with a tolerance need not be longer.
fn rounded(number: f32) -> Value {
    json!((f64::from(number) * 1e4).round() / 1e4)
}

/// An id without `<camera>/<plugin>/<run>/`, or `<plugin>/<run>/` of a source.
fn own<'a>(id: &'a str, camera: &str) -> &'a str {
    let rest = id.strip_prefix(camera).and_then(|rest| rest.strip_prefix('/')).unwrap_or(id);
    rest.splitn(3, '/').nth(2).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_plugins_own() {
        for (id, expected) in [
            ("gate/motion/ab/m1", "m1"),
            ("gate/motion/ab/a/b", "a/b"),
            ("door/ab/7", "7"),
            ("plain", "plain"),
        ] {
            assert_eq!(own(id, "gate"), expected);
        }
    }
}
