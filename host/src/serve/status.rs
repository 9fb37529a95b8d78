//! What runs as plugins, from [`Host`] to HTTP.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;

use super::host::{Host, PluginStatus};
use super::openapi::described;

pub(super) fn router<H: Host>() -> OpenApiRouter<Arc<H>> {
    OpenApiRouter::default().routes(described::<__path_plugins, _>(get(plugins::<H>)))
}

/// What runs as plugins, on which camera, and how it fares.
#[utoipa::path(
    get,
    path = "/api/v1/plugins",
    tag = "plugins",
    responses((status = 200, description = "All of them", body = Vec<PluginStatus>))
)]
async fn plugins<H: Host>(State(host): State<Arc<H>>) -> Json<Vec<PluginStatus>> {
    Json(host.plugins())
}
