//! Points in time on the media time line: microseconds since the Unix epoch, UTC.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds since the Unix epoch, UTC, rounded down. JSON shows RFC 3339.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The largest time that is exact in every guest language (2^53 microseconds, year 2255).
const MICROS_MAX: i64 = 1 << 53;

impl Timestamp {
    /// The Unix epoch.
    pub const ZERO: Self = Self(0);
    /// The last time that can be said exactly, in the year 2255.
    pub const MAX: Self = Self(MICROS_MAX);

    /// From microseconds since the epoch; clamped to 1970..2255.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(0, MICROS_MAX))
    }

    /// From milliseconds since the epoch; clamped to 1970..2255.
    pub fn from_millis(millis: i64) -> Self {
        Self::from_micros(millis.saturating_mul(1000))
    }

    /// Microseconds since the epoch.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    pub fn millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Microseconds from `earlier` to this; negative when `earlier` is later.
    pub fn micros_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// The time from `earlier` to this; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// Moved by so many microseconds, clamped to 1970..2255.
    #[must_use]
    pub fn offset(self, micros: i64) -> Self {
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// For calendars and display.
    pub fn civil(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).expect("clamped to 1970..2255")
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(time: jiff::Timestamp) -> Self {
        Self::from_micros(time.as_microsecond())
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, length: Duration) -> Self {
        self.offset(micros(length))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, length: Duration) -> Self {
        self.offset(-micros(length))
    }
}

/// A length of time in whole microseconds, saturating.
pub fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.civil())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.civil().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        jiff::Timestamp::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Timestamp::from_micros(-5), Timestamp::ZERO);
        assert_eq!(Timestamp::MAX + Duration::from_secs(9), Timestamp::MAX);
        assert_eq!(Timestamp::ZERO - Duration::MAX, Timestamp::ZERO);
        assert_eq!(Timestamp::from_micros(7).micros_since(Timestamp::from_micros(9)), -2);
    }

    #[test]
    fn json_is_rfc_3339() {
        let time = Timestamp::from_millis(1_763_800_000_123);
        let text = serde_json::to_string(&time).unwrap();
        assert_eq!(text, "\"2025-11-22T08:26:40.123Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), time);
    }
}
