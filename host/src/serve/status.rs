//! How things are, from [`Host`] to HTTP: plugins, health, and the configuration in force.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;

use super::host::{Health, Host, PluginStatus};
use super::openapi::described;

pub(super) fn router<H: Host>() -> OpenApiRouter<Arc<H>> {
    OpenApiRouter::default()
        .routes(described::<__path_plugins, _>(get(plugins::<H>)))
        .routes(described::<__path_condition, _>(get(condition::<H>)))
        .routes(described::<__path_config, _>(get(config::<H>)))
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

/// How cameras, plugins and stores are.
#[utoipa::path(
    get,
    path = "/api/v1/health",
    tag = "host",
    responses((status = 200, description = "All of it, well or not", body = Health))
)]
async fn condition<H: Host>(State(host): State<Arc<H>>) -> Json<Health> {
    Json(host.health())
}

/// The configuration in force, by the keys of its file; `***` stands for secrets.
#[utoipa::path(
    get,
    path = "/api/v1/config",
    tag = "host",
    responses((status = 200, description = "All of it", body = serde_json::Value))
)]
async fn config<H: Host>(State(host): State<Arc<H>>) -> Json<serde_json::Value> {
    Json(host.config().shown())
}
