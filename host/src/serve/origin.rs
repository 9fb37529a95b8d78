//! From where a request comes: no page of another site, and no name that is not this machine's
//! where nobody is asked who he is. Pure: headers in, a refusal out.

use axum::http::{HeaderMap, Method, header};

/// Refuses what a browser sends on behalf of another site's page: being logged in, or on loopback,
/// is no right of the pages that the same browser shows. A person who follows a link here is let in.
///
/// # Errors
/// Why it is refused.
pub(super) fn same_site(method: &Method, headers: &HeaderMap) -> Result<(), &'static str> {
    const REFUSED: &str = "requests from pages of other sites are refused";
    let text = |name: &str| headers.get(name).map_or(&b""[..], |value| value.as_bytes());
    if let Some(origin) = headers.get(header::ORIGIN) {
        let (_, site) = split_once(origin.as_bytes(), b"://").unwrap_or_default();
        if site.is_empty() || site != text("host") {
            return Err(REFUSED);
        }
    }
    let followed = method == Method::GET
        && text("sec-fetch-mode") == b"navigate"
        && text("sec-fetch-dest") == b"document";
    match text("sec-fetch-site") {
        b"" | b"same-origin" | b"none" => Ok(()),
        _ if followed => Ok(()),
        _ => Err(REFUSED),
    }
}

fn split_once<'b>(bytes: &'b [u8], between: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let at = bytes.windows(between.len()).position(|window| window == between)?;
    Some((&bytes[..at], &bytes[at + between.len()..]))
}

/// Refuses names that are not this machine's own: a page whose name was made to mean this machine
/// (DNS rebinding) would be of the same site. And what a proxy passes on, which comes from anywhere.
///
/// # Errors
/// Why it is refused, and what to do.
pub(super) fn is_at_home(headers: &HeaderMap) -> Result<(), &'static str> {
    let passed_on = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];
    if passed_on.iter().any(|name| headers.contains_key(*name)) {
        return Err("this comes over a proxy, so from anybody: add users with `wardline user add`");
    }
    let Some(host) = headers.get(header::HOST) else { return Ok(()) };
    let name = host.to_str().unwrap_or("?");
    let name = match name.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_local = name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
        || bare.parse::<std::net::IpAddr>().is_ok();
    if !is_local {
        return Err(
            "without users this host answers to its address only: open http://127.0.0.1, or add users with `wardline user add`",
        );
    }
    Ok(())
}

/// The cameras that a query names: `camera=gate`, or a view of one, `view=gate:main`.
pub(super) fn queried_cameras(query: &str) -> impl Iterator<Item = String> {
    url::form_urlencoded::parse(query.as_bytes()).filter_map(|(key, value)| match &*key {
        "camera" => Some(value.into_owned()),
        "view" => Some(value.rsplit_once(':').map_or(&*value, |(camera, _)| camera).to_owned()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let host = ("host", "nvr:8086");
        for (pairs, get, post) in [
            (&[][..], true, true),
            (&[("origin", "http://nvr:8086")], true, true),
            (&[("origin", "https://nvr:8086")], true, true),
            (&[("origin", "http://nvr")], false, false),
            (&[("origin", "http://evil.example/nvr:8086")], false, false),
            (&[("origin", "http://evil.example://nvr:8086")], false, false),
            (&[("origin", "null")], false, false),
            (&[("origin", "nvr:8086")], false, false),
            (&[("sec-fetch-site", "same-origin")], true, true),
            (&[("sec-fetch-site", "none")], true, true),
            (&[("sec-fetch-site", "same-site")], false, false),
            (&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], false, false),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "document"),
                ],
                true,
                false,
            ),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "iframe"),
                ],
                false,
                false,
            ),
        ] {
            let mut sent = headers(pairs);
            sent.insert("host", host.1.parse().unwrap());
            assert_eq!(same_site(&Method::GET, &sent).is_ok(), get, "GET {pairs:?}");
            assert_eq!(same_site(&Method::POST, &sent).is_ok(), post, "POST {pairs:?}");
        }
    }

    #[test]
    fn only_names_of_this_machine_are_at_home() {
        for (host, home) in [
            ("localhost", true),
            ("LOCALHOST:8086", true),
            ("wardline.localhost:8086", true),
            ("127.0.0.1:8086", true),
            ("[::1]:8086", true),
            ("evil.example", false),
            ("evil.example:8086", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example", false),
            ("notlocalhost", false),
            ("", false),
        ] {
            assert_eq!(is_at_home(&headers(&[("host", host)])).is_ok(), home, "{host}");
        }
        assert!(is_at_home(&HeaderMap::new()).is_ok());
        for name in ["x-forwarded-for", "forwarded", "via"] {
            let sent = headers(&[("host", "localhost"), (name, "10.0.0.1")]);
            assert!(is_at_home(&sent).is_err(), "{name}");
        }
    }

    #[test]
    fn cameras_of_queries_are_read_as_handlers_read_them() {
        let found: Vec<_> = queried_cameras("camera=gate&a=b&camera=ga%74e+2&%63amera=x").collect();
        assert_eq!(found, ["gate", "gate 2", "x"]);
        let found: Vec<_> = queried_cameras("view=gate:main&view=yard&view=a:b:second").collect();
        assert_eq!(found, ["gate", "yard", "a:b"]);
    }
}
