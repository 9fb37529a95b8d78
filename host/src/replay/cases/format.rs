//! `[[test]]` of a manifest -> [`Case`]: inputs and expectations as an author writes them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::base::{Error, Result, Timestamp};
use crate::config::parse_duration;
use crate::events::{Attribute, Phase, Region, Value as Said};

/// When tests begin that do not say: 2000-01-01T00:00:00Z.
const START_MICROS: i64 = 946_684_800_000_000;

/// Time goes on so long after the last input, for wakes.
const RUN_ON: Duration = Duration::from_secs(60);

/// One test.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    /// Names it and its golden file.
    pub name: String,
    /// The plugin's.
    #[serde(default)]
    pub params: Value,
    /// The camera.
    #[serde(default = "camera")]
    pub camera: String,
    /// Of the camera.
    #[serde(default = "timezone")]
    pub timezone: String,
    /// How long the camera keeps what nobody speaks of.
    #[serde(default)]
    pub keep: Option<Length>,
    /// When it begins; times are from here.
    #[serde(default)]
    start: Option<Timestamp>,
    /// How long time goes on after the last input.
    #[serde(default)]
    run_on: Option<Length>,
    /// An MP4 file to be looked at.
    #[serde(default)]
    pub clip: Option<PathBuf>,
    /// Bundled analyzers that look at the clip, for a policy to hear.
    #[serde(default)]
    pub analyzers: Vec<String>,
    /// Events that a policy hears.
    #[serde(default)]
    pub hears: Vec<Heard>,
    /// What a source gets.
    #[serde(default)]
    pub messages: Vec<Post>,
    /// Files that a policy is asked about.
    #[serde(default)]
    pub segments: Vec<Piece>,
    /// How far numbers may be off.
    #[serde(default)]
    pub tolerance: Tolerances,
    /// What is expected, beside what is not said here; without any, all of a golden file.
    #[serde(default)]
    events: Option<Vec<Map<String, Value>>>,
    #[serde(default)]
    spans: Option<Vec<Map<String, Value>>>,
    #[serde(default)]
    answers: Option<Vec<Map<String, Value>>>,
    #[serde(default)]
    refused: Option<Vec<Map<String, Value>>>,
    /// The file with all that is expected.
    #[serde(default)]
    golden: Option<PathBuf>,
}

fn camera() -> String {
    "camera".into()
}

fn timezone() -> String {
    "UTC".into()
}

/// A length of time, as people write it: `10s`, or seconds.
#[derive(Clone, Copy, Debug)]
pub struct Length(pub Duration);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        length(&value).map(Self).ok_or_else(|| {
            serde::de::Error::custom(format!("{value} is no length of time: write \"10s\""))
        })
    }
}

fn length(value: &Value) -> Option<Duration> {
    match value {
        Value::String(text) => parse_duration(text).ok(),
        Value::Number(seconds) => Duration::try_from_secs_f64(seconds.as_f64()?).ok(),
        _ => None,
    }
}

/// A moment: so long after the start, or an exact time.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// After the start.
    After(Duration),
    /// Exactly.
    At(Timestamp),
}

impl Moment {
    /// In a test that begins at `start`.
    pub fn from(self, start: Timestamp) -> Timestamp {
        match self {
            Self::After(length) => start + length,
            Self::At(time) => time,
        }
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let exact = value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
        let moment = match exact {
            Some(exact) => Some(Self::At(exact.into())),
            None => length(&value).map(Self::After),
        };
        moment.ok_or_else(|| {
            let hint = "write \"10s\" after the start, or \"2026-11-20T10:00:00Z\"";
            serde::de::Error::custom(format!("{value} is no moment: {hint}"))
        })
    }
}

/// An event that a policy hears.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Heard {
    /// When the host received it.
    pub at: Moment,
    /// When it happened; `at` if not given.
    #[serde(default)]
    pub time: Option<Moment>,
    /// Its kind.
    pub kind: String,
    /// Instant if not given.
    #[serde(default)]
    pub phase: Option<Phase>,
    /// Its qualified id; one is made up if not given.
    #[serde(default)]
    pub id: Option<String>,
    /// Who said it.
    #[serde(default = "origin")]
    pub origin: String,
    /// 0..1.
    #[serde(default = "certain")]
    pub confidence: f32,
    /// Where.
    #[serde(default)]
    pub regions: Vec<Region>,
    /// Passed on.
    #[serde(default)]
    pub correlation: Option<String>,
    /// By key.
    #[serde(default)]
    pub attributes: BTreeMap<String, Value>,
}

fn origin() -> String {
    "test".into()
}

fn certain() -> f32 {
    1.0
}

/// A message for a source.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Post {
    /// When it came.
    pub at: Moment,
    /// As its sender declared it.
    #[serde(default)]
    pub content_type: String,
    /// By name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// By name.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// What came.
    pub body: String,
}

