//! Recordings, files as they lie on disk, and what would become of them.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::Visitor;
use super::extract::{Asked, At, limit, stretch};
use super::files;
use super::host::Host;
use super::openapi::described;
use super::playback::body;
use super::problem::{Problem, problem};
use crate::base::Timestamp;
use crate::store::Recording;
use crate::view::View;
use crate::view::files::{FileEntry, Listing};

/// Where nobody says from when on: so long before the end.
const USUAL: Duration = Duration::from_secs(7 * 86_400);

/// The longest stretch whose recordings are listed.
const STRETCH_MAX: Duration = Duration::from_secs(93 * 86_400);

pub(super) fn router() -> OpenApiRouter<Arc<View>> {
    OpenApiRouter::default()
        .routes(routes!(recordings))
        .routes(routes!(segments))
        .routes(routes!(segment))
}

pub(super) fn plan_router<H: Host>() -> OpenApiRouter<(Arc<H>, Arc<View>)> {
    OpenApiRouter::default().routes(described::<__path_plan, _>(get(plan::<H>)))
}

/// What to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Listed {
    /// Of this camera only.
    camera: Option<String>,
    /// With video at or after this; a week before `to` where it is left out.
    from: Option<Timestamp>,
    /// With video before this; now, where it is left out.
    to: Option<Timestamp>,
    /// At most so many: 100 where it is left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `next` of the answer before.
    cursor: Option<String>,
}

impl Listed {
    fn listing(self, view: &View, visitor: &Visitor) -> Result<(Listing, Option<String>), Problem> {
        // What was recorded until now, and a picture that is on its way.
        let to = self.to.unwrap_or_else(|| view.clock().wall() + Duration::from_secs(1));
        let (from, to) = stretch(self.from.unwrap_or(to - USUAL), to)?;
        if to.since(from) > STRETCH_MAX {
            let why = "the stretch of time is longer than 93 days: ask for it in parts";
            return Err(problem(StatusCode::BAD_REQUEST, why));
        }
        let limit = limit(self.limit)?;
        let only = || visitor.only().map(|only| only.iter().cloned().collect());
        let cameras = self.camera.map(|camera| vec![camera]).or_else(only);
        Ok((Listing { cameras, from, to, limit }, self.cursor))
    }
}

fn wrong_cursor() -> Problem {
    problem(StatusCode::BAD_REQUEST, "`cursor` is none that was given out")
}

/// A part of the recordings.
#[derive(Serialize, ToSchema)]
struct Recordings {
    /// By camera and start.
    recordings: Vec<Recording>,
    /// The `cursor` of what follows.
    next: Option<String>,
}

/// Recordings: stretches of continuous video, spans, and pins.
#[utoipa::path(
    get,
    path = "/api/v1/recordings",
    tag = "recordings",
    params(Listed),
    responses(
        (status = 200, description = "A page of them", body = Recordings),
        (status = 400, description = "The query is wrong", body = Problem),
    )
)]
async fn recordings(
    State(view): State<Arc<View>>,
    visitor: Visitor,
    Asked(listed): Asked<Listed>,
) -> Result<Json<Recordings>, Problem> {
    let (listing, cursor) = listed.listing(&view, &visitor)?;
    let after = cursor.map(|text| {
        let mut parts = text.rsplitn(3, ',');
        let alike = parts.next()?.parse().ok()?;
        let start = Timestamp::from_micros(parts.next()?.parse().ok()?);
        Some((parts.next()?.to_owned(), start, alike))
    });
    let after = after.map(|place| place.ok_or_else(wrong_cursor)).transpose()?;
    let mut page = view.recordings_page(listing, after).await?;
    for span in page.items.iter_mut().filter_map(|recording| recording.span.as_mut()) {
        span.because.retain(|id| visitor.knows(id));
        span.correlation.take_if(|id| !visitor.knows(id));
    }
    let next =
        page.next.map(|(camera, start, alike)| format!("{camera},{},{alike}", start.micros()));
    Ok(Json(Recordings { recordings: page.items, next }))
}

