//! How many plugins an event has come through: what bounds chains that no check can foresee.
//!
//! The count stands in an attribute of the event, so that it is stored, shown, and the same in a
//! replay. It is the host's: what a plugin says of it itself is replaced.

use super::{Attribute, Event, Value};

/// The attribute. Events that came of no other have none.
pub const KEY: &str = "hops";

/// How many events led to this one, one after the other.
pub fn of(event: &Event) -> u32 {
    let count = event.attributes.iter().find_map(|one| match one.value {
        Value::Integer(count) if one.key == KEY => Some(count),
        _ => None,
    });
    count.map_or(0, |count| u32::try_from(count.max(0)).unwrap_or(u32::MAX))
}

/// Notes how many events led to this one.
pub fn stamp(event: &mut Event, hops: u32) {
    event.attributes.retain(|one| one.key != KEY);
    if hops > 0 {
        event.attributes.push(Attribute { key: KEY.into(), value: Value::Integer(hops.into()) });
    }
}
