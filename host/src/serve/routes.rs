//! Each request, from HTTP to [`Host`] and back.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::{self, Gate, Peer, Visitor};
use super::carry::carry_out;
use super::extract::{Asked, At, Raw, Sent, label};
use super::headers::{self, OverTls};
use super::host::{
    Health, HookAnswer, HookRequest, Host, ReloadAnswer, Reloaded, TriggerAnswer, TriggerRequest,
    Triggered,
};
use super::openapi::{self, described};
use super::problem::{Problem, again, problem};
use super::{
    cameras, events, exports, library, live, page, pictures, playback, plugins, recordings,
    session, status, timeline,
};
use crate::base::limits::HOOK_BODY_BYTES;
use crate::base::metrics::Metrics;
use crate::base::tasks::Tasks;
use crate::config::parse_duration;
use crate::view::exports::Exports;
use crate::view::{Looks, View};

/// The longest a request may take, its body included. Above what a hook waits for its source.
const REQUEST: Duration = Duration::from_secs(15);

/// The same where a plugin is compiled: in Python that takes a small machine a minute.
const RELOAD: Duration = Duration::from_secs(120);

/// What has come whole is carried out.
const MAYBE_DONE: &str =
    "the request took too long: look whether it was carried out before you ask again";
const STILL_PREPARED: &str = "this takes longer than a request may: what runs goes on, the new \
    version is still being prepared, and `wardline plugin status` shows when it runs";

/// Headers that are for the host, not for plugins.
const PRIVATE_HEADERS: [&str; 4] =
    ["authorization", "cookie", "proxy-authorization", "content-type"];

/// What requests reach: the host that runs, and its recordings.
pub(super) struct Desk<H> {
    pub(super) host: Arc<H>,
    pub(super) view: Arc<View>,
    pub(super) looks: Looks,
    pub(super) gate: Gate,
    pub(super) exports: Exports,
    pub(super) metrics: Metrics,
    /// What is being changed.
    pub(super) changes: Tasks,
}

pub(super) fn router<H: Host>(desk: Desk<H>) -> Router {
    let mut api = all(&desk);
    // This stands in the document, too, which must be made before it can be served.
    let (itself, of_itself) =
        OpenApiRouter::default().routes(routes!(openapi::document)).split_for_parts();
    api.get_openapi_mut().merge(of_itself);
    let (api, document) = api.split_for_parts();
    let gate = desk.gate;
    api.merge(itself.with_state(openapi::Text::of(&document)))
        .merge(page::router())
        .method_not_allowed_fallback(wrong_method)
        // From the last to the first: what each of these needs stands in `rights`.
        .route_layer(from_fn_with_state(gate.clone(), access::tell))
        .route_layer(from_fn_with_state(desk.changes, carry_out))
        .route_layer(from_fn_with_state(gate.clone(), access::authorize))
        .fallback(nothing)
        .layer(from_fn_with_state(gate.clone(), access::identify))
        .layer(DefaultBodyLimit::max(HOOK_BODY_BYTES))
        .layer(from_fn_with_state(gate.clone(), in_time))
        .layer(from_fn_with_state(OverTls(gate.is_tls), headers::secure))
}

/// All but the document itself and the page. A group brings its routes, with what they say of
/// themselves and what they are given.
fn all<H: Host>(desk: &Desk<H>) -> OpenApiRouter {
    openapi::start()
        .routes(described::<__path_health, _>(get(health::<H>)))
        .routes(described::<__path_hook, _>(post(hook::<H>)))
        .routes(described::<__path_trigger, _>(post(trigger::<H>)))
        .routes(described::<__path_reload, _>(post(reload::<H>)))
        .merge(recordings::router::<H>())
        .merge(status::router::<H>())
        .merge(plugins::router::<H>())
        .with_state(desk.host.clone())
        .merge(OpenApiRouter::default().routes(routes!(figures)).with_state(desk.metrics.clone()))
        .merge(
            cameras::router::<H>()
                .merge(timeline::router::<H>())
                .merge(events::stream_router::<H>())
                .merge(library::plan_router::<H>())
                .with_state((desk.host.clone(), desk.view.clone())),
        )
        .merge(events::router().with_state(desk.view.clone()))
        .merge(library::router().with_state(desk.view.clone()))
        .merge(playback::router().with_state(desk.view.clone()))
        .merge(live::router().with_state(desk.looks.live.clone()))
        .merge(pictures::router().with_state(desk.looks.pictures.clone()))
        .merge(
            pictures::event_router().with_state((desk.looks.pictures.clone(), desk.view.clone())),
        )
        .merge(exports::router().with_state((desk.exports.clone(), desk.view.clone())))
        .merge(session::router().with_state(desk.gate.clone()))
}

/// Who is nobody is not told what there is.
async fn nothing(_: Visitor) -> Problem {
    problem(StatusCode::NOT_FOUND, "no such page: /api/v1/openapi.json says what there is")
}

/// The answer's `allow` says which there are.
async fn wrong_method(method: Method) -> Problem {
    problem(StatusCode::METHOD_NOT_ALLOWED, format!("this can't be asked for with {method}"))
}

/// Answers in time; what was too slow or too large is told.
async fn in_time(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let peer = Peer::of(request.extensions());
    let (bound, late) = match request.method() {
        _ if request.uri().path().ends_with("/reload") => (RELOAD, STILL_PREPARED),
        method if method.is_safe() => (REQUEST, "the request took too long"),
        _ => (REQUEST, MAYBE_DONE),
    };
    let answer = match tokio::time::timeout(bound, next.run(request)).await {
        Ok(response) => response,
        Err(_) => problem(StatusCode::REQUEST_TIMEOUT, late).into_response(),
    };
    match answer.status() {
        StatusCode::REQUEST_TIMEOUT => gate.trail.refused("slow", peer, ""),
        StatusCode::PAYLOAD_TOO_LARGE => gate.trail.refused("size", peer, ""),
        _ => {}
    }
    answer
}

