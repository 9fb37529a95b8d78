//! Exports, from HTTP to `view::exports` and back: `/api/v1/exports`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::Visitor;
use super::audit::Told;
use super::extract::{At, Sent};
use super::files;
use super::playback::body;
use super::problem::{Problem, again, problem};
use crate::base::Timestamp;
use crate::export::{Gaps, Wanted};
use crate::view::View;
use crate::view::exports::{Denied, ExportStatus, Exports, Wish};
use crate::view::files::Opened;

/// What the handlers are given.
type Desk = (Exports, Arc<View>);

pub(super) fn router() -> OpenApiRouter<Desk> {
    OpenApiRouter::default()
        .routes(routes!(exports, begin_export))
        .routes(routes!(export, end_export))
        .routes(routes!(export_file))
}

/// What is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Order {
    /// The camera.
    #[schema(example = "gate")]
    camera: String,
    /// The first moment.
    from: Timestamp,
    /// The moment after the last; at most 24 hours later.
    to: Timestamp,
    /// What stands for time without video.
    #[serde(default)]
    #[schema(inline)]
    gaps: Gap,
    /// All goes into one file, or it fails.
    #[serde(default)]
    one_file: bool,
}

/// What stands for time without video: the last picture (`hold`), or nothing (`cut`).
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Gap {
    /// The last picture.
    #[default]
    Hold,
    /// Nothing.
    Cut,
}

/// All exports.
#[derive(Serialize, ToSchema)]
struct List {
    /// In the order in which they were asked for.
    exports: Vec<ExportStatus>,
}

/// Exports of the last day, of everybody.
#[utoipa::path(
    get,
    path = "/api/v1/exports",
    tag = "exports",
    responses((status = 200, description = "All of them", body = List))
)]
async fn exports(State((exports, _view)): State<Desk>) -> Json<List> {
    Json(List { exports: exports.list() })
}

/// Makes MP4 files for any player of a range of a camera, one export after the other.
#[utoipa::path(
    post,
    path = "/api/v1/exports",
    tag = "exports",
    request_body = Order,
    responses(
        (status = 202, description = "It is begun: `location` says where it is followed", body = ExportStatus),
        (status = 400, description = "The body is wrong", body = Problem),
        (status = 503, description = "There are too many: try again", body = Problem),
    )
)]
async fn begin_export(
    State((exports, _view)): State<Desk>,
    visitor: Visitor,
    Sent(order): Sent<Order>,
) -> Result<Response, Problem> {
    let Order { camera, from, to, gaps, one_file } = order;
    if !visitor.sees(&camera) {
        return Err(problem(StatusCode::NOT_FOUND, format!("there is no camera `{camera}`")));
    }
    let gaps = match gaps {
        Gap::Hold => Gaps::Hold,
        Gap::Cut => Gaps::Cut,
    };
    let wanted = Wanted { from, to };
    let told = told(&camera, wanted);
    let wish = Wish { camera, wanted, gaps, one_file, by: visitor.name.to_string() };
    let mut answer = match exports.begin(wish) {
        Ok(status) => {
            let location = [(header::LOCATION, format!("/api/v1/exports/{}", status.id))];
            (StatusCode::ACCEPTED, location, Json(status)).into_response()
        }
        Err(Denied::Wrong(why)) => problem(StatusCode::BAD_REQUEST, why).into_response(),
        Err(Denied::Full(why)) => again(why).into_response(),
    };
    answer.extensions_mut().insert(told);
    Ok(answer)
}

/// What the audit trail says of an export.
fn told(camera: &str, wanted: Wanted) -> Told {
    let what = vec![("from", wanted.from.to_string()), ("to", wanted.to.to_string())];
    // A name that can be none is not kept.
    let known = crate::store::layout::check_camera(camera).is_ok();
    Told { silent: false, camera: known.then(|| camera.to_owned()), what }
}

/// How far an export is, and what came of it.
#[utoipa::path(
    get,
    path = "/api/v1/exports/{id}",
    tag = "exports",
    params(("id" = String, Path, description = "As it was given")),
    responses(
        (status = 200, description = "The export", body = ExportStatus),
        (status = 404, description = "There is no such export (any more)", body = Problem),
    )
)]
async fn export(
    State((exports, _view)): State<Desk>,
    At(id): At<String>,
) -> Result<Json<ExportStatus>, Problem> {
    exports.find(&id).map(Json).ok_or_else(nothing)
}

/// Ends an export that waits or is being made; removes one that is over, with its files.
#[utoipa::path(
    delete,
    path = "/api/v1/exports/{id}",
    tag = "exports",
    params(("id" = String, Path, description = "As it was given")),
    responses(
        (status = 204, description = "It is so"),
        (status = 404, description = "There is no such export (any more)", body = Problem),
    )
)]
async fn end_export(
    State((exports, view)): State<Desk>,
    At(id): At<String>,
) -> Result<Response, Problem> {
    let status = view.work(move || Ok(exports.remove(&id))).await?.ok_or_else(nothing)?;
    let mut answer = StatusCode::NO_CONTENT.into_response();
    let wanted = Wanted { from: status.from, to: status.to };
    answer.extensions_mut().insert(told(&status.camera, wanted));
    Ok(answer)
}

/// A file of an export.
#[utoipa::path(
    get,
    path = "/api/v1/exports/{id}/{file}",
    tag = "exports",
    params(
        ("id" = String, Path, description = "As it was given"),
        ("file" = String, Path, description = "The name of one of its files"),
        ("range" = Option<String>, Header, description = "Bytes of it (RFC 9110): one range"),
    ),
    responses(
        (status = 200, description = "All of it", body = Vec<u8>, content_type = "video/mp4"),
        (status = 206, description = "The bytes asked for", body = Vec<u8>, content_type = "video/mp4"),
        (status = 304, description = "It has this `etag`"),
        (status = 404, description = "It is not there (any more)", body = Problem),
        (status = 416, description = "There are no such bytes", body = Problem),
    )
)]
async fn export_file(
    State((exports, view)): State<Desk>,
    visitor: Visitor,
    At((id, file)): At<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let status = exports.find(&id).ok_or_else(nothing)?;
    let path = exports.file(&id, &file).ok_or_else(nothing)?;
    let opened = Opened::at(&view, path).await?.ok_or_else(nothing)?;
    let part = files::part(&headers, &format!("\"{id}-{file}\""), opened.bytes);
    // A name of ours: letters, digits, `-`, `_` and a full stop.
    let name = HeaderValue::try_from(format!("attachment; filename=\"{file}\""));
    let name = name.map_err(|_| nothing())?;
    let own = [
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
    ];
    let mut answer =
        part.answer(HeaderMap::from_iter(own), |bytes| body(opened.deliver(&view, bytes)));
    let wanted = Wanted { from: status.from, to: status.to };
    // A player fetches a file in many parts, and asks again for what it has.
    let gives = method != Method::HEAD && answer.status().is_success();
    let silent = !(gives && exports.takes(&id, &file, &visitor.name));
    let told = Told { silent, ..told(&status.camera, wanted) };
    answer.extensions_mut().insert(told);
    Ok(answer)
}

fn nothing() -> Problem {
    let why = "there is no such export: exports are kept for a day, and not over a restart";
    problem(StatusCode::NOT_FOUND, why)
}
