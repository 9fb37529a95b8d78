//! A camera's time line, and when there is video of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use jiff::tz::TimeZone;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

use super::access::Visitor;
use super::extract::{Asked, At, stretch};
use super::host::Host;
use super::openapi::described;
use super::problem::{Problem, problem};
use crate::base::Timestamp;
use crate::config::parse_duration;
use crate::store::timeline::Timeline;
use crate::view::View;
use crate::view::library::{Availability, Precision};

/// What the handlers are given.
type Desk<H> = (Arc<H>, Arc<View>);

pub(super) fn router<H: Host>() -> OpenApiRouter<Desk<H>> {
    OpenApiRouter::default()
        .routes(described::<__path_timeline, _>(get(timeline::<H>)))
        .routes(described::<__path_availability, _>(get(availability::<H>)))
}

/// Which part of a time line.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Part {
    /// Its first moment.
    from: Timestamp,
    /// The moment after its last.
    to: Timestamp,
    /// What is shorter than this, or less than this apart, is not told apart.
    #[param(example = "10s")]
    resolution: Option<String>,
}

/// What is recorded of a camera, what is missing and why, what was asked for, what happened, and how
/// strongly there was motion; at a resolution.
#[utoipa::path(
    get,
    path = "/api/v1/cameras/{camera}/timeline",
    tag = "cameras",
    params(("camera" = String, Path, description = "Its name"), Part),
    responses(
        (status = 200, description = "Of each kind in order of (epoch, start)", body = Timeline),
        (status = 400, description = "The query is wrong", body = Problem),
        (status = 404, description = "There is no such camera", body = Problem),
    )
)]
async fn timeline<H: Host>(
    State(desk): State<Desk<H>>,
    visitor: Visitor,
    At(camera): At<String>,
    Asked(part): Asked<Part>,
) -> Result<Json<Timeline>, Problem> {
    let (from, to) = stretch(part.from, part.to)?;
    let resolution = part
        .resolution
        .as_deref()
        .map(parse_duration)
        .transpose()
        .map_err(|why| problem(StatusCode::BAD_REQUEST, format!("`resolution`: {why}")))?;
    known(&desk, &camera).await?;
    let resolution = resolution.unwrap_or_default();
    let name = camera.clone();
    let look = move |reader: &crate::store::Reader| reader.timeline(&camera, from, to, resolution);
    let mut seen = desk.1.read(look).await?;
    seen.events.retain(|event| visitor.hears(&name, &event.kind));
    Ok(Json(seen))
}

/// Of which time, and how finely.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Fineness {
    /// `year`, `month`, `day` or `exact`.
    #[param(inline)]
    precision: Precision,
    /// Not before this.
    from: Option<Timestamp>,
    /// Not at or after this.
    to: Option<Timestamp>,
    /// Whose calendar: the camera's where it is left out, else UTC.
    #[param(example = "Europe/Berlin")]
    zone: Option<String>,
}

/// When there is video of a camera: for calendars, and exactly.
#[utoipa::path(
    get,
    path = "/api/v1/cameras/{camera}/availability",
    tag = "cameras",
    params(("camera" = String, Path, description = "Its name"), Fineness),
    responses(
        (status = 200, description = "In order", body = Availability),
        (status = 400, description = "The query is wrong", body = Problem),
        (status = 404, description = "There is no such camera", body = Problem),
    )
)]
async fn availability<H: Host>(
    State(desk): State<Desk<H>>,
    At(camera): At<String>,
    Asked(asked): Asked<Fineness>,
) -> Result<Json<Availability>, Problem> {
    let range = stretch(asked.from.unwrap_or(Timestamp::ZERO), asked.to.unwrap_or(Timestamp::MAX))?;
    known(&desk, &camera).await?;
    let (host, view) = &desk;
    let zone = match asked.zone {
        Some(name) => TimeZone::get(&name).map_err(|_| {
            problem(StatusCode::BAD_REQUEST, "`zone` is no time zone: name one as `Europe/Berlin`")
        })?,
        None => {
            let config = host.config();
            let zone = config.camera(&camera).and_then(|camera| camera.timezone.as_deref());
            zone.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC)
        }
    };
    Ok(Json(view.availability(camera, range, asked.precision, zone).await?))
}

/// Refuses cameras that are not configured and were never recorded.
async fn known<H: Host>((host, view): &Desk<H>, camera: &str) -> Result<(), Problem> {
    let config = host.config();
    let name = camera.to_owned();
    if config.camera(camera).is_some() || view.read(move |it| it.has_camera(&name)).await? {
        return Ok(());
    }
    let why = format!("there is no camera `{camera}`: /api/v1/cameras says which there are");
    Err(problem(StatusCode::NOT_FOUND, why))
}
