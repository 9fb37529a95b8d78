//! What people do with recordings, from HTTP to [`Host`] and back: pins, deletions, and the time by
//! which age is judged.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::host::{Host, Wished};
use super::routes::{LABEL_MAX, Problem, again, problem, refused_body};
use crate::base::Timestamp;
use crate::store::{Extent, Named};

pub(super) fn router<H: Host>() -> Router<Arc<H>> {
    Router::new()
        .route("/api/v1/pins", post(pin::<H>).delete(unpin::<H>))
        .route("/api/v1/recordings", delete(remove::<H>))
        .route("/api/v1/time/confirm", post(confirm_time::<H>))
}

/// What is meant: `camera`, `start` and `end`, or the id of one thing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct What {
    camera: Option<String>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    /// Of a pin.
    id: Option<String>,
    span: Option<String>,
    label: Option<String>,
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

type Asked = Result<Query<What>, QueryRejection>;

fn queried(asked: Asked) -> Result<What, Problem> {
    let Query(what) = asked.map_err(|error| problem(StatusCode::BAD_REQUEST, error.body_text()))?;
    Ok(what)
}

pub(super) fn answer<T: Serialize>(wished: Wished<T>) -> Response {
    match wished {
        Wished::Done(done) => Json(done).into_response(),
        Wished::Unknown(why) => problem(StatusCode::NOT_FOUND, why).into_response(),
        Wished::Refused(why) => problem(StatusCode::CONFLICT, why).into_response(),
        Wished::Failed(why) => again(why),
    }
}

async fn pin<H: Host>(
    State(host): State<Arc<H>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| refused_body(&rejection))?;
    let mut what: What = serde_json::from_slice(&body)
        .map_err(|error| problem(StatusCode::BAD_REQUEST, error.to_string()))?;
    let label = what.label.take();
    if label.as_ref().is_some_and(|label| label.chars().count() > LABEL_MAX) {
        let why = format!("`label` has more than {LABEL_MAX} characters");
        return Err(problem(StatusCode::BAD_REQUEST, why));
    }
    Ok(answer(host.pin(what.named(Of::Span)?, label).await))
}

async fn unpin<H: Host>(State(host): State<Arc<H>>, asked: Asked) -> Result<Response, Problem> {
    Ok(answer(host.unpin(queried(asked)?.named(Of::Pin)?).await))
}

async fn confirm_time<H: Host>(State(host): State<Arc<H>>) -> Response {
    answer(host.confirm_time().await)
}

async fn remove<H: Host>(State(host): State<Arc<H>>, asked: Asked) -> Result<Response, Problem> {
    let what = queried(asked)?;
    let extent = if what.look == Some(true) { Extent::Look } else { Extent::Do };
    Ok(answer(host.delete(what.named(Of::Span)?, extent).await))
}
