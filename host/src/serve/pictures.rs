//! Pictures: of a moment, of an event, and strips of them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::Visitor;
use super::extract::{Asked, At};
use super::playback::KEPT;
use super::problem::{Problem, problem};
use super::ranges::is_known;
use crate::base::{Timestamp, time};
use crate::config::parse_duration;
use crate::store::StoredEvent;
use crate::view::View;
use crate::view::pictures::{
    CELL_WIDTH_MAX, CELLS_MAX, Picture, Pictures, Refusal, WIDTH_MAX, WIDTH_MIN, Wish,
};

/// Of what may yet be another picture.
const ASK_AGAIN: &str = "private, no-cache";

pub(super) fn router() -> OpenApiRouter<Pictures> {
    OpenApiRouter::default().routes(routes!(snapshot)).routes(routes!(strip))
}

/// Of events, whose cameras the index knows.
pub(super) fn event_router() -> OpenApiRouter<(Pictures, Arc<View>)> {
    OpenApiRouter::default().routes(routes!(event_picture))
}

/// Of when, and how large.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Moment {
    /// When; without it the newest picture there is, recorded or not.
    at: Option<Timestamp>,
    /// At most so wide, 16 to 8192 pixels; never wider than the video.
    width: Option<u32>,
}

/// A picture of a moment: the last key frame at or before it, where there is video of that moment.
#[utoipa::path(
    get,
    path = "/api/v1/cameras/{camera}/snapshot.jpg",
    tag = "pictures",
    params(("camera" = String, Path, description = "Its name"), Moment),
    responses(
        (status = 200, description = "JPEG", body = Vec<u8>, content_type = "image/jpeg",
            headers(("x-wardline-time" = String, description = "When it was taken, RFC 3339"))),
        (status = 404, description = "There is no video of that moment", body = Problem),
        (status = 422, description = "The video can't be decoded here", body = Problem),
        (status = 503, description = "Too many pictures are asked for; try again", body = Problem),
    )
)]
async fn snapshot(
    State(pictures): State<Pictures>,
    At(camera): At<String>,
    Asked(moment): Asked<Moment>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let width = width(moment.width)?;
    let wish = Wish::Moment { camera, at: moment.at, width };
    answer(pictures.get(wish).await, &headers)
}

/// Which pictures.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Row {
    /// The moment of the first.
    from: Timestamp,
    /// From one to the next, as `30s`.
    #[param(example = "30s")]
    step: String,
    /// How many: 1 to 60.
    count: u32,
    /// How wide each is: 16 to 320 pixels.
    width: u32,
}

/// A row of small pictures, for what is seen while a time line is dragged: each the key frame nearest to
/// its moment, within half a step; black where there is no video. All in one JPEG, `count * width` wide.
#[utoipa::path(
    get,
    path = "/api/v1/cameras/{camera}/strip.jpg",
    tag = "pictures",
    params(("camera" = String, Path, description = "Its name"), Row),
    responses(
        (status = 200, description = "JPEG", body = Vec<u8>, content_type = "image/jpeg"),
        (status = 400, description = "The query is wrong", body = Problem),
        (status = 503, description = "Too many pictures are asked for; try again", body = Problem),
    )
)]
async fn strip(
    State(pictures): State<Pictures>,
    At(camera): At<String>,
    Asked(row): Asked<Row>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Row { from, step, count, width } = row;
    let bad = |why: String| problem(StatusCode::BAD_REQUEST, why);
    let step = parse_duration(&step).map_err(|why| bad(format!("`step`: {why}")))?;
    if !(1..=CELLS_MAX).contains(&count) {
        return Err(bad(format!("`count` is not within 1 to {CELLS_MAX}")));
    }
    if !(WIDTH_MIN..=CELL_WIDTH_MAX).contains(&width) {
        return Err(bad(format!("`width` is not within {WIDTH_MIN} to {CELL_WIDTH_MAX}")));
    }
    let wish = Wish::Strip { camera, from, step: time::micros(step), count, width };
    answer(pictures.get(wish).await, &headers)
}

/// How large, and with what in it.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Look {
    /// At most so wide, 16 to 8192 pixels; never wider than the video.
    width: Option<u32>,
    /// With a frame around each region of the event.
    regions: Option<bool>,
}

/// A picture of an event: the key frame nearest to it.
#[utoipa::path(
    get,
    path = "/api/v1/events/{sequence}/picture.jpg",
    tag = "pictures",
    params(("sequence" = u64, Path, description = "The event's number"), Look),
    responses(
        (status = 200, description = "JPEG", body = Vec<u8>, content_type = "image/jpeg",
            headers(("x-wardline-time" = String, description = "When it was taken, RFC 3339"))),
        (status = 404, description = "There is no such event, or no video of it", body = Problem),
        (status = 422, description = "The video can't be decoded here", body = Problem),
        (status = 503, description = "Too many pictures are asked for; try again", body = Problem),
    )
)]
async fn event_picture(
    State((pictures, view)): State<(Pictures, Arc<View>)>,
    visitor: Visitor,
    At(sequence): At<u64>,
    Asked(look): Asked<Look>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (width, regions) = (width(look.width)?, look.regions.unwrap_or(false));
    if !visitor.sees_all() {
        let before = sequence.saturating_sub(1);
        let found = view.read(move |reader| reader.events_after(before, 1)).await?;
        let is_his = |event: &StoredEvent| {
            event.sequence == sequence && visitor.hears(&event.camera, &event.event.kind)
        };
        if !found.iter().any(is_his) {
            return Err(problem(StatusCode::NOT_FOUND, "there is no such event"));
        }
    }
    answer(pictures.get(Wish::Event { sequence, width, regions }).await, &headers)
}

fn width(asked: Option<u32>) -> Result<Option<u32>, Problem> {
    if asked.is_some_and(|width| !(WIDTH_MIN..=WIDTH_MAX).contains(&width)) {
        let why = format!("`width` is not within {WIDTH_MIN} to {WIDTH_MAX}");
        return Err(problem(StatusCode::BAD_REQUEST, why));
    }
    Ok(asked)
}

fn answer(made: Result<Picture, Refusal>, asked: &HeaderMap) -> Result<Response, Problem> {
    let picture = made.map_err(|refusal| match refusal {
        Refusal::NoVideo => problem(StatusCode::NOT_FOUND, "there is no video of that moment"),
        Refusal::Busy => {
            problem(StatusCode::SERVICE_UNAVAILABLE, "too many pictures are asked for: try again")
        }
        Refusal::Undecodable(why) => problem(StatusCode::UNPROCESSABLE_ENTITY, why),
        Refusal::Failed(why) => problem(StatusCode::SERVICE_UNAVAILABLE, why),
    })?;
    let tag = format!("\"{:016x}\"", picture.tag);
    let text = |text: &str| HeaderValue::from_str(text).ok();
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(if picture.settled { KEPT } else { ASK_AGAIN }),
    );
    headers.extend(text(&tag).map(|tag| (header::ETAG, tag)));
    headers.extend(text(&picture.time.to_string()).map(|time| (TIME, time)));
    if is_known(asked, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    Ok((headers, picture.jpeg).into_response())
}

/// When a picture was taken.
const TIME: header::HeaderName = header::HeaderName::from_static("x-wardline-time");
