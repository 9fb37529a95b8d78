//! Connections: how many, how slow, and how they end. Below requests, above sockets.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::patience::Patient;
use crate::base::tasks::Tasks;

/// Connections at a time. More wait in the system's queue: hooks and a scraper need a handful.
const CONNECTIONS_MAX: usize = 128;

/// How long a client may take for its request line and headers, and may stay silent in between.
const HEADERS: Duration = Duration::from_secs(10);

/// Headers of one request.
const HEADERS_MAX: usize = 64;

/// Bytes of a request line and its headers.
const HEADER_BYTES_MAX: usize = 32 << 10;

/// How long running requests get when the host ends. A part of the host's own three seconds.
const FAREWELL: Duration = Duration::from_secs(1);

/// After a refusal by the system (out of file descriptors), before trying again.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let tasks = Tasks::new();
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &room) => accepted,
        };
        let (stream, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accept an http connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (router, end) = (router.clone(), tasks.shutdown().clone());
        tasks.spawn("http connection", async move {
            connection(stream, router, end).await;
            drop(permit);
        });
    }
    // Nobody new from here on, while those that are here end.
    drop(listener);
    let left = tasks.end(FAREWELL).await;
    if !left.is_empty() {
        tracing::warn!(connections = left.len(), "http requests were cut off at shutdown");
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = room.clone().acquire_owned().await.expect("the semaphore is never closed");
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

async fn connection(stream: TcpStream, router: Router, end: CancellationToken) {
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(Patient::new(stream)), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = &mut connection => ended,
        () = end.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // The client's affair: it went away, was too slow, or spoke no HTTP.
        tracing::debug!(%error, "http connection ended");
    }
}
