//! Durations and sizes as people write them: `30s`, `1h30m`, `7d`, `64MiB`.

use std::time::Duration;

/// Longest first where one name begins another. In milliseconds.
const TIME_UNITS: [(&str, u64); 6] = [
    ("ms", 1),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
];

const SIZE_UNITS: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// Whole numbers with a unit each, largest first: `90s`, `1h30m`, `250ms`, `2w`.
///
/// # Errors
/// What is wrong with the text, and an example. Does not repeat the text: it may be a secret that
/// was put into the wrong place.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || {
        "not a duration: write whole numbers with units, for example `30s`, `1h30m` or `7d`"
            .to_owned()
    };
    let mut rest = text.trim();
    let mut total_ms: u64 = 0;
    let mut smaller_than = u64::MAX;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let (number, after) = leading_number(rest).ok_or_else(wrong)?;
        let unit = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (_, unit_ms) =
            *TIME_UNITS.iter().find(|(name, _)| *name == &after[..unit]).ok_or_else(wrong)?;
        if unit_ms >= smaller_than {
            return Err(wrong());
        }
        smaller_than = unit_ms;
        total_ms = number
            .checked_mul(unit_ms)
            .and_then(|ms| total_ms.checked_add(ms))
            .filter(|ms| *ms <= LONGEST_MS)
            .ok_or_else(|| "longer than 100 years".to_owned())?;
        rest = &after[unit..];
    }
    Ok(Duration::from_millis(total_ms))
}

const LONGEST_MS: u64 = 100 * 366 * 86_400_000;

/// A whole number with a unit: `64MiB`, `2 GB`, `500kB`.
///
/// # Errors
/// What is wrong with the text, and an example.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let wrong =
        || "not a size: write a whole number with a unit, for example `64MiB` or `2GB`".to_owned();
    let (number, unit) = leading_number(text.trim()).ok_or_else(wrong)?;
    let unit = unit.trim_start();
    let (_, bytes) = SIZE_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    number
        .checked_mul(*bytes)
        .filter(|bytes| i64::try_from(*bytes).is_ok())
        .ok_or_else(|| "larger than any disk".to_owned())
}

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// The form that [`parse_duration`] takes, to the millisecond.
pub fn show_duration(length: Duration) -> String {
    let mut rest = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (name, unit) in
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)]
    {
        if rest >= unit {
            text.push_str(&format!("{}{name}", rest / unit));
            rest %= unit;
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

/// Bytes for people: three digits and a binary unit.
pub fn show_size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = if unit == 0 || value >= 100.0 { 0 } else { 1 };
    format!("{value:.digits$} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in [
            ("30s", Some(30_000)),
            ("250ms", Some(250)),
            ("1h30m", Some(5_400_000)),
            ("7d", Some(604_800_000)),
            ("2w", Some(1_209_600_000)),
            ("1m500ms", Some(60_500)),
            ("0s", Some(0)),
            ("", None),
            ("30", None),
            ("s", None),
            ("1.5h", None),
            ("-3s", None),
            ("30m1h", None),
            ("1h1h", None),
            ("7 days", None),
            ("99999999999999999999s", None),
            ("40000d", None),
        ] {
            let got = parse_duration(text).ok().map(|length| length.as_millis());
            assert_eq!(got, ms, "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("64MiB", Some(64 << 20)),
            ("2 GB", Some(2_000_000_000)),
            ("1B", Some(1)),
            ("500kB", Some(500_000)),
            ("64", None),
            ("64mib", None),
            ("MiB", None),
            ("99999999TiB", None),
        ] {
            assert_eq!(parse_size(text).ok(), bytes, "{text}");
        }
    }

    #[test]
    fn sizes_for_people() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1536, "1.5 KiB"),
            (10 << 20, "10.0 MiB"),
            (300 << 30, "300 GiB"),
        ] {
            assert_eq!(show_size(bytes), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read(ms in 0..LONGEST_MS) {
            let length = Duration::from_millis(ms);
            prop_assert_eq!(parse_duration(&show_duration(length)), Ok(length));
        }

        #[test]
        fn any_text_is_survived(text in "\\PC*") {
            let _ = parse_duration(&text);
            let _ = parse_size(&text);
        }
    }
}
