//! Who may ask: the token, and no page of another site.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::{Problem, problem};
use crate::config::Secret;

/// The token that is asked for, if any.
#[derive(Clone)]
pub(super) struct Access(pub(super) Option<Secret>);

impl Access {
    /// Whether the request has the token, or none is asked for.
    pub(super) fn allows(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.0 else { return true };
        let offered = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
        let bearer = offered.and_then(|value| value.strip_prefix(b"Bearer "));
        token.matches(bearer.unwrap_or(b""))
    }
}

/// Lets through who has the token.
pub(super) async fn with_token(
    State(access): State<Access>,
    request: Request,
    next: Next,
) -> Response {
    if access.allows(request.headers()) {
        return next.run(request).await;
    }
    let why = "a token is needed: send `authorization: Bearer <the token of [http]>`";
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (challenge, problem(StatusCode::UNAUTHORIZED, why)).into_response()
}

/// Refuses what a browser sends on behalf of another site's page: being on loopback is no right
/// of the pages that the same machine shows.
pub(super) async fn same_site(request: Request, next: Next) -> Result<Response, Problem> {
    let headers = request.headers();
    if let Some(origin) = headers.get(header::ORIGIN) {
        let host = headers.get(header::HOST).map_or(&b""[..], |host| host.as_bytes());
        let site = origin.as_bytes().split(|byte| *byte == b'/').next_back();
        if site != Some(host) {
            return Err(problem(
                StatusCode::FORBIDDEN,
                "requests from pages of other sites are refused",
            ));
        }
    }
    Ok(next.run(request).await)
}
