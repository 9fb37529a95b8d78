//! What people do with plugins of a running host, from HTTP to [`Host`] and back.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;

use super::host::Host;
use super::recordings::answer;

pub(super) fn router<H: Host>() -> Router<Arc<H>> {
    Router::new().route("/api/v1/plugins/{plugin}/reload", post(reload::<H>))
}

async fn reload<H: Host>(State(host): State<Arc<H>>, Path(plugin): Path<String>) -> Response {
    answer(host.reload_plugin(&plugin).await)
}
