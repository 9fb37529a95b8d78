//! Parts of requests that are refused as problem documents where they are wrong.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::problem::{Problem, problem};
use crate::base::Timestamp;
use crate::base::limits::HOOK_BODY_BYTES;

/// The query.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = Query::try_from_uri(&parts.uri);
        let wrong = |error: QueryRejection| problem(StatusCode::BAD_REQUEST, error.body_text());
        query.map(|Query(asked)| Self(asked)).map_err(wrong)
    }
}

/// What the path names.
pub(super) struct At<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::from_request_parts(parts, state).await;
        let wrong = |error: PathRejection| problem(error.status(), error.body_text());
        path.map(|Path(named)| Self(named)).map_err(wrong)
    }
}

/// The body, as it is.
pub(super) struct Raw(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = Bytes::from_request(request, state).await;
        body.map(Self).map_err(|rejection| match rejection.status() {
            status @ StatusCode::PAYLOAD_TOO_LARGE => {
                problem(status, format!("the body has more than {HOOK_BODY_BYTES} bytes"))
            }
            status => problem(status, "the body did not come whole"),
        })
    }
}

/// The body, which is JSON. Where there is none, all is left out.
pub(super) struct Sent<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Raw(body) = Raw::from_request(request, state).await?;
        let json: &[u8] = if body.is_empty() { b"{}" } else { &body };
        let wrong = |error: serde_json::Error| problem(StatusCode::BAD_REQUEST, error.to_string());
        serde_json::from_slice(json).map(Self).map_err(wrong)
    }
}

/// Longest label of a trigger or pin, in characters.
const LABEL_MAX: usize = 256;

/// A label, where there is one.
///
/// # Errors
/// Refuses one that is too long.
pub(super) fn label(label: Option<String>) -> Result<Option<String>, Problem> {
    if label.as_ref().is_some_and(|label| label.chars().count() > LABEL_MAX) {
        let why = format!("`label` has more than {LABEL_MAX} characters");
        return Err(problem(StatusCode::BAD_REQUEST, why));
    }
    Ok(label)
}

/// A stretch of time that is not empty.
///
/// # Errors
/// Refuses one that ends before it begins.
pub(super) fn stretch(from: Timestamp, to: Timestamp) -> Result<(Timestamp, Timestamp), Problem> {
    if from < to {
        return Ok((from, to));
    }
    Err(problem(StatusCode::BAD_REQUEST, format!("`from` ({from}) is not before `to` ({to})")))
}

/// Things on one page where nobody says how many, and at most.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1000;

/// How many things are asked for.
///
/// # Errors
/// Refuses none, and too many.
pub(super) fn limit(wanted: Option<usize>) -> Result<usize, Problem> {
    let wanted = wanted.unwrap_or(LIMIT);
    if (1..=LIMIT_MAX).contains(&wanted) {
        return Ok(wanted);
    }
    Err(problem(StatusCode::BAD_REQUEST, format!("`limit` is not between 1 and {LIMIT_MAX}")))
}
