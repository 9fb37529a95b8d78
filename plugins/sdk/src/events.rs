//! Building events and attributes without ten lines of nothing, and reading attributes of others.

use crate::{Attribute, Event, Phase, Timestamp, Value};

impl Event {
    /// An event of confidence 1 with no regions, cameras, correlation or attributes.
    #[must_use]
    pub fn new(
        id: impl Into<String>,
        kind: impl Into<String>,
        phase: Phase,
        time: Timestamp,
    ) -> Self {
        Self {
            id: id.into(),
            kind: kind.into(),
            phase,
            time,
            confidence: 1.0,
            regions: Vec::new(),
            cameras: Vec::new(),
            correlation: None,
            attributes: Vec::new(),
        }
    }

    /// The value of an attribute, none if it is not there.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.iter().find(|attribute| attribute.key == key).map(|found| &found.value)
    }
}

impl Attribute {
    /// A text.
    #[must_use]
    pub fn text(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: Value::Text(value.into()) }
    }

    /// A number; it must be finite.
    #[must_use]
    pub fn number(key: impl Into<String>, value: f64) -> Self {
        Self { key: key.into(), value: Value::Number(value) }
    }

    /// A whole number.
    #[must_use]
    pub fn integer(key: impl Into<String>, value: i64) -> Self {
        Self { key: key.into(), value: Value::Integer(value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_found_by_its_key() {
        let mut event = Event::new("1", "door.opened", Phase::Instant, 7);
        event.attributes = vec![Attribute::text("zone", "porch"), Attribute::integer("count", 2)];
        assert_eq!(event.attribute("count"), Some(&Value::Integer(2)));
        assert_eq!(event.attribute("label"), None);
    }
}