/// A closed file.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Piece {
    /// Where it begins.
    pub from: Moment,
    /// Where it ends.
    pub to: Moment,
    /// Its size.
    #[serde(default)]
    pub bytes: u64,
    /// Video is missing before it.
    #[serde(default)]
    pub gap: bool,
}

/// How far numbers may be off.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tolerances {
    /// Times and lengths; a millisecond if not given.
    #[serde(default)]
    pub time: Option<Length>,
    /// Confidence, areas and all other numbers; 0.001 if not given.
    #[serde(default)]
    pub number: Option<f64>,
}

/// Reads the sections of `plugin`'s manifest.
///
/// # Errors
/// Refuses what can't be read, all of it at once.
pub fn read(plugin: &str, sections: &[BTreeMap<String, Value>]) -> Result<Vec<Case>> {
    let mut cases: Vec<Case> = Vec::new();
    let mut wrong = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let mut section: Map<String, Value> =
            section.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let number = index + 1;
        let name = section.entry("name").or_insert_with(|| format!("{number}").into()).to_string();
        match serde_json::from_value::<Case>(Value::Object(section)) {
            Ok(case) if cases.iter().any(|known| known.name == case.name) => {
                wrong.push(format!("test {name}: there are two of that name"));
            }
            Ok(case) => match case.check() {
                Ok(()) => cases.push(case),
                Err(why) => wrong.push(format!("test {name}: {why}")),
            },
            Err(error) => wrong.push(format!("test {name}: {error}")),
        }
    }
    if wrong.is_empty() {
        return Ok(cases);
    }
    Err(Error::refuse(format!("plugin {plugin}: plugin.toml: {}", wrong.join("; "))))
}

impl Case {
    fn check(&self) -> std::result::Result<(), String> {
        let plain = |c: char| c.is_alphanumeric() || "-_ .,".contains(c);
        if self.name.is_empty() || !self.name.chars().all(plain) || self.name.starts_with('.') {
            return Err("`name`: use letters, digits, spaces and hyphens".into());
        }
        if jiff::tz::TimeZone::get(&self.timezone).is_err() {
            return Err(format!("`timezone`: `{}` is not known", self.timezone));
        }
        let inputs = self.clip.is_some()
            || !(self.hears.is_empty() && self.messages.is_empty() && self.segments.is_empty());
        if !inputs && self.run_on.is_none() {
            return Err("nothing comes in: give `clip`, `hears`, `messages` or `segments`".into());
        }
        self.expected().map(drop).map_err(|error| error.to_string())
    }

    /// When it begins.
    pub fn start(&self) -> Timestamp {
        self.start.unwrap_or(Timestamp::from_micros(START_MICROS))
    }

    /// How long time goes on after the last input.
    pub fn run_on(&self) -> Duration {
        self.run_on.map_or(RUN_ON, |length| length.0)
    }

    /// The file with all that is expected, beside the manifest.
    pub fn golden(&self) -> PathBuf {
        let usual = || PathBuf::from("tests").join(self.name.replace(' ', "-") + ".json");
        self.golden.clone().unwrap_or_else(usual)
    }

    /// What is expected, where the section says it; times in seconds after the start.
    ///
    /// # Errors
    /// Refuses a time that is none.
    pub fn expected(&self) -> Result<Option<Value>> {
        let parts = [
            ("events", &self.events),
            ("spans", &self.spans),
            ("answers", &self.answers),
            ("refused", &self.refused),
        ];
        let mut expected = Map::new();
        for (name, part) in parts {
            let Some(part) = part else { continue };
            let mut rows = Vec::with_capacity(part.len());
            for row in part {
                let mut row = row.clone();
                for (key, value) in row.iter_mut().filter(|(key, _)| is_time(key)) {
                    *value = self.seconds(key, value)?;
                }
                rows.push(Value::Object(row));
            }
            expected.insert(name.to_owned(), Value::Array(rows));
        }
        Ok((!expected.is_empty()).then_some(Value::Object(expected)))
    }

    fn seconds(&self, key: &str, value: &Value) -> Result<Value> {
        if value.is_null() {
            return Ok(Value::Null);
        }
        let moment: Moment = serde_json::from_value(value.clone())
            .map_err(|error| Error::refuse(format!("`{key}`: {error}")))?;
        Ok(super::found::seconds(moment.from(self.start()), self.start()))
    }
}

/// What lies under this key is a time or a length.
pub(super) fn is_time(key: &str) -> bool {
    matches!(key, "at" | "time" | "start" | "end" | "keep")
}

/// As attributes of the contract.
pub(super) fn attributes(given: &BTreeMap<String, Value>) -> Vec<Attribute> {
    let said = |value: &Value| match value {
        Value::String(text) => Said::Text(text.clone()),
        Value::Bool(flag) => Said::Flag(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Said::Integer(whole),
            None => Said::Number(number.as_f64().unwrap_or_default()),
        },
        other => Said::Json(other.to_string()),
    };
    given.iter().map(|(key, value)| Attribute { key: key.clone(), value: said(value) }).collect()
}
