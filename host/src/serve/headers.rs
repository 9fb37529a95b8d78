//! What every answer says to browsers: run nothing but our own files, show us in no frame, guess no
//! types, tell nobody where you come from, keep nothing.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// Scripts, styles, requests and pictures from this host alone, and no inline code. `blob:` is video
/// that the page puts together and pictures that it was sent; hls.js runs without a worker.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Nothing of the viewer's machine is asked for.
const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), \
     gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()";

/// A year of TLS only.
const ONLY_TLS: &str = "max-age=31536000";

const ALWAYS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Whether this is said over TLS.
#[derive(Clone, Copy)]
pub(super) struct OverTls(pub(super) bool);

/// Adds them to every answer, refusals too. What a handler says of caching stays.
pub(super) async fn secure(State(tls): State<OverTls>, request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if tls.0 {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(ONLY_TLS));
    }
    let kept = headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // Not for the next one who logs in at the same browser.
    if kept.as_bytes().starts_with(b"private") {
        headers.insert(header::VARY, HeaderValue::from_static("cookie, authorization"));
    }
    answer
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;

    use super::super::playback::KEPT;
    use super::*;

    #[tokio::test]
    async fn what_a_browser_keeps_is_for_who_asked() {
        for (kept, varies) in [(KEPT, true), ("private, no-cache", true), ("no-cache", false)] {
            let router = Router::new()
                .fallback(async move || [(header::CACHE_CONTROL, kept)])
                .layer(from_fn_with_state(OverTls(false), secure));
            let request = Request::get("/").body(Body::empty()).unwrap();
            let answer = TowerToHyperService::new(router).call(request).await.unwrap();
            let vary = answer.headers().get(header::VARY);
            assert_eq!(vary.is_some_and(|by| by == "cookie, authorization"), varies, "{kept}");
        }
    }
}
