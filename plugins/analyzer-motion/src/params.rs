//! What the user writes, checked. Takes the JSON of `setup.params`, gives [`Settings`] or a fault that
//! names what is wrong.

use std::collections::BTreeMap;

use serde::Deserialize;
use wardline_sdk::Fault;
use wardline_sdk::params::{Duration, parse};

use crate::polygon::Polygon;

/// Zones are bits of a word.
const ZONES_MAX: usize = 32;

/// How little is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sensitivity {
    /// Rain, grain, insects are left alone.
    Low,
    /// A person in an ordinary room.
    #[default]
    Medium,
    /// A person in the dark.
    High,
}

/// The parameters of the analyzer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// How little is enough.
    pub sensitivity: Sensitivity,
    /// At most one `update` in this time; 0: every change.
    pub aggregation: Duration,
    /// Where motion counts, by name; none: everywhere.
    pub zones: BTreeMap<String, Polygon>,
    /// Where it never counts.
    pub masks: Vec<Polygon>,
    /// Of the largest blob, in parts (0..1) of the picture.
    pub minimum_size: f32,
    /// Shorter motion is not reported.
    pub minimum_duration: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sensitivity: Sensitivity::default(),
            aggregation: Duration::from_micros(1_000_000),
            zones: BTreeMap::new(),
            masks: Vec::new(),
            minimum_size: 0.003,
            minimum_duration: Duration::from_micros(400_000),
        }
    }
}

impl Settings {
    /// Reads and checks the parameters.
    ///
    /// # Errors
    /// [`Fault::BadParams`], naming the value.
    pub fn read(params: &str) -> Result<Self, Fault> {
        let settings: Self = parse(params)?;
        settings.check().map_err(Fault::BadParams)?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), String> {
        if self.zones.len() > ZONES_MAX {
            return Err(format!("{} zones are given, {ZONES_MAX} are allowed", self.zones.len()));
        }
        for (name, polygon) in &self.zones {
            let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            if name.is_empty() || !name.bytes().all(word) {
                return Err(format!("zone {name:?}: a name has letters, digits, - and _ only"));
            }
            polygon.check().map_err(|why| format!("zone {name:?} {why}"))?;
        }
        for (index, polygon) in self.masks.iter().enumerate() {
            polygon.check().map_err(|why| format!("mask {} {why}", index + 1))?;
        }
        if !(self.minimum_size > 0.0 && self.minimum_size <= 1.0) {
            return Err(format!(
                "minimum-size {} must be above 0 and at most 1",
                self.minimum_size
            ));
        }
        for (name, duration) in
            [("aggregation", self.aggregation), ("minimum-duration", self.minimum_duration)]
        {
            if duration.micros() < 0 {
                return Err(format!("{name} {duration} is negative: 0s or more is meant"));
            }
        }
        Ok(())
    }

    /// Zones a point lies in, a bit each in order of name; without zones, bit 0 everywhere. 0 where
    /// motion does not count.
    #[must_use]
    pub fn zones_at(&self, x: f32, y: f32) -> u32 {
        if self.masks.iter().any(|mask| mask.contains(x, y)) {
            return 0;
        }
        if self.zones.is_empty() {
            return 1;
        }
        self.zones
            .values()
            .enumerate()
            .filter(|(_, polygon)| polygon.contains(x, y))
            .fold(0, |bits, (index, _)| bits | 1 << index)
    }

    /// The names of zones, with commas between; none without zones.
    #[must_use]
    pub fn zone_names(&self, bits: u32) -> Option<String> {
        let names: Vec<&str> = self
            .zones
            .keys()
            .enumerate()
            .filter(|(index, _)| bits & 1 << index != 0)
            .map(|(_, name)| name.as_str())
            .collect();
        (!names.is_empty()).then(|| names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_parameters_there_are_defaults() {
        assert_eq!(Settings::read("{}").unwrap(), Settings::default());
    }

    #[test]
    fn a_point_lies_in_zones_unless_masked() {
        let settings = Settings::read(
            r#"{"zones":{"left":[[0,0],[0.6,0],[0.6,1],[0,1]],"right":[[0.4,0],[1,0],[1,1],[0.4,1]]},
                "masks":[[[0,0],[1,0],[1,0.2],[0,0.2]]]}"#,
        )
        .unwrap();
        for (x, y, expected) in [
            (0.2, 0.5, Some("left")),
            (0.5, 0.5, Some("left,right")),
            (0.8, 0.5, Some("right")),
            (0.5, 0.1, None),
        ] {
            assert_eq!(
                settings.zone_names(settings.zones_at(x, y)).as_deref(),
                expected,
                "{x} {y}"
            );
        }
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        for (params, expected) in [
            (r#"{"zones":{"a,b":[[0,0],[1,0],[1,1]]}}"#, "zone \"a,b\""),
            (r#"{"zones":{"door":[[0,0],[1,0]]}}"#, "zone \"door\" has 2 corners"),
            (r#"{"masks":[[[0,0],[320,0],[1,1]]]}"#, "mask 1 has a corner at 320"),
            (r#"{"minimum-size":0}"#, "minimum-size 0"),
            (r#"{"aggregation":"-1s"}"#, "aggregation -1s is negative"),
            (r#"{"sensitivity":"extreme"}"#, "extreme"),
        ] {
            let Err(Fault::BadParams(text)) = Settings::read(params) else { panic!("{params}") };
            assert!(text.contains(expected), "{params}: {text}");
        }
    }
}
