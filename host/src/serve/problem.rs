//! Refusals, as RFC 9457 problem documents.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::base::{Error, Kind};

/// A refusal: what went wrong, for programs and people.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// Always `about:blank`: the status says all that a program needs.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    /// The status in words.
    #[schema(example = "Not Found")]
    title: &'static str,
    /// The status of the answer.
    #[schema(example = 404)]
    status: u16,
    /// What was wrong with this request, in a sentence.
    #[schema(example = "there is no camera `gat`: /api/v1/cameras says which there are")]
    detail: String,
}

/// Of this status, because of `why`.
pub(super) fn problem(status: StatusCode, why: impl Into<String>) -> Problem {
    Problem {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or("Refused"),
        status: status.as_u16(),
        detail: why.into(),
    }
}

impl Problem {
    /// The status of the answer.
    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        let advice = [(header::RETRY_AFTER, "1")];
        match status {
            StatusCode::SERVICE_UNAVAILABLE => (status, advice, kind, Json(self)).into_response(),
            _ => (status, kind, Json(self)).into_response(),
        }
    }
}

impl From<Error> for Problem {
    /// What is refused is the request's fault; of the rest, most may work later.
    fn from(error: Error) -> Self {
        match error.kind() {
            Kind::Refuse => problem(StatusCode::BAD_REQUEST, error.chain()),
            Kind::Retry => problem(StatusCode::SERVICE_UNAVAILABLE, error.chain()),
            Kind::Stop | Kind::Bug => {
                tracing::error!(error = error.chain(), "a request failed: please report it");
                problem(StatusCode::INTERNAL_SERVER_ERROR, error.chain())
            }
        }
    }
}

/// 503 with the advice to come back.
pub(super) fn again(why: String) -> Response {
    problem(StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_its_status_in_numbers_and_words() {
        let answer = problem(StatusCode::SERVICE_UNAVAILABLE, "busy").into_response();
        let headers = answer.headers();
        assert_eq!(answer.status(), 503);
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(headers[header::RETRY_AFTER], "1");
        let json = serde_json::to_value(problem(StatusCode::NOT_FOUND, "no")).unwrap();
        let whole = serde_json::json!(
            {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "no"}
        );
        assert_eq!(json, whole);
    }

    #[test]
    fn errors_say_whose_fault_they_are() {
        for (error, status) in
            [(Error::refuse("a"), 400), (Error::retry("a"), 503), (Error::bug("a"), 500)]
        {
            assert_eq!(Problem::from(error).status, status);
        }
    }
}
