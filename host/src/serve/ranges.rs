//! Parts of what can be fetched in parts (RFC 9110, 13 and 14): which bytes are asked for.

use std::ops::Range;

use axum::http::{HeaderMap, StatusCode, header};

/// What of something with `length` bytes is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// These bytes of it, at least one.
    Part(Range<u64>),
    /// There are no such bytes.
    Beyond,
}

impl Extent {
    /// The status of the answer.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Whole => StatusCode::OK,
            Self::Part(_) => StatusCode::PARTIAL_CONTENT,
            Self::Beyond => StatusCode::RANGE_NOT_SATISFIABLE,
        }
    }

    /// The header that says which bytes are sent, or how many there are.
    pub(super) fn content_range(&self, length: u64) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::Part(range) => Some(format!("bytes {}-{}/{length}", range.start, range.end - 1)),
            Self::Beyond => Some(format!("bytes */{length}")),
        }
    }

    /// The bytes.
    pub(super) fn bytes(&self, length: u64) -> Range<u64> {
        match self {
            Self::Whole => 0..length,
            Self::Part(range) => range.clone(),
            Self::Beyond => 0..0,
        }
    }
}

/// Which bytes of something of `length` bytes and with this strong tag a request asks for. What is no
/// range of bytes is answered with the whole, as is a list of several, and a part of what has changed
/// since the client fetched another.
pub(super) fn extent(headers: &HeaderMap, tag: &str, length: u64) -> Extent {
    let is_same =
        headers.get(header::IF_RANGE).is_none_or(|wanted| wanted.as_bytes() == tag.as_bytes());
    let mut ranges = headers.get_all(header::RANGE).iter();
    match (ranges.next(), ranges.next()) {
        (Some(range), None) if is_same => {
            range.to_str().ok().and_then(|text| parse(text, length)).unwrap_or(Extent::Whole)
        }
        _ => Extent::Whole,
    }
}

/// Whether the client says that it has what carries this tag (RFC 9110, 13.1.2).
pub(super) fn is_known(headers: &HeaderMap, tag: impl AsRef<[u8]>) -> bool {
    let lists = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut known = lists.flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
    known.any(|known| {
        let known = known.trim_ascii();
        known == b"*" || known.strip_prefix(b"W/").unwrap_or(known) == tag.as_ref()
    })
}

/// `None`: it is none that must be heeded.
fn parse(text: &str, length: u64) -> Option<Extent> {
    let (unit, set) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(first) || !digits(last) || (first.is_empty() && last.is_empty()) {
        return None;
    }
    // What has more digits than fit lies beyond everything.
    let number = |text: &str| text.parse().unwrap_or(u64::MAX);
    let range = match (first, last) {
        ("", last) => length.saturating_sub(number(last))..length,
        (first, "") => number(first)..length,
        (first, last) if number(first) <= number(last) => {
            number(first)..number(last).saturating_add(1).min(length)
        }
        _ => return None,
    };
    Some(if range.start < range.end { Extent::Part(range) } else { Extent::Beyond })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::{any, prop_assert, proptest};

    use super::*;

    fn asked(range: &str, if_range: Option<&str>) -> Extent {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range).unwrap());
        if let Some(tag) = if_range {
            headers.insert(header::IF_RANGE, HeaderValue::from_str(tag).unwrap());
        }
        extent(&headers, "\"a\"", 1000)
    }

    #[test]
    fn ranges_are_those_of_the_standard() {
        for (text, expected) in [
            ("bytes=0-0", Extent::Part(0..1)),
            ("bytes=0-499", Extent::Part(0..500)),
            ("bytes=500-", Extent::Part(500..1000)),
            ("bytes=-1", Extent::Part(999..1000)),
            ("bytes=-5000", Extent::Part(0..1000)),
            ("bytes=999-5000", Extent::Part(999..1000)),
            ("Bytes = 1-2", Extent::Part(1..3)),
            ("bytes=999-99999999999999999999999", Extent::Part(999..1000)),
            ("bytes=1000-", Extent::Beyond),
            ("bytes=1000-1000", Extent::Beyond),
            ("bytes=99999999999999999999999-", Extent::Beyond),
            ("bytes=-0", Extent::Beyond),
            // Not understood, or more than one: all of it.
            ("bytes=5-4", Extent::Whole),
            ("bytes=0-1,5-6", Extent::Whole),
            ("bytes=-", Extent::Whole),
            ("bytes=+1-2", Extent::Whole),
            ("bytes=a-b", Extent::Whole),
            ("bytes 0-1", Extent::Whole),
            ("seconds=0-1", Extent::Whole),
        ] {
            assert_eq!(asked(text, None), expected, "{text}");
        }
    }

    #[test]
    fn a_part_of_what_has_changed_is_the_whole() {
        assert_eq!(asked("bytes=0-0", Some("\"a\"")), Extent::Part(0..1));
        for other in ["\"b\"", "W/\"a\"", "Sat, 28 Nov 2026 23:00:00 GMT"] {
            assert_eq!(asked("bytes=0-0", Some(other)), Extent::Whole, "{other}");
        }
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        for (header, known) in
            [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("a", false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(header).unwrap());
            assert_eq!(is_known(&headers, "\"a\""), known, "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_range_reaches_beyond(text in "(bytes=)?[0-9]{0,22}-[0-9]{0,22}", length: u64) {
            if let Some(Extent::Part(range)) = parse(&text, length) {
                prop_assert!(range.start < range.end && range.end <= length);
            }
        }

        #[test]
        fn any_text_is_read_without_panic(text in any::<String>(), length: u64) {
            let _ = parse(&text, length);
        }
    }
}
