//! The page: its files lie in the binary, and go to the browser as they are.
//!
//! They hold nothing that is not public, so they are served to anybody who reaches the host: who
//! may see what is asked of the requests that the page then makes. Its content policy allows no
//! code but its own files, inline or from elsewhere.

use std::sync::LazyLock;

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use super::extract::At;
use super::headers::POLICY;
use super::problem::problem;
use super::ranges::is_known;

/// Names below `host/page` and contents, in order of name: written by the build script.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// The same of every file of the page, beside what every answer says (`headers`).
const HEADERS: [(HeaderName, HeaderValue); 2] = [
    // Asked for again each time, and answered with 304: a new version is seen at once.
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
];

pub(super) fn router() -> Router {
    Router::new().route("/", get(async |headers: HeaderMap| file("index.html", &headers))).route(
        "/page/{*name}",
        get(async |At(name): At<String>, headers: HeaderMap| file(&name, &headers)),
    )
}

/// A file, or 304 for who has it already. Names are looked up, never joined to a path.
fn file(name: &str, headers: &HeaderMap) -> Response {
    let Ok(at) = FILES.binary_search_by(|(other, _)| (*other).cmp(name)) else {
        return problem(StatusCode::NOT_FOUND, "the page has no such file").into_response();
    };
    let (name, contents) = FILES[at];
    let tag = &TAGS[at];
    let validator = [(header::ETAG, tag.clone())];
    if is_known(headers, tag) {
        return (StatusCode::NOT_MODIFIED, HEADERS, validator).into_response();
    }
    (HEADERS, validator, [(header::CONTENT_TYPE, kind(name))], contents).into_response()
}

/// The tag of each file: of what it holds, so that equal versions share what browsers keep.
static TAGS: LazyLock<Vec<HeaderValue>> = LazyLock::new(|| {
    let tag = |(_, contents): &(&str, &[u8])| {
        let digest: String =
            Sha256::digest(contents).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        HeaderValue::from_str(&format!("\"{digest}\"")).expect("digits in quotes")
    };
    FILES.iter().map(tag).collect()
});

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webmanifest" => "application/manifest+json",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(name: &str, tag: Option<&str>) -> Response {
        let mut headers = HeaderMap::new();
        headers.extend(tag.map(|tag| (header::IF_NONE_MATCH, tag.parse().unwrap())));
        file(name, &headers)
    }

    #[test]
    fn files_come_with_type_policy_and_tag_and_not_twice() {
        for (name, kind) in [
            ("index.html", "text/html; charset=utf-8"),
            ("app.js", "text/javascript; charset=utf-8"),
            ("vendor/hls.light.min.mjs", "text/javascript; charset=utf-8"),
            ("styles/base.css", "text/css; charset=utf-8"),
            ("icon.svg", "image/svg+xml"),
        ] {
            let response = get(name, None);
            assert_eq!(response.status(), StatusCode::OK, "{name}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], kind);
            assert_eq!(response.headers()[header::CONTENT_SECURITY_POLICY], POLICY);
            let tag = response.headers()[header::ETAG].to_str().unwrap().to_owned();
            for known in [tag.clone(), format!("\"a\", W/{tag}"), "*".into()] {
                assert_eq!(get(name, Some(&known)).status(), StatusCode::NOT_MODIFIED, "{known}");
            }
            assert_eq!(get(name, Some("\"other\"")).status(), StatusCode::OK);
        }
    }

    #[test]
    fn nothing_else_is_served() {
        for name in ["", "../Cargo.toml", "/etc/passwd", "app.js/", "vendor", "APP.JS", "%2e%2e"] {
            assert_eq!(get(name, None).status(), StatusCode::NOT_FOUND, "{name}");
        }
    }

    /// The content policy would refuse them, in the browser and not before.
    #[test]
    fn the_page_has_no_inline_code() {
        let (_, index) = FILES.iter().find(|(name, _)| *name == "index.html").unwrap();
        let index = std::str::from_utf8(index).unwrap().to_lowercase();
        for wrong in [" style=", "<style", " onclick=", " onload=", "javascript:"] {
            assert!(!index.contains(wrong), "{wrong}");
        }
        let scripts = index.matches("<script").count();
        assert_eq!(scripts, index.matches("<script type=\"module\" src=\"/page/").count());
    }
}
