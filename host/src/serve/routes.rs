//! Each request, from HTTP to [`Host`] and back.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::access::{self, Access};
use super::host::{HookAnswer, HookRequest, Host, ReloadAnswer, TriggerAnswer, TriggerRequest};
use super::{page, plugins, recordings, status};
use crate::base::limits::HOOK_BODY_BYTES;
use crate::base::metrics::Metrics;
use crate::config::{Secret, parse_duration};

/// The longest a request may take, its body included. Above what a hook waits for its source.
const REQUEST: Duration = Duration::from_secs(15);

/// Headers that are for the host, not for plugins.
const PRIVATE_HEADERS: [&str; 4] =
    ["authorization", "cookie", "proxy-authorization", "content-type"];

/// Longest label of a trigger or pin, in characters.
pub(super) const LABEL_MAX: usize = 256;

/// A refusal: its status and `{"error": "..."}`.
pub(super) type Problem = (StatusCode, Json<serde_json::Value>);

pub(super) fn problem(status: StatusCode, why: impl Into<String>) -> Problem {
    (status, Json(json!({ "error": why.into() })))
}

pub(super) fn router(host: Arc<impl Host>, token: Option<Secret>, metrics: Metrics) -> Router {
    let access = Access(token);
    let guarded = Router::new()
        .route("/hooks/{source}", post(hook))
        .route("/api/v1/cameras/{camera}/trigger", post(trigger))
        .route("/api/v1/config/reload", post(reload))
        .merge(recordings::router())
        .merge(status::router())
        .merge(plugins::router())
        .with_state(host.clone())
        .merge(Router::new().route("/metrics", get(figures)).with_state(metrics))
        .fallback(async || problem(StatusCode::NOT_FOUND, "no such page: there are /hooks/<source>, /api/v1/cameras/<camera>/trigger, /api/v1/pins, /api/v1/recordings, /api/v1/plugins, /api/v1/plugins/<plugin>/reload, /api/v1/time/confirm, /api/v1/config/reload, /healthz and /metrics"))
        .layer(from_fn_with_state(access.clone(), access::with_token));
    Router::new()
        .route("/healthz", get(health))
        .with_state((host, access))
        .merge(guarded)
        .merge(page::router())
        .layer(from_fn(access::same_site))
        .layer(DefaultBodyLimit::max(HOOK_BODY_BYTES))
        .layer(from_fn(in_time))
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => problem(StatusCode::REQUEST_TIMEOUT, "the request took too long").into_response(),
    }
}

async fn hook<H: Host>(
    State(host): State<Arc<H>>,
    Path(source): Path<String>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return refused_body(&rejection).into_response(),
    };
    let query = match query {
        Ok(Query(pairs)) => pairs,
        Err(_) => {
            return problem(StatusCode::BAD_REQUEST, "the query is malformed").into_response();
        }
    };
    let text =
        |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let request = HookRequest {
        content_type: headers.get(header::CONTENT_TYPE).map(text).unwrap_or_default(),
        headers: headers
            .iter()
            .filter(|(name, _)| !PRIVATE_HEADERS.contains(&name.as_str()))
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect(),
        query,
        body,
    };
    match host.hook(&source, request).await {
        HookAnswer::Taken(events) => Json(json!({ "events": events })).into_response(),
        HookAnswer::Unknown(known) => unknown("source", &source, &known).into_response(),
        HookAnswer::Rejected(why) => problem(StatusCode::BAD_REQUEST, why).into_response(),
        HookAnswer::Full => again(format!("source `{source}` has too much to do")),
        HookAnswer::Failed(why) => again(why),
    }
}

pub(super) fn refused_body(rejection: &BytesRejection) -> Problem {
    let why = match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => format!("the body has more than {HOOK_BODY_BYTES} bytes"),
        _ => "the body did not come whole".to_owned(),
    };
    problem(rejection.status(), why)
}

fn unknown(what: &str, name: &str, known: &[String]) -> Problem {
    let known = match known {
        [] => "there are none".to_owned(),
        known => format!("there are `{}`", known.join("`, `")),
    };
    problem(StatusCode::NOT_FOUND, format!("there is no {what} `{name}`: {known}"))
}

/// 503 with the advice to come back.
pub(super) fn again(why: String) -> Response {
    let advice = [(header::RETRY_AFTER, "1")];
    (advice, problem(StatusCode::SERVICE_UNAVAILABLE, why)).into_response()
}

/// The body of a trigger. All of it may be left out.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TriggerBody {
    before: Option<String>,
    #[serde(rename = "for")]
    length: Option<String>,
    label: Option<String>,
}

async fn trigger<H: Host>(
    State(host): State<Arc<H>>,
    Path(camera): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let request = match body
        .map_err(|rejection| refused_body(&rejection))
        .and_then(|body| trigger_request(&body))
    {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
    match host.trigger(&camera, request).await {
        TriggerAnswer::Taken(triggered) => Json(triggered).into_response(),
        TriggerAnswer::Unknown(known) => unknown("camera", &camera, &known).into_response(),
        TriggerAnswer::Refused(why) => problem(StatusCode::CONFLICT, why).into_response(),
        TriggerAnswer::Failed(why) => again(why),
    }
}

fn trigger_request(body: &[u8]) -> Result<TriggerRequest, Problem> {
    let bad = |why: String| problem(StatusCode::BAD_REQUEST, why);
    let body: TriggerBody = match body {
        [] => TriggerBody::default(),
        body => serde_json::from_slice(body).map_err(|error| bad(error.to_string()))?,
    };
    if body.label.as_ref().is_some_and(|label| label.chars().count() > LABEL_MAX) {
        return Err(bad(format!("`label` has more than {LABEL_MAX} characters")));
    }
    let length = |key: &str, text: Option<String>| {
        text.map(|text| parse_duration(&text).map_err(|why| bad(format!("`{key}`: {why}"))))
            .transpose()
    };
    Ok(TriggerRequest {
        before: length("before", body.before)?,
        length: length("for", body.length)?,
        label: body.label,
    })
}

async fn reload<H: Host>(State(host): State<Arc<H>>) -> Response {
    match host.reload().await {
        ReloadAnswer::Done(done) => Json(done).into_response(),
        ReloadAnswer::Refused(mistakes) => {
            problem(StatusCode::CONFLICT, mistakes.join("\n")).into_response()
        }
        ReloadAnswer::Failed(why) => again(why),
    }
}

async fn health<H: Host>(
    State((host, access)): State<(Arc<H>, Access)>,
    headers: HeaderMap,
) -> (StatusCode, Json<serde_json::Value>) {
    let health = host.health();
    let (status, word) = match health.is_well() {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "degraded"),
    };
    let mut answer = json!({ "status": word });
    if access.allows(&headers) {
        answer["health"] = json!(health);
    }
    (status, Json(answer))
}

async fn figures(State(metrics): State<Metrics>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics.text()).into_response()
}
