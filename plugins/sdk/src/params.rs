//! Typed access to a plugin's parameters: the host's JSON in, the author's serde type out. The host
//! has already checked them against the manifest's schema and filled in the defaults; what is left to
//! check here is what a schema cannot say.

use core::fmt;

use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::{Fault, Microseconds};

/// Reads `setup.params` or what `set-params` was given.
///
/// # Errors
/// [`Fault::BadParams`] with what serde says of it.
pub fn parse<T: DeserializeOwned>(params: &str) -> Result<T, Fault> {
    // From bytes, as snapshots are read: one copy of serde's code in the component rather than two.
    serde_json::from_slice(params.as_bytes())
        .map_err(|error| Fault::BadParams(format!("parameters: {error}")))
}

/// A duration as people write it: `30s`, `1.5s`, `500ms`, `10m`, `2h`, `7d`, `1w`, with a sign where
/// it makes sense (`-5s`), or a plain number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(Microseconds);

impl Duration {
    /// So many microseconds.
    #[must_use]
    pub const fn from_micros(micros: Microseconds) -> Self {
        Self(micros)
    }

    /// In microseconds.
    #[must_use]
    pub const fn micros(self) -> Microseconds {
        self.0
    }

    /// Reads `30s`, `-1.5m`, `0`; decimal digits beyond the microsecond are cut.
    ///
    /// # Errors
    /// A text that says what is wrong with which duration.
    pub fn read(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a duration: write a number and ms, s, m, h, d or w, such as \"30s\""
            )
        };
        let trimmed = text.trim();
        let (sign, rest) = match trimmed.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, trimmed),
        };
        let split = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, unit) = rest.split_at(split);
        let unit: i64 = match unit.trim() {
            "us" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" | "min" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            "w" => 604_800_000_000,
            "" if number == "0" => 0,
            _ => return Err(wrong()),
        };
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        if whole.is_empty() || decimals.is_empty() {
            return Err(wrong());
        }
        let whole: i64 = whole.parse().map_err(|_| wrong())?;
        let mut micros = whole.checked_mul(unit).ok_or_else(wrong)?;
        let mut scale = unit;
        for digit in decimals.bytes() {
            let digit = i64::from(digit.checked_sub(b'0').filter(|d| *d < 10).ok_or_else(wrong)?);
            scale /= 10;
            micros = micros.checked_add(digit * scale).ok_or_else(wrong)?;
        }
        Ok(Self(sign * micros))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            (86_400_000_000, "d"),
            (3_600_000_000, "h"),
            (60_000_000, "m"),
            (1_000_000, "s"),
            (1_000, "ms"),
        ];
        if self.0 == 0 {
            return f.write_str("0s");
        }
        for (unit, name) in units {
            if self.0 % unit == 0 {
                return write!(f, "{}{name}", self.0 / unit);
            }
        }
        write!(f, "{}us", self.0)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DurationVisitor)
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

struct DurationVisitor;

impl Visitor<'_> for DurationVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"30s\", or a number of seconds")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        Duration::read(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Duration, E> {
        seconds
            .checked_mul(1_000_000)
            .map(Duration)
            .ok_or_else(|| E::custom(format!("{seconds} seconds are out of range")))
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Duration, E> {
        i64::try_from(seconds)
            .map_err(|_| E::custom(format!("{seconds} seconds are out of range")))
            .and_then(|seconds| self.visit_i64(seconds))
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Duration, E> {
        // 1e12 s is 31,000 years: within i64 as microseconds, and nobody means more.
        if !seconds.is_finite() || seconds.abs() > 1e12 {
            return Err(E::custom(format!("{seconds} seconds are out of range")));
        }
        #[allow(clippy::cast_possible_truncation, reason = "the range was checked above")]
        Ok(Duration((seconds * 1e6).round() as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_write_them() {
        for (text, expected) in [
            ("\"30s\"", Ok(30_000_000)),
            ("\"1.5s\"", Ok(1_500_000)),
            ("\"-5s\"", Ok(-5_000_000)),
            ("\"400ms\"", Ok(400_000)),
            ("\"10m\"", Ok(600_000_000)),
            ("\"7d\"", Ok(604_800_000_000)),
            ("\"1 w\"", Ok(604_800_000_000)),
            ("\"0\"", Ok(0)),
            ("30", Ok(30_000_000)),
            ("0.25", Ok(250_000)),
            ("-1", Ok(-1_000_000)),
            ("\"\"", Err(())),
            ("\"s\"", Err(())),
            ("\"5\"", Err(())),
            ("\"1.s\"", Err(())),
            ("\"1..2s\"", Err(())),
            ("\"5 fortnights\"", Err(())),
            ("\"99999999999999d\"", Err(())),
            ("1e300", Err(())),
            ("9223372036854775807", Err(())),
            ("true", Err(())),
        ] {
            let got = parse::<Duration>(text).map(Duration::micros).map_err(|_| ());
            assert_eq!(got, expected, "{text}");
        }
    }

    #[test]
    fn a_duration_is_shown_in_its_largest_unit() {
        for text in ["0s", "30s", "90m", "7d", "1500ms", "-5s", "2h", "1us"] {
            assert_eq!(Duration::read(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let fault = parse::<Duration>("\"soon\"").unwrap_err();
        assert!(
            matches!(fault, Fault::BadParams(text) if text.contains("\"soon\" is not a duration"))
        );
    }
}