/// Gives a message to an event source, which makes events of it.
#[utoipa::path(
    post,
    path = "/hooks/{source}",
    tag = "events",
    params(("source" = String, Path, description = "A source of the configuration")),
    request_body(content = Vec<u8>, content_type = "*/*", description = "What the source reads"),
    responses(
        (status = 200, description = "Its events are stored", body = Taken),
        (status = 400, description = "The source refuses it, and says why", body = Problem),
        (status = 404, description = "There is no such source", body = Problem),
        (status = 413, description = "It is too large", body = Problem),
        (status = 503, description = "Not now: try again", body = Problem),
    )
)]
async fn hook<H: Host>(
    State(host): State<Arc<H>>,
    At(source): At<String>,
    Asked(query): Asked<Vec<(String, String)>>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Response {
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
        HookAnswer::Taken(events) => Json(Taken { events }).into_response(),
        HookAnswer::Unknown(known) => unknown("source", &source, &known).into_response(),
        HookAnswer::Rejected(why) => problem(StatusCode::BAD_REQUEST, why).into_response(),
        HookAnswer::Full => again(format!("source `{source}` has too much to do")),
        HookAnswer::Failed(why) => again(why),
    }
}

fn unknown(what: &str, name: &str, known: &[String]) -> Problem {
    let known = match known {
        [] => "there are none".to_owned(),
        known => format!("there are `{}`", known.join("`, `")),
    };
    problem(StatusCode::NOT_FOUND, format!("there is no {what} `{name}`: {known}"))
}

/// What came of a message.
#[derive(Serialize, ToSchema)]
struct Taken {
    /// Qualified ids of its events.
    events: Vec<String>,
}

/// The body of a trigger. All of it may be left out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TriggerBody {
    /// From so long before now.
    #[schema(example = "10s")]
    before: Option<String>,
    /// For so long from now on.
    #[serde(rename = "for")]
    #[schema(example = "2m")]
    length: Option<String>,
    /// For people.
    #[schema(max_length = 256)]
    label: Option<String>,
}

/// Records now.
#[utoipa::path(
    post,
    path = "/api/v1/cameras/{camera}/trigger",
    tag = "cameras",
    params(("camera" = String, Path, description = "Its name")),
    request_body = Option<TriggerBody>,
    responses(
        (status = 200, description = "It is recorded", body = Triggered),
        (status = 400, description = "The body is wrong", body = Problem),
        (status = 404, description = "There is no such camera", body = Problem),
        (status = 409, description = "The camera can't", body = Problem),
        (status = 503, description = "Not now: try again", body = Problem),
    )
)]
async fn trigger<H: Host>(
    State(host): State<Arc<H>>,
    At(camera): At<String>,
    Sent(body): Sent<TriggerBody>,
) -> Result<Response, Problem> {
    Ok(match host.trigger(&camera, body.request()?).await {
        TriggerAnswer::Taken(triggered) => Json(triggered).into_response(),
        TriggerAnswer::Unknown(known) => unknown("camera", &camera, &known).into_response(),
        TriggerAnswer::Refused(why) => problem(StatusCode::CONFLICT, why).into_response(),
        TriggerAnswer::Failed(why) => again(why),
    })
}

impl TriggerBody {
    fn request(self) -> Result<TriggerRequest, Problem> {
        let length = |key: &str, text: Option<String>| {
            let wrong = |why| problem(StatusCode::BAD_REQUEST, format!("`{key}`: {why}"));
            text.map(|text| parse_duration(&text).map_err(wrong)).transpose()
        };
        let (before, length) = (length("before", self.before)?, length("for", self.length)?);
        Ok(TriggerRequest { before, length, label: label(self.label)? })
    }
}

/// Reads the configuration anew: all of it comes into force, or nothing.
#[utoipa::path(
    post,
    path = "/api/v1/config/reload",
    tag = "host",
    responses(
        (status = 200, description = "It is in force", body = Reloaded),
        (status = 409, description = "What is wrong with it", body = Problem),
        (status = 503, description = "Not now: try again", body = Problem),
    )
)]
async fn reload<H: Host>(State(host): State<Arc<H>>) -> Response {
    match host.reload().await {
        ReloadAnswer::Done(done) => Json(done).into_response(),
        ReloadAnswer::Refused(mistakes) => {
            problem(StatusCode::CONFLICT, mistakes.join("\n")).into_response()
        }
        ReloadAnswer::Failed(why) => again(why),
    }
}

/// What `/healthz` answers.
#[derive(Serialize, ToSchema)]
struct Condition {
    /// `ok` or `degraded`.
    #[schema(example = "ok")]
    status: &'static str,
    /// For those who may know more.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
}

/// Whether all is well: for supervisors and load balancers.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "host",
    responses(
        (status = 200, description = "All is well", body = Condition),
        (status = 503, description = "Something is not", body = Condition),
    )
)]
async fn health<H: Host>(
    State(host): State<Arc<H>>,
    visitor: Option<Visitor>,
) -> (StatusCode, Json<Condition>) {
    let health = host.health();
    let (code, status) = match health.is_well() {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "degraded"),
    };
    let health = visitor.is_some_and(|visitor| visitor.sees_all()).then_some(health);
    (code, Json(Condition { status, health }))
}

/// Figures, for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "host",
    responses((status = 200, description = "Figures", body = String, content_type = "application/openmetrics-text"))
)]
async fn figures(State(metrics): State<Metrics>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics.text()).into_response()
}
