//! Answers that end when their visitor may no longer: a live view is not for ever.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The answer, cut off once `revoked`.
pub(super) fn until(revoked: CancellationToken, answer: Response) -> Response {
    // What is whole already is sent whole.
    if answer.body().size_hint().exact().is_some_and(|bytes| bytes <= WHOLE) {
        return answer;
    }
    answer.map(|body| Body::new(Revocable { body, revoked: Box::pin(revoked.cancelled_owned()) }))
}

/// Bytes that are sent at once in any case.
const WHOLE: u64 = 64 << 10;

struct Revocable {
    body: Body,
    revoked: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl HttpBody for Revocable {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.revoked.as_mut().poll(context).is_ready() {
            // An end would look whole.
            return Poll::Ready(Some(Err(axum::Error::new("the visitor was logged out"))));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    #[tokio::test]
    async fn a_stream_ends_with_its_visit() {
        let revoked = CancellationToken::new();
        let endless = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from("x")));
        let answer = until(revoked.clone(), Response::new(Body::from_stream(endless)));
        let mut sent = answer.into_body().into_data_stream();
        assert!(sent.next().await.unwrap().is_ok());
        revoked.cancel();
        assert!(sent.next().await.unwrap().is_err(), "cut off, which is seen");
    }
}
