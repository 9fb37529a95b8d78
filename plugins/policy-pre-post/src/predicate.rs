//! Which events count: kinds, confidence, zones, attributes. Pure: an event and its origin in, yes or
//! no out. Knows nothing of time.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use wardline_sdk::{Event, Notice, Value};

/// What the host says of itself; counts only when a pattern names it.
const HOST_GROUPS: [&str; 3] = ["camera", "recording", "store"];
const HOST_KINDS: [&str; 1] = ["record.now"];

/// A kind of event, or a group of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// `*`: all but what the host says of itself.
    Every,
    /// `door.*`: all below `door.`.
    Group(String),
    /// `motion`: this one.
    Kind(String),
}

/// All conditions must hold; an empty list is no condition, except that no kinds match nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicate {
    /// Any of these.
    pub kinds: Vec<Pattern>,
    /// 0..1
    pub minimum_confidence: f32,
    /// Any of these, in the event's attribute `zone` (names with commas between).
    pub zones: Vec<String>,
    /// All of these, each with the value or one of the list.
    pub attributes: BTreeMap<String, Json>,
}

impl Pattern {
    /// Reads `*`, `door.*` or `motion`.
    ///
    /// # Errors
    /// A text that names the pattern.
    pub fn read(text: &str) -> Result<Self, String> {
        let plain = |name: &str| !name.is_empty() && !name.contains('*');
        match text.strip_suffix(".*") {
            _ if text == "*" => Ok(Self::Every),
            Some(group) if plain(group) => Ok(Self::Group(format!("{group}."))),
            None if plain(text) => Ok(Self::Kind(text.to_owned())),
            _ => {
                Err(format!("{text:?} is no kind of event: write \"motion\", \"door.*\" or \"*\""))
            }
        }
    }

    fn matches(&self, kind: &str, from_host: bool) -> bool {
        match self {
            Self::Every => !from_host,
            Self::Group(group) => kind.starts_with(group.as_str()),
            Self::Kind(name) => kind == name,
        }
    }
}

impl Predicate {
    /// Whether this event counts.
    #[must_use]
    pub fn matches(&self, notice: &Notice) -> bool {
        let event = &notice.event;
        let group = event.kind.split('.').next().unwrap_or_default();
        let from_host = notice.origin == "host"
            || HOST_GROUPS.contains(&group)
            || HOST_KINDS.contains(&event.kind.as_str());
        self.kinds.iter().any(|pattern| pattern.matches(&event.kind, from_host))
            && event.confidence >= self.minimum_confidence
            && self.in_zones(event)
            && self.attributes.iter().all(|(key, wanted)| {
                event.attribute(key).is_some_and(|value| is_one_of(value, wanted))
            })
    }

    fn in_zones(&self, event: &Event) -> bool {
        if self.zones.is_empty() {
            return true;
        }
        let Some(Value::Text(zones)) = event.attribute("zone") else { return false };
        zones.split(',').any(|zone| self.zones.iter().any(|wanted| wanted == zone.trim()))
    }
}

fn is_one_of(value: &Value, wanted: &Json) -> bool {
    match wanted {
        Json::Array(list) => list.iter().any(|one| is_one_of(value, one)),
        Json::String(text) => matches!(value, Value::Text(have) if have == text),
        Json::Bool(flag) => matches!(value, Value::Flag(have) if have == flag),
        Json::Number(number) => match value {
            Value::Integer(have) => number.as_i64() == Some(*have),
            Value::Number(have) => number.as_f64() == Some(*have),
            _ => false,
        },
        Json::Null | Json::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use wardline_sdk::{Attribute, Phase};

    use super::*;
    use crate::params::Settings;

    fn notice(kind: &str, origin: &str) -> Notice {
        let mut event = Event::new("cam/plugin/1/1", kind, Phase::Instant, 0);
        event.confidence = 0.5;
        event.attributes = vec![
            Attribute::text("zone", "porch,drive"),
            Attribute::integer("count", 2),
            Attribute { key: "night".to_owned(), value: Value::Flag(true) },
            Attribute::number("speed", 1.5),
        ];
        Notice {
            event,
            camera: "cam".to_owned(),
            origin: origin.to_owned(),
            received: 0,
            sequence: 1,
        }
    }

    fn check(params: &str, notice: &Notice, expected: bool) {
        let predicate = Settings::read(params).unwrap().predicate;
        assert_eq!(predicate.matches(notice), expected, "{params} {}", notice.event.kind);
    }

    #[test]
    fn kinds_match_by_name_group_or_all() {
        for (kinds, kind, origin, expected) in [
            (r#"["*"]"#, "motion", "motion", true),
            (r#"["*"]"#, "camera.offline", "host", false),
            (r#"["*"]"#, "recording.started", "host", false),
            (r#"["*"]"#, "store.low", "host", false),
            (r#"["*"]"#, "record.now", "api", false),
            (r#"["*"]"#, "clock.stepped", "host", false),
            (r#"["record.now"]"#, "record.now", "api", true),
            (r#"["camera.*"]"#, "camera.offline", "host", true),
            (r#"["door.*"]"#, "door.opened", "door", true),
            (r#"["door.*"]"#, "door", "door", false),
            (r#"["door.*"]"#, "doorbell", "door", false),
            (r#"["motion","door.opened"]"#, "door.opened", "door", true),
            (r#"["motion"]"#, "motion.area", "motion", false),
            ("[]", "motion", "motion", false),
        ] {
            check(&format!(r#"{{"kinds":{kinds}}}"#), &notice(kind, origin), expected);
        }
    }

    #[test]
    fn all_other_conditions_must_hold() {
        for (params, expected) in [
            (r#"{"minimum-confidence":0.5}"#, true),
            (r#"{"minimum-confidence":0.6}"#, false),
            (r#"{"zones":["drive"]}"#, true),
            (r#"{"zones":["garden","porch"]}"#, true),
            (r#"{"zones":["garden"]}"#, false),
            (r#"{"attributes":{"count":2,"night":true,"speed":1.5}}"#, true),
            (r#"{"attributes":{"count":[1,2]}}"#, true),
            (r#"{"attributes":{"count":3}}"#, false),
            (r#"{"attributes":{"count":"2"}}"#, false),
            (r#"{"attributes":{"label":"car"}}"#, false),
        ] {
            check(params, &notice("motion", "motion"), expected);
        }
    }

    #[test]
    fn no_zone_is_in_no_zone() {
        let mut outside = notice("motion", "motion");
        outside.event.attributes.clear();
        check(r#"{"zones":["porch"]}"#, &outside, false);
    }
}
