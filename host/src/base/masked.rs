//! Addresses as people are shown them: many cameras take a password in the path or the query of a URL.
//!
//! Pure.

/// Names whose values are nobody's business, in any case.
const TELLING: [&str; 9] =
    ["password", "passwd", "passwort", "pass", "pwd", "psw", "token", "secret", "auth"];

/// `text` with `***` for the value of each telling name: in `?user=a&password=b`, in
/// `/user=a_password=b_channel=1.sdp`.
#[must_use]
pub fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let (before, value) = (&rest[..at], &rest[at + 1..]);
        let name = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        shown.push_str(&rest[..=at]);
        rest = value;
        if TELLING.iter().any(|telling| name.eq_ignore_ascii_case(telling)) {
            let length = length(value);
            shown.push_str(if length > 0 { "***" } else { "" });
            rest = &value[length..];
        }
    }
    shown.push_str(rest);
    shown
}

/// How long a value is: up to what separates, or to an underscore before another name.
fn length(value: &str) -> usize {
    let ends = |at: usize, c: char| match c {
        '&' | ';' | '#' | '"' | '\'' | '`' => true,
        '_' => {
            let rest = &value[at + 1..];
            let name = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            name > 0 && rest[name..].starts_with('=')
        }
        c => c.is_whitespace(),
    };
    value.char_indices().find(|(at, c)| ends(*at, *c)).map_or(value.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, proptest};

    use super::*;

    #[test]
    fn values_of_telling_names_are_not_shown() {
        for (text, shown) in [
            ("rtsp://10.0.0.5/main", "rtsp://10.0.0.5/main"),
            ("rtsp://h/?user=a&password=b/c&channel=1", "rtsp://h/?user=a&password=***&channel=1"),
            (
                "no stream at /user=admin_password=tlJ_pbo6_channel=1_stream=0.sdp?real_stream",
                "no stream at /user=admin_password=***_channel=1_stream=0.sdp?real_stream",
            ),
            ("/live?PWD=x", "/live?PWD=***"),
            ("/live?token=a b", "/live?token=*** b"),
            ("/live?bypass=x&pass=", "/live?bypass=x&pass="),
            ("password", "password"),
        ] {
            assert_eq!(masked(text), shown, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_around_it(before in any::<String>(), after in any::<String>()) {
            let text = format!("{before}?password=geheim&{after}");
            prop_assert!(!masked(&text).contains("geheim"));
        }
    }
}
