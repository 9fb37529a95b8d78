//! The host's own form of the contract's `event` and `notice` (`wit/types.wit`), checked already.
//!
//! Knows no WebAssembly: `wasm` converts, and refuses what does not fit.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::Timestamp;

/// A rectangle in parts (0..1) of the camera's whole picture, origin top left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Area {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A finite number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A JSON document, as text.
    Json(String),
}

/// A named value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Attribute {
    /// Kebab-case.
    pub key: String,
    /// Its value.
    pub value: Value,
}

/// One thing seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Region {
    /// Where.
    pub area: Area,
    /// What.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// 0..1.
    pub confidence: f32,
    /// The same thing in later events of the same plugin has the same number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<u64>,
}

/// Where in its life an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Complete in itself.
    Instant,
    /// Starts and stays open.
    Begin,
    /// Still so.
    Update,
    /// Over.
    End,
}

impl Phase {
    /// The word that stands in the index.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instant => "instant",
            Self::Begin => "begin",
            Self::Update => "update",
            Self::End => "end",
        }
    }
}

/// What a plugin says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Unique for ever once the host has qualified it: `<camera>/<plugin>/<run>/<id>`.
    pub id: String,
    /// Dotted lower case, for example `door.opened`.
    pub kind: String,
    /// Where in its life it is.
    pub phase: Phase,
    /// When it happened.
    pub time: Timestamp,
    /// 0..1.
    pub confidence: f32,
    /// Where in the picture.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<Region>,
    /// Cameras meant; empty means the plugin's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cameras: Vec<String>,
    /// Passed on to every span and recording that follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
}

impl Event {
    /// Room that it takes, about, in bytes: each one something, however little it says.
    pub fn weight(&self) -> usize {
        let value = |value: &Value| match value {
            Value::Text(text) | Value::Json(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Integer(_) | Value::Number(_) | Value::Flag(_) => 0,
        };
        let attributes: usize =
            self.attributes.iter().map(|one| 64 + one.key.len() + value(&one.value)).sum();
        512 + 96 * self.regions.len() + attributes
    }
}

impl Notice {
    /// Room that it takes, about, in bytes.
    pub fn weight(&self) -> usize {
        self.event.weight()
    }
}

/// What a plugin, a page or a program hears: an event, with what only the host can vouch for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// The event, its id qualified.
    #[serde(flatten)]
    pub event: Event,
    /// The one camera of this copy.
    pub camera: String,
    /// Who said it: a plugin's configured name, `camera`, `api` or `host`.
    pub origin: String,
    /// When it reached the host.
    pub received: Timestamp,
    /// Events since the first run of this store, in order of receipt.
    pub sequence: u64,
}
