//! What people do with recordings, from HTTP to [`Host`] and back: pins, deletions, and the time by
//! which age is judged.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::extract::{Asked, Sent, label};
use super::host::{Confirmed, Host, Wished};
use super::openapi::described;
use super::problem::{Problem, again, problem};
use crate::base::Timestamp;
use crate::store::{Deletion, Extent, Named, Pin};

pub(super) fn router<H: Host>() -> OpenApiRouter<Arc<H>> {
    OpenApiRouter::default()
        .routes(described::<__path_pin, _>(post(pin::<H>)))
        .routes(described::<__path_unpin, _>(delete(unpin::<H>)))
        .routes(described::<__path_remove, _>(delete(remove::<H>)))
        .routes(described::<__path_confirm_time, _>(post(confirm_time::<H>)))
}

/// What is meant: `camera`, `start` and `end`, or the id of one thing.
#[derive(Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct What {
    /// A camera's name.
    camera: Option<String>,
    /// From here on.
    start: Option<Timestamp>,
    /// Until before this.
    end: Option<Timestamp>,
    /// Of a pin.
    id: Option<String>,
    /// Of a span: its qualified id.
    span: Option<String>,
    /// Of a new pin, for people.
    label: Option<String>,
    /// Of a deletion: only say what would go.
    look: Option<bool>,
}

/// Where an id is of a pin, or of a span.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Pin,
    Span,
}

impl What {
    fn named(self, of: Of) -> Result<Named, Problem> {
        let bad = |why: &str| Err(problem(StatusCode::BAD_REQUEST, why));
        let (id, other) = match of {
            Of::Pin => (self.id, self.span),
            Of::Span => (self.span, self.id),
        };
        match (id, other, self.camera, self.start, self.end) {
            (Some(id), None, None, None, None) => Ok(Named::Id(id)),
            (None, None, Some(camera), Some(start), Some(end)) if start < end => {
                Ok(Named::Range { camera, start, end })
            }
            (None, None, Some(_), Some(_), Some(_)) => bad("`start` is not before `end`"),
            _ if of == Of::Pin => bad("name `id`, or `camera`, `start` and `end`"),
            _ => bad("name `span`, or `camera`, `start` and `end`"),
        }
    }
}

pub(super) fn answer<T: Serialize>(wished: Wished<T>) -> Response {
    match wished {
        Wished::Done(done) => Json(done).into_response(),
        Wished::Unknown(why) => problem(StatusCode::NOT_FOUND, why).into_response(),
        Wished::Refused(why) => problem(StatusCode::CONFLICT, why).into_response(),
        Wished::Failed(why) => again(why),
    }
}

/// Keeps a stretch of video until it is unpinned.
#[utoipa::path(
    post,
    path = "/api/v1/pins",
    tag = "recordings",
    request_body = What,
    responses(
        (status = 200, description = "The pin", body = Pin),
        (status = 400, description = "The body is wrong", body = Problem),
        (status = 404, description = "There is no such span", body = Problem),
        (status = 409, description = "It can't be pinned", body = Problem),
    )
)]
async fn pin<H: Host>(
    State(host): State<Arc<H>>,
    Sent(mut what): Sent<What>,
) -> Result<Response, Problem> {
    let label = label(what.label.take())?;
    Ok(answer(host.pin(what.named(Of::Span)?, label).await))
}

/// Removes the pin `id`, or all pins of `camera` within `start` and `end`.
#[utoipa::path(
    delete,
    path = "/api/v1/pins",
    tag = "recordings",
    params(What),
    responses(
        (status = 200, description = "The pins that are gone", body = Vec<Pin>),
        (status = 400, description = "The query is wrong", body = Problem),
        (status = 404, description = "There is no such pin", body = Problem),
        (status = 409, description = "A pin reaches beyond the range", body = Problem),
    )
)]
async fn unpin<H: Host>(
    State(host): State<Arc<H>>,
    Asked(what): Asked<What>,
) -> Result<Response, Problem> {
    Ok(answer(host.unpin(what.named(Of::Pin)?).await))
}

/// Says that the host's clock is right, where a jump of it keeps recordings from going by age.
#[utoipa::path(
    post,
    path = "/api/v1/time/confirm",
    tag = "host",
    responses((status = 200, description = "What was guarded until then", body = Confirmed))
)]
async fn confirm_time<H: Host>(State(host): State<Arc<H>>) -> Response {
    answer(host.confirm_time().await)
}

/// Deletes a span, or the files of a range.
#[utoipa::path(
    delete,
    path = "/api/v1/recordings",
    tag = "recordings",
    params(What),
    responses(
        (status = 200, description = "What is gone, and what is left", body = Deletion),
        (status = 400, description = "The query is wrong", body = Problem),
        (status = 404, description = "There is no such span", body = Problem),
        (status = 409, description = "It can't be deleted", body = Problem),
    )
)]
async fn remove<H: Host>(
    State(host): State<Arc<H>>,
    Asked(what): Asked<What>,
) -> Result<Response, Problem> {
    let extent = if what.look == Some(true) { Extent::Look } else { Extent::Do };
    Ok(answer(host.delete(what.named(Of::Span)?, extent).await))
}
