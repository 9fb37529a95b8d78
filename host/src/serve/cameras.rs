//! Cameras: how they are, and what there is of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use super::access::Visitor;
use super::extract::At;
use super::host::{CameraHealth, Host};
use super::openapi::described;
use super::problem::{Problem, problem};
use crate::base::Timestamp;
use crate::config::Camera as Configured;
use crate::store::{StoredCamera, StoredFormat};
use crate::view::View;

/// What the handlers are given.
type Desk<H> = (Arc<H>, Arc<View>);

pub(super) fn router<H: Host>() -> OpenApiRouter<Desk<H>> {
    OpenApiRouter::default()
        .routes(described::<__path_cameras, _>(get(cameras::<H>)))
        .routes(described::<__path_camera, _>(get(camera::<H>)))
}

/// All cameras.
#[derive(Serialize, ToSchema)]
struct Cameras {
    /// Those of the configuration in its order, then others that were recorded once.
    cameras: Vec<Camera>,
}

/// A camera: how it is, and what there is of it.
#[derive(Default, Serialize, ToSchema)]
struct Camera {
    /// Its name.
    #[schema(example = "gate")]
    name: String,
    /// What of it is recorded: `continuous`, `events`, `both` or `off`.
    mode: Option<String>,
    /// The zone of its place, where that is configured.
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// It is in the configuration; otherwise there are recordings only.
    configured: bool,
    /// It delivers.
    connected: bool,
    /// Its video reaches the disk.
    recording: bool,
    /// It delivers, and nothing of that reaches the disk.
    stalled: bool,
    /// All is recorded, because a plugin is down.
    fail_open: bool,
    /// Since when `connected` is so.
    since: Option<Timestamp>,
    /// For people: why it does not deliver.
    detail: Option<String>,
    /// Where its recordings begin,
    first: Option<Timestamp>,
    /// and where the last complete file ends.
    last: Option<Timestamp>,
    /// Bytes of its recordings.
    bytes: u64,
    /// Its streams.
    streams: Streams,
}

/// The streams of a camera.
#[derive(Default, Serialize, ToSchema)]
struct Streams {
    /// The one that is recorded, as it was last; none: there is nothing of it.
    main: Option<StoredFormat>,
    /// Whether there is a second, smaller one.
    second: bool,
}

/// How all cameras are, and what there is of them.
#[utoipa::path(
    get,
    path = "/api/v1/cameras",
    tag = "cameras",
    responses((status = 200, description = "All of them", body = Cameras))
)]
async fn cameras<H: Host>(
    State(desk): State<Desk<H>>,
    visitor: Visitor,
) -> Result<Json<Cameras>, Problem> {
    let mut cameras = all(&desk).await?;
    cameras.retain(|camera| visitor.sees(&camera.name));
    Ok(Json(Cameras { cameras }))
}

/// How a camera is, and what there is of it.
#[utoipa::path(
    get,
    path = "/api/v1/cameras/{camera}",
    tag = "cameras",
    params(("camera" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "The camera", body = Camera),
        (status = 404, description = "There is no such camera", body = Problem),
    )
)]
async fn camera<H: Host>(
    State(desk): State<Desk<H>>,
    At(name): At<String>,
) -> Result<Json<Camera>, Problem> {
    let found = all(&desk).await?.into_iter().find(|camera| camera.name == name);
    let nobody = || problem(StatusCode::NOT_FOUND, format!("there is no camera `{name}`"));
    found.map(Json).ok_or_else(nobody)
}

async fn all<H: Host>((host, view): &Desk<H>) -> Result<Vec<Camera>, Problem> {
    let stored = view.cameras().await?;
    let mut stored: BTreeMap<_, _> =
        stored.into_iter().map(|camera| (camera.name.clone(), camera)).collect();
    let health = host.health().cameras;
    let config = host.config();
    let mut all = Vec::new();
    for configured in &config.cameras {
        let health = health.iter().find(|health| health.name == configured.name);
        let mut camera = Camera { name: configured.name.clone(), ..Camera::default() };
        camera.is_configured(configured);
        health.into_iter().for_each(|health| camera.fares(health));
        stored.remove(&camera.name).into_iter().for_each(|stored| camera.has(stored));
        all.push(camera);
    }
    for (name, stored) in stored {
        let mut camera = Camera { name, ..Camera::default() };
        camera.has(stored);
        all.push(camera);
    }
    Ok(all)
}

impl Camera {
    fn is_configured(&mut self, camera: &Configured) {
        self.configured = true;
        self.mode = Some(camera.mode.as_str().into());
        self.time_zone.clone_from(&camera.timezone);
        self.streams.second = camera.analysis.is_some();
    }

    fn fares(&mut self, health: &CameraHealth) {
        (self.connected, self.recording) = (health.connected, health.recording);
        (self.stalled, self.fail_open) = (health.stalled, health.fail_open);
        (self.since, self.detail) = (health.since, health.detail.clone());
    }

    fn has(&mut self, stored: StoredCamera) {
        (self.first, self.last, self.bytes) = (stored.first, stored.last, stored.bytes);
        self.streams.main = stored.format;
    }
}
