//! From a JSON body to an event: where each part is, what it must be, and what is left over. Pure:
//! knows the parameters and the body, not the host.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value as Json};
use wardline_sdk::params::Duration;
use wardline_sdk::{Attribute, Event, Phase, Value};

use crate::time;

/// Attributes an event may have, by the contract.
const ATTRIBUTES_MAX: usize = 64;
/// Bytes in an attribute's text, by the contract; longer ones become JSON.
const TEXT_BYTES_MAX: usize = 4096;
/// Bytes in an attribute's JSON, by the contract.
const JSON_BYTES_MAX: usize = 64 << 10;
/// Bytes in an attribute's key and in the name of a camera, by the contract.
const KEY_BYTES_MAX: usize = 128;
/// Cameras that an event names, by the contract.
const CAMERAS_MAX: usize = 256;
/// The last time that the contract can say, in the year 2255.
const TIME_MAX: i64 = 1 << 53;
/// Events in one body that is a list.
const EVENTS_MAX: usize = 256;

/// The parameters of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Of every event; empty: the body says.
    pub kind: String,
    /// Where the body names none.
    pub cameras: Vec<String>,
    /// Where the body names none.
    pub phase: PhaseName,
    /// What becomes of fields that nothing asked for.
    pub others: Others,
    /// What began and is not heard of again ends after this time.
    #[serde(rename = "open-at-most")]
    pub open_max: OpenMax,
    /// Where things are.
    pub mapping: Mapping,
}

/// [`Phase`], as people write it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhaseName {
    /// Complete in itself.
    #[default]
    Instant,
    /// Something starts.
    Begin,
    /// Still so.
    Update,
    /// Over.
    End,
}

/// How long something may be open, an hour if not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct OpenMax(pub Duration);

impl Default for OpenMax {
    fn default() -> Self {
        Self(Duration::from_micros(3_600_000_000))
    }
}

/// What becomes of fields that the mapping does not use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Others {
    /// They become attributes.
    #[default]
    Attributes,
    /// Nothing.
    Ignore,
}

/// Places in the body: a name, a dotted path or a JSON pointer (RFC 6901); empty: nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    kind: String,
    time: String,
    camera: String,
    id: String,
    phase: String,
    confidence: String,
    correlation: String,
    attributes: BTreeMap<String, String>,
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            kind: "kind".to_owned(),
            time: "time".to_owned(),
            camera: "camera".to_owned(),
            id: "id".to_owned(),
            phase: "phase".to_owned(),
            confidence: "confidence".to_owned(),
            correlation: "correlation".to_owned(),
            attributes: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// The events of a body: one for an object, one for each in a list of objects. `received` is the
    /// time where the body gives none. Ids are the sender's, empty where it gave none.
    ///
    /// # Errors
    /// What the sender got wrong, in words for the sender. Nothing of the body counts then.
    pub fn events(&self, body: &[u8], received: i64) -> Result<Vec<Event>, String> {
        let body: Json = serde_json::from_slice(body)
            .map_err(|error| format!("the body is not JSON: {error}"))?;
        match body {
            Json::Array(list) if list.is_empty() => Err("the body is an empty list".to_owned()),
            Json::Array(list) if list.len() > EVENTS_MAX => {
                Err(format!("the body has {} events, {EVENTS_MAX} are allowed", list.len()))
            }
            Json::Array(list) => list
                .into_iter()
                .enumerate()
                .map(|(index, one)| {
                    self.event(one, received).map_err(|why| format!("event {}: {why}", index + 1))
                })
                .collect(),
            one => Ok(vec![self.event(one, received)?]),
        }
    }

    fn event(&self, mut body: Json, received: i64) -> Result<Event, String> {
        if !body.is_object() {
            return Err("the body must be a JSON object, or a list of them".to_owned());
        }
        let places = &self.mapping;
        let kind = match (self.kind.as_str(), take(&mut body, &places.kind)) {
            ("", Some(value)) => text("kind", value)?,
            ("", None) => {
                return Err(format!("no event kind: the body has no field {:?}", places.kind));
            }
            (kind, _) => kind.to_owned(),
        };
        check_kind(&kind)?;
        let time = match take(&mut body, &places.time) {
            Some(value) => time::read(&value)?,
            None => received,
        };
        if !(0..=TIME_MAX).contains(&time) {
            return Err("time is not in the years 1970 to 2255".to_owned());
        }
        let cameras = match take(&mut body, &places.camera) {
            Some(Json::Array(list)) => {
                if list.len() > CAMERAS_MAX {
                    return Err(format!(
                        "camera has {} names, {CAMERAS_MAX} are allowed",
                        list.len()
                    ));
                }
                list.into_iter()
                    .map(|one| bounded("camera", one, KEY_BYTES_MAX))
                    .collect::<Result<_, _>>()?
            }
            Some(one) => vec![bounded("camera", one, KEY_BYTES_MAX)?],
            None => self.cameras.clone(),
        };
        let confidence = match take(&mut body, &places.confidence) {
            Some(value) => confidence(&value)?,
            None => 1.0,
        };
        let correlation = take(&mut body, &places.correlation)
            .map(|value| bounded("correlation", value, 256))
            .transpose()?;
        let phase = match take(&mut body, &places.phase) {
            Some(value) => serde_json::from_value(value.clone())
                .map_err(|_| format!("phase is {value}: instant, begin, update or end is meant"))?,
            None => self.phase,
        };
        let id = take(&mut body, &places.id).map(|value| bounded("id", value, 100)).transpose()?;
        if id.is_none() && phase != PhaseName::Instant {
            return Err(format!(
                "an event that begins or ends needs an id: the body has no field {:?}",
                places.id
            ));
        }
        let mut event = Event::new(id.unwrap_or_default(), kind, phase.into(), time);
        event.cameras = cameras;
        event.confidence = confidence;
        event.correlation = correlation;
        event.attributes = self.attributes(body)?;
        Ok(event)
    }

    fn attributes(&self, mut body: Json) -> Result<Vec<Attribute>, String> {
        let mut attributes: BTreeMap<String, Value> = BTreeMap::new();
        for (key, place) in &self.mapping.attributes {
            if let Some(value) = take(&mut body, place).and_then(attribute_value) {
                attributes.insert(key.chars().map(key_char).collect(), value);
            }
        }
        if self.others == Others::Attributes
            && let Json::Object(rest) = body
        {
            flatten("", rest, &mut attributes);
        }
        if attributes.len() > ATTRIBUTES_MAX {
            return Err(format!(
                "the body has {} attributes, {ATTRIBUTES_MAX} are allowed",
                attributes.len()
            ));
        }
        if let Some(key) = attributes.keys().find(|key| key.is_empty() || key.len() > KEY_BYTES_MAX)
        {
            return Err(format!(
                "a field's name has {} bytes: 1 to {KEY_BYTES_MAX} are allowed",
                key.len()
            ));
        }
        for (key, value) in &attributes {
            if let Value::Json(text) = value
                && text.len() > JSON_BYTES_MAX
            {
                return Err(format!(
                    "field {key:?} has {} bytes, {JSON_BYTES_MAX} are allowed",
                    text.len()
                ));
            }
        }
        Ok(attributes.into_iter().map(|(key, value)| Attribute { key, value }).collect())
    }
}

