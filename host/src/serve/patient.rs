//! A connection that waits for its reader, but not for ever: who asks for much and takes nothing
//! would hold a place, and files, for nothing.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a client may take nothing of what is sent to it.
const PATIENCE: Duration = Duration::from_secs(30);

/// What has become of a connection, for who looks back at it.
#[derive(Clone, Default)]
pub(super) struct Progress(Arc<Flags>);

#[derive(Default)]
struct Flags {
    /// Something came since something was sent.
    in_request: AtomicBool,
    gave_up: AtomicBool,
}

impl Progress {
    /// A request has begun to come, and was not answered.
    pub(super) fn is_in_request(&self) -> bool {
        self.0.in_request.load(Ordering::Relaxed)
    }

    /// The client took nothing for too long.
    pub(super) fn gave_up(&self) -> bool {
        self.0.gave_up.load(Ordering::Relaxed)
    }
}

/// The connection.
pub(super) struct Patient<S> {
    stream: S,
    progress: Progress,
    /// When patience ends, while something waits to be taken.
    end: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S) -> (Self, Progress) {
        let progress = Progress::default();
        (Self { stream, progress: progress.clone(), end: None }, progress)
    }

    /// `polled`, or the end of patience.
    fn wait<T>(&mut self, context: &mut Context<'_>, polled: Poll<Result<T>>) -> Poll<Result<T>> {
        if polled.is_ready() {
            self.end = None;
            return polled;
        }
        let end = self
            .end
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + PATIENCE)));
        ready!(end.as_mut().poll(context));
        self.progress.0.gave_up.store(true, Ordering::Relaxed);
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client takes nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.progress.0.in_request.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        self.progress.0.in_request.store(false, Ordering::Relaxed);
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wait(context, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.progress.0.in_request.store(false, Ordering::Relaxed);
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wait(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.wait(context, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(context);
        self.wait(context, polled)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_let_go_and_who_takes_slowly_is_not() {
        let (mut client, server) = duplex(1024);
        let (mut patient, progress) = Patient::new(server);
        let slow = async {
            let mut taken = vec![0; 512];
            for _ in 0..20 {
                tokio::time::sleep(PATIENCE - Duration::from_secs(1)).await;
                client.read_exact(&mut taken).await.unwrap();
            }
            client
        };
        let (sent, client) = tokio::join!(patient.write_all(&[0; 20 * 512]), slow);
        sent.unwrap();
        assert!(!progress.gave_up());
        let error = patient.write_all(&[0; 4096]).await.unwrap_err();
        assert!(error.kind() == ErrorKind::TimedOut && progress.gave_up());
        drop(client);
    }
}
