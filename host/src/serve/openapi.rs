//! The document of the API, made from the handlers: each group of routes brings its own part.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use bytes::Bytes;
use utoipa::__dev::{SchemaReferences, Tags};
use utoipa::openapi::path::Paths;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{OpenApi, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::problem::Problem;
use crate::base::Timestamp;

/// What the document says of the API as a whole.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Wardline",
        description = "Recordings of a Wardline host: looked at, kept, exported. Times are UTC, as \
                       RFC 3339 has them; refusals are problem documents of RFC 9457. Lists that \
                       can grow take `limit` and `cursor`, and answer `next`, the cursor of what \
                       follows."
    ),
    components(schemas(Problem))
)]
struct Document;

/// Where all groups of routes are merged.
pub(super) fn start<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S> {
    OpenApiRouter::with_openapi(<Document as utoipa::OpenApi>::openapi())
}

/// As `utoipa_axum::routes!`, for handlers that are generic: what `#[utoipa::path]` says of the
/// handler `f` is `__path_f`.
pub(super) fn described<'t, P, S>(handlers: MethodRouter<S>) -> UtoipaMethodRouter<S>
where
    P: utoipa::Path + SchemaReferences + Tags<'t>,
    S: Clone + Send + Sync + 'static,
{
    let mut schemas = Vec::new();
    P::schemas(&mut schemas);
    let mut operation = P::operation();
    let tags = P::tags();
    if !tags.is_empty() {
        operation.tags.get_or_insert_default().extend(tags.iter().map(ToString::to_string));
    }
    let mut paths = Paths::new();
    paths.add_path_operation(P::path(), P::methods(), operation);
    (schemas, paths, handlers)
}

/// The document as it is sent.
#[derive(Clone)]
pub(super) struct Text(Bytes);

impl Text {
    /// Of a document that is complete.
    pub(super) fn of(document: &OpenApi) -> Self {
        Self(document.to_json().expect("strings, numbers and lists").into())
    }
}

/// This document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "host",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value))
)]
pub(super) async fn document(State(Text(text)): State<Text>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for Timestamp {}

#[cfg(test)]
mod tests;
