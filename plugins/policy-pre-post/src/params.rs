//! What the user writes, as what the arithmetic and the predicate understand. Takes the JSON of
//! `setup.params`, gives [`Settings`] or a fault that says what contradicts what.

use std::collections::BTreeMap;

use serde::Deserialize;
use wardline_sdk::params::{Duration, parse};
use wardline_sdk::{Fault, Microseconds};

use crate::activation::{Late, Rules, Words};
use crate::predicate::{Pattern, Predicate};

const BEFORE: Duration = Duration::from_micros(5_000_000);
const AFTER: Duration = Duration::from_micros(20_000_000);
const LONGEST: Duration = Duration::from_micros(600_000_000);

/// The parameters, checked and understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// When to record.
    pub rules: Rules,
    /// Which events count.
    pub predicate: Predicate,
    /// For the spans; none: as configured.
    pub keep: Option<Microseconds>,
    /// For continuous video; none: as configured.
    pub keep_continuous: Option<Microseconds>,
    /// Empty: the kind of the first event.
    pub label: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Params {
    before: Option<Duration>,
    after: Option<Duration>,
    longest: Option<Duration>,
    evaluation_window: Option<Duration>,
    offset: Option<Duration>,
    minimum: Option<Duration>,
    maximum: Option<Duration>,
    late: Option<Late>,
    #[serde(default = "every_kind")]
    kinds: Vec<String>,
    #[serde(default)]
    minimum_confidence: f32,
    #[serde(default)]
    zones: Vec<String>,
    #[serde(default)]
    attributes: BTreeMap<String, serde_json::Value>,
    keep: Option<Duration>,
    keep_continuous: Option<Duration>,
    #[serde(default)]
    label: String,
}

fn every_kind() -> Vec<String> {
    vec!["*".to_owned()]
}

impl Settings {
    /// Reads and checks the parameters.
    ///
    /// # Errors
    /// [`Fault::BadParams`], naming the values that do not go together.
    pub fn read(params: &str) -> Result<Self, Fault> {
        let params: Params = parse(params)?;
        Self::check(params).map_err(Fault::BadParams)
    }

    fn check(params: Params) -> Result<Self, String> {
        let rules = rules(&params)?;
        let kinds =
            params.kinds.iter().map(|kind| Pattern::read(kind)).collect::<Result<_, _>>()?;
        Ok(Self {
            rules,
            predicate: Predicate {
                kinds,
                minimum_confidence: params.minimum_confidence,
                zones: params.zones,
                attributes: params.attributes,
            },
            keep: not_negative("keep", params.keep)?,
            keep_continuous: not_negative("keep-continuous", params.keep_continuous)?,
            label: params.label,
        })
    }
}

fn rules(params: &Params) -> Result<Rules, String> {
    let simple = params.before.or(params.after).or(params.longest);
    let reference =
        params.evaluation_window.or(params.offset).or(params.minimum).or(params.maximum);
    if simple.is_some() && reference.is_some() {
        return Err(
            "before, after and longest do not go together with evaluation-window, offset, \
                    minimum and maximum: give one or the other"
                .to_owned(),
        );
    }
    let (rules, words) = if reference.is_none() {
        let before = params.before.unwrap_or(BEFORE);
        if before.micros() < 0 {
            return Err(format!(
                "before {before} is negative: to start after the event, give offset"
            ));
        }
        let rules = Rules {
            window: 0,
            offset: -before.micros(),
            minimum: params.after.unwrap_or(AFTER).micros(),
            maximum: params.longest.unwrap_or(LONGEST).micros(),
            late: params.late.unwrap_or(Late::Record),
        };
        (rules, Words { minimum: "after", maximum: "longest" })
    } else {
        let (Some(minimum), Some(maximum)) = (params.minimum, params.maximum) else {
            return Err(
                "minimum and maximum are both needed beside evaluation-window or offset".to_owned()
            );
        };
        let rules = Rules {
            window: params.evaluation_window.unwrap_or_default().micros(),
            offset: params.offset.unwrap_or_default().micros(),
            minimum: minimum.micros(),
            maximum: maximum.micros(),
            late: params.late.unwrap_or(Late::Ignore),
        };
        (rules, Words { minimum: "minimum", maximum: "maximum" })
    };
    rules.check(&words)?;
    Ok(rules)
}

fn not_negative(name: &str, duration: Option<Duration>) -> Result<Option<Microseconds>, String> {
    match duration {
        Some(negative) if negative.micros() < 0 => {
            Err(format!("{name} {negative} is negative: 0s or more is meant"))
        }
        other => Ok(other.map(Duration::micros)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(params: &str, expected: Result<(i64, i64, i64, i64, Late), &str>) {
        let got = Settings::read(params).map(|settings| {
            let second = 1_000_000;
            let Rules { window, offset, minimum, maximum, late } = settings.rules;
            (window / second, offset / second, minimum / second, maximum / second, late)
        });
        match (got, expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{params}"),
            (Err(Fault::BadParams(text)), Err(part)) => {
                assert!(text.contains(part), "{params}: {text}")
            }
            (got, _) => panic!("{params}: {got:?}"),
        }
    }

    #[test]
    fn both_forms_are_understood() {
        check("{}", Ok((0, -5, 20, 600, Late::Record)));
        check(r#"{"before":"30s","after":"90s"}"#, Ok((0, -30, 90, 600, Late::Record)));
        check(r#"{"after":0}"#, Ok((0, -5, 0, 600, Late::Record)));
        check(
            r#"{"evaluation-window":"1s","offset":"-5s","minimum":"20s","maximum":"40s"}"#,
            Ok((1, -5, 20, 40, Late::Ignore)),
        );
        check(
            r#"{"minimum":"20s","maximum":"40s","late":"record"}"#,
            Ok((0, 0, 20, 40, Late::Record)),
        );
    }

    #[test]
    fn contradictions_are_refused_with_both_values() {
        for (params, expected) in [
            (r#"{"minimum":"50s","maximum":"40s"}"#, "minimum 50s is more than maximum 40s"),
            (r#"{"after":"20m"}"#, "after 20m is more than longest 10m"),
            (
                r#"{"offset":"20s","minimum":"20s","maximum":"40s"}"#,
                "offset 20s is not less than minimum 20s",
            ),
            (r#"{"before":0,"after":0}"#, "offset 0s is not less than after 0s"),
            (
                r#"{"evaluation-window":"-1s","minimum":"1s","maximum":"1s"}"#,
                "evaluation-window -1s is negative",
            ),
            (r#"{"offset":"-1s","minimum":0,"maximum":0}"#, "maximum 0s leaves nothing"),
            (r#"{"offset":"-1s"}"#, "minimum and maximum are both needed"),
            (r#"{"before":"1s","maximum":"1s"}"#, "give one or the other"),
            (r#"{"before":"-1s"}"#, "before -1s is negative"),
            (r#"{"keep":"-1d"}"#, "keep -1d is negative"),
            (r#"{"kinds":["do*r"]}"#, "do*r"),
            (r#"{"befor":"1s"}"#, "befor"),
        ] {
            check(params, Err(expected));
        }
    }
}