impl From<PhaseName> for Phase {
    fn from(name: PhaseName) -> Self {
        match name {
            PhaseName::Instant => Self::Instant,
            PhaseName::Begin => Self::Begin,
            PhaseName::Update => Self::Update,
            PhaseName::End => Self::End,
        }
    }
}

/// Takes what is at a place out of the body, so that it does not become an attribute as well.
/// A field that is null counts as not there.
fn take(body: &mut Json, place: &str) -> Option<Json> {
    if place.is_empty() {
        return None;
    }
    let pointer = if place.starts_with('/') {
        place.to_owned()
    } else if body.get(place).is_some() {
        // A name that has a dot in it goes before a path.
        format!("/{}", escape(place))
    } else {
        place.split('.').map(|part| format!("/{}", escape(part))).collect()
    };
    let (parent, name) = pointer.rsplit_once('/')?;
    let name = name.replace("~1", "/").replace("~0", "~");
    let found = match body.pointer_mut(parent)? {
        Json::Object(fields) => fields.remove(&name)?,
        Json::Array(list) => list.get_mut(name.parse::<usize>().ok()?)?.take(),
        _ => return None,
    };
    (!found.is_null()).then_some(found)
}

/// RFC 6901, 3.
fn escape(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

/// `{"sensor":{"name":"x"}}` becomes `sensor.name`; keys become kebab-case, and what a key cannot hold
/// becomes a hyphen.
fn flatten(prefix: &str, fields: Map<String, Json>, attributes: &mut BTreeMap<String, Value>) {
    for (name, value) in fields {
        let key = format!("{prefix}{}", name.chars().map(key_char).collect::<String>());
        match value {
            Json::Object(inner) => flatten(&format!("{key}."), inner, attributes),
            other => {
                if let Some(value) = attribute_value(other) {
                    attributes.entry(key).or_insert(value);
                }
            }
        }
    }
}

fn key_char(c: char) -> char {
    match c.to_ascii_lowercase() {
        c if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' => c,
        _ => '-',
    }
}

fn attribute_value(value: Json) -> Option<Value> {
    Some(match value {
        Json::Null => return None,
        Json::Bool(flag) => Value::Flag(flag),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => Value::Number(number.as_f64()?),
        },
        Json::String(text) if text.len() <= TEXT_BYTES_MAX => Value::Text(text),
        other => Value::Json(other.to_string()),
    })
}

fn text(name: &str, value: Json) -> Result<String, String> {
    match value {
        Json::String(text) if !text.is_empty() => Ok(text),
        Json::Number(number) => Ok(number.to_string()),
        other => Err(format!("{name} is {other}: a text is meant")),
    }
}

fn bounded(name: &str, value: Json, bytes_max: usize) -> Result<String, String> {
    let text = text(name, value)?;
    if text.len() > bytes_max {
        return Err(format!("{name} has {} bytes, {bytes_max} are allowed", text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{name} has control characters, such as a line break"));
    }
    Ok(text)
}

fn check_kind(kind: &str) -> Result<(), String> {
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if kind.len() <= 64 && kind.split('.').all(part) {
        return Ok(());
    }
    Err(format!("kind {kind:?} must be lower case words with dots between, such as door.opened"))
}

#[allow(clippy::cast_possible_truncation, reason = "confidence is 0..1")]
fn confidence(value: &Json) -> Result<f32, String> {
    match value.as_f64() {
        Some(number) if (0.0..=1.0).contains(&number) => Ok(number as f32),
        _ => Err(format!("confidence is {value}: a number from 0 to 1 is meant")),
    }
}

#[cfg(test)]
mod tests;
