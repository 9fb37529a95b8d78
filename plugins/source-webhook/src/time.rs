//! Times as senders write them: RFC 3339 texts, or numbers of seconds or milliseconds since 1970.
//! Pure: JSON in, microseconds out.

use serde_json::Value as Json;

/// Numbers from here on are milliseconds: as seconds they would lie beyond the year 5138.
const MILLISECONDS_FROM: f64 = 1e11;
/// 9999-12-31T23:59:59Z, the last second RFC 3339 can write.
const SECONDS_MAX: f64 = 253_402_300_799.0;

/// Microseconds since the Unix epoch, rounded down.
///
/// # Errors
/// A text that says what is wrong with it.
pub fn read(value: &Json) -> Result<i64, String> {
    match value {
        Json::String(text) => {
            rfc3339(text).or_else(|| text.trim().parse().ok().and_then(number)).ok_or_else(|| {
                format!("time {text:?} is neither RFC 3339 (2025-11-22T10:00:00Z) nor a number")
            })
        }
        Json::Number(_) => value.as_f64().and_then(number).ok_or_else(|| {
            format!("time {value} is no number of seconds or milliseconds since 1970")
        }),
        other => Err(format!("time is {other}: a text or a number is meant")),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the range is checked")]
fn number(value: f64) -> Option<i64> {
    let seconds = if value >= MILLISECONDS_FROM { value / 1000.0 } else { value };
    // Rounded to a microsecond first: 1763800000.1 is not exact as a double.
    (0.0..=SECONDS_MAX).contains(&seconds).then(|| (seconds * 1e6).round() as i64)
}

/// RFC 3339, 5.6: `date-time`, with a space allowed for the `T`, and leap seconds smeared into the next.
fn rfc3339(text: &str) -> Option<i64> {
    let bytes = text.trim().as_bytes();
    let digits = |from: usize, count: usize| -> Option<i64> {
        bytes.get(from..from + count)?.iter().try_fold(0, |sum, byte| {
            byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'))
        })
    };
    let is = |at: usize, allowed: &[u8]| bytes.get(at).is_some_and(|byte| allowed.contains(byte));
    if !(is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let (year, month, day) = (digits(0, 4)?, digits(5, 2)?, digits(8, 2)?);
    let (hour, minute, second) = (digits(11, 2)?, digits(14, 2)?, digits(17, 2)?);
    let leap_year = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 if leap_year => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days_in_month).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, zone) = fraction(bytes, 19)?;
    let offset = match bytes.get(zone)? {
        b'Z' | b'z' if bytes.len() == zone + 1 => 0,
        sign @ (b'+' | b'-') if bytes.len() == zone + 6 && is(zone + 3, b":") => {
            let (hours, minutes) = (digits(zone + 1, 2)?, digits(zone + 4, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 3600 + minutes * 60) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some((seconds - offset) * 1_000_000 + fraction).filter(|micros| *micros >= 0)
}

/// Microseconds after the point at `at`, if there is one, and where the zone begins.
fn fraction(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    if bytes.get(at) != Some(&b'.') {
        return Some((0, at));
    }
    let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let micros = (0..6).fold(0, |sum, index| {
        let digit = if index < digits { i64::from(bytes[at + 1 + index] - b'0') } else { 0 };
        sum * 10 + digit
    });
    Some((micros, at + 1 + digits))
}

/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};
    use serde_json::json;

    use super::*;

    #[test]
    fn times_as_senders_write_them() {
        let expected = 1_763_806_200_000_000;
        for (value, expected) in [
            (json!("2025-11-22T10:10:00Z"), Some(expected)),
            (json!("2025-11-22t10:10:00z"), Some(expected)),
            (json!("2025-11-22 11:10:00+01:00"), Some(expected)),
            (json!("2025-11-22T04:40:00-05:30"), Some(expected)),
            (json!("2025-11-22T10:10:00.5Z"), Some(expected + 500_000)),
            (json!("2025-11-22T10:10:00.123456789Z"), Some(expected + 123_456)),
            (json!(1_763_806_200), Some(expected)),
            (json!(1_763_806_200_000_i64), Some(expected)),
            (json!(1_763_806_200.25), Some(expected + 250_000)),
            (json!("1763806200"), Some(expected)),
            (json!(0), Some(0)),
            (json!("2024-02-29T00:00:00Z"), Some(1_709_164_800_000_000)),
            (json!("2025-02-29T00:00:00Z"), None),
            (json!("2025-13-01T00:00:00Z"), None),
            (json!("2025-11-22T24:00:00Z"), None),
            (json!("2025-11-22T10:10:00"), None),
            (json!("2025-11-22T10:10:00.Z"), None),
            (json!("2025-11-22T10:10:00Zulu"), None),
            (json!("1969-12-31T23:59:59Z"), None),
            (json!("10:10"), None),
            (json!(-1), None),
            (json!(1e300), None),
            (json!(true), None),
            (json!(null), None),
        ] {
            assert_eq!(read(&value).ok(), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in ".{0,40}") {
            let _ = read(&json!(text));
        }

        #[test]
        fn seconds_and_milliseconds_agree(seconds in 1_000_000_000_i64..4_000_000_000) {
            prop_assert_eq!(read(&json!(seconds)), read(&json!(seconds * 1000)));
        }
    }
}