/// A part of the files.
#[derive(Serialize, ToSchema)]
struct Segments {
    /// By camera, epoch and sequence.
    segments: Vec<FileEntry>,
    /// The `cursor` of what follows.
    next: Option<String>,
}

/// Files as they lie on disk.
#[utoipa::path(
    get,
    path = "/api/v1/segments",
    tag = "recordings",
    params(Listed),
    responses(
        (status = 200, description = "A page of them", body = Segments),
        (status = 400, description = "The query is wrong", body = Problem),
    )
)]
async fn segments(
    State(view): State<Arc<View>>,
    visitor: Visitor,
    Asked(listed): Asked<Listed>,
) -> Result<Json<Segments>, Problem> {
    let (listing, cursor) = listed.listing(&view, &visitor)?;
    let after = cursor.map(|text| {
        let mut parts = text.rsplitn(3, ',');
        let sequence = parts.next()?.parse().ok()?;
        let epoch = parts.next()?.parse().ok()?;
        Some((parts.next()?.to_owned(), epoch, sequence))
    });
    let after = after.map(|place| place.ok_or_else(wrong_cursor)).transpose()?;
    let page = view.files_page(listing, after).await?;
    let next = page.next.map(|(camera, epoch, sequence)| format!("{camera},{epoch},{sequence}"));
    Ok(Json(Segments { segments: page.items, next }))
}

/// A file as it lies on disk: fragmented MP4. Of one that grows, as much as is whole.
#[utoipa::path(
    get,
    path = "/api/v1/segments/{camera}/{file}",
    tag = "recordings",
    params(
        ("camera" = String, Path, description = "Its name"),
        ("file" = String, Path, description = "Its sequence, and `.mp4`", example = "17.mp4"),
        ("range" = Option<String>, Header, description = "Bytes of it (RFC 9110): one range"),
        ("if-range" = Option<String>, Header, description = "Only of the file with this `etag`"),
        ("if-none-match" = Option<String>, Header, description = "Only if it has another `etag`"),
    ),
    responses(
        (status = 200, description = "All of it", body = Vec<u8>, content_type = "video/mp4"),
        (status = 206, description = "The bytes asked for", body = Vec<u8>, content_type = "video/mp4"),
        (status = 304, description = "It has this `etag`"),
        (status = 404, description = "It is not there (any more)", body = Problem),
        (status = 416, description = "There are no such bytes", body = Problem),
    )
)]
async fn segment(
    State(view): State<Arc<View>>,
    At((camera, file)): At<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let nothing = || {
        problem(StatusCode::NOT_FOUND, format!("there is no file `{file}` of camera `{camera}`"))
    };
    let sequence =
        file.strip_suffix(".mp4").filter(|text| text.bytes().all(|c| c.is_ascii_digit()));
    let sequence = sequence.and_then(|text| text.parse().ok()).ok_or_else(nothing)?;
    let opened = view.file(camera.clone(), sequence).await?.ok_or_else(nothing)?;
    // What grows is another thing with each fragment; what is closed is never written to again.
    let tag =
        format!("\"{sequence}-{}{}\"", opened.bytes, if opened.closed { "" } else { "-open" });
    let length = opened.bytes;
    let kept = [(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"))];
    let part = files::part(&headers, &tag, length);
    Ok(part.answer(HeaderMap::from_iter(kept), |bytes| body(opened.deliver(&view, bytes))))
}

/// What would go next, when and why, and how many days fit.
#[utoipa::path(
    get,
    path = "/api/v1/plan",
    tag = "recordings",
    responses((status = 200, description = "As `wardline recordings plan --json`", body = serde_json::Value))
)]
async fn plan<H: Host>(
    State((host, view)): State<(Arc<H>, Arc<View>)>,
) -> Result<Json<crate::store::plan::Plan>, Problem> {
    let (limits, now) = (host.limits(), view.clock().wall());
    Ok(Json(view.read(move |reader| reader.plan(&limits, now)).await?))
}
