//! What runs as plugins, from [`Host`] to HTTP.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};

use super::host::{Host, PluginStatus};

pub(super) fn router<H: Host>() -> Router<Arc<H>> {
    Router::new().route("/api/v1/plugins", get(plugins::<H>))
}

async fn plugins<H: Host>(State(host): State<Arc<H>>) -> Json<Vec<PluginStatus>> {
    Json(host.plugins())
}
