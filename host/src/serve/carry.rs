//! What changes something is carried out once it has come whole, whether or not who asked for it
//! still waits: nobody who hangs up leaves it half done.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;

use super::problem::problem;
use super::routes::refused_body;
use crate::base::tasks::Tasks;

/// Runs what follows as a task of its own, unless it changes nothing. There are no more of them than
/// requests: one that never ends would hold only itself.
pub(super) async fn carry_out(State(tasks): State<Tasks>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let name = format!("{} {path}", request.method());
    let whole = match gathered(request).await {
        Ok(whole) => whole,
        Err(refused) => return refused,
    };
    let (answer, answered) = oneshot::channel();
    tasks.spawn(name, async move {
        // Who asked may have gone.
        let _ = answer.send(next.run(whole).await);
    });
    answered.await.unwrap_or_else(|_| {
        problem(StatusCode::INTERNAL_SERVER_ERROR, "the host failed on this: please report it")
            .into_response()
    })
}

/// A request with all of its body.
async fn gathered(request: Request) -> Result<Request, Response> {
    let (head, body) = request.into_parts();
    let body = Bytes::from_request(Request::from_parts(head.clone(), body), &()).await;
    let body = body.map_err(|rejection| refused_body(&rejection).into_response())?;
    Ok(Request::from_parts(head, Body::from(body)))
}
