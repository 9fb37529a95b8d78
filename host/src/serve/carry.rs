//! What changes something is carried out once it has come whole, whether or not who asked for it
//! still waits: nobody who hangs up leaves it half done.

use axum::extract::{FromRequest, MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;

use super::extract::Raw;
use super::problem::{Problem, again, problem};
use crate::base::tasks::Tasks;

/// What is carried out at a time, whoever still waits for it. Beyond, it is refused.
const AT_A_TIME: usize = 256;

/// Runs what follows as a task of its own, unless it changes nothing.
pub(super) async fn carry_out(
    State(tasks): State<Tasks>,
    request: Request,
    next: Next,
) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let name = format!("{} {path}", request.method());
    let whole = match gathered(request).await {
        Ok(whole) => whole,
        Err(refused) => return refused.into_response(),
    };
    if tasks.count() >= AT_A_TIME {
        return again("too much is being changed at once: try again".into());
    }
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
async fn gathered(request: Request) -> Result<Request, Problem> {
    let (head, body) = request.into_parts();
    let whole = Request::from_parts(head.clone(), body);
    let Raw(body) = Raw::from_request(whole, &()).await?;
    Ok(Request::from_parts(head, body.into()))
}
