//! What people do with plugins of a running host, from HTTP to [`Host`] and back.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use utoipa_axum::router::OpenApiRouter;

use super::extract::At;
use super::host::{Host, ReloadedPlugin};
use super::openapi::described;
use super::problem::Problem;
use super::recordings::answer;

pub(super) fn router<H: Host>() -> OpenApiRouter<Arc<H>> {
    OpenApiRouter::default().routes(described::<__path_reload, _>(post(reload::<H>)))
}

/// Loads a plugin anew, for all its cameras.
#[utoipa::path(
    post,
    path = "/api/v1/plugins/{plugin}/reload",
    operation_id = "reload_plugin",
    tag = "plugins",
    params(("plugin" = String, Path, description = "Its name in the configuration")),
    responses(
        (status = 200, description = "What became of it on each camera", body = ReloadedPlugin),
        (status = 404, description = "There is no such plugin", body = Problem),
        (status = 409, description = "It can't be loaded", body = Problem),
    )
)]
async fn reload<H: Host>(State(host): State<Arc<H>>, At(plugin): At<String>) -> Response {
    answer(host.reload_plugin(&plugin).await)
}
