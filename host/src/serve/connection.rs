//! Connections: how many, how slow, and how they end. Below requests, above sockets.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::access::Peer;
use super::attempts::Block;
use super::audit::Trail;
use super::passed::Proxies;
use super::patient::{Patient, Progress};
use super::tls::Tls;
use crate::base::tasks::Tasks;

/// Connections at a time. More wait in the system's queue. A browser has six, a page that shows
/// many cameras stays within them, and a scraper and hooks need a handful.
const CONNECTIONS_MAX: usize = 256;

/// Connections from one address, so that nobody alone takes all; not counted for proxies, and for this
/// machine itself, since they speak for many.
const FROM_ADDRESS_MAX: usize = 64;

/// How long a client may take for its request line and headers, and may stay silent in between.
const HEADERS: Duration = Duration::from_secs(10);

/// How long a client may take for its part of the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Headers of one request.
const HEADERS_MAX: usize = 64;

/// Bytes of a request line and its headers.
const HEADER_BYTES_MAX: usize = 32 << 10;

/// How long running requests get when the host ends. A part of the host's own three seconds.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);

/// After a refusal by the system (out of file descriptors), before trying again.
const PAUSE: Duration = Duration::from_millis(100);

/// What all connections share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) router: Router,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) trail: Trail,
    pub(super) proxies: Arc<Proxies>,
}

pub(super) async fn serve(listener: TcpListener, shared: Shared, shutdown: CancellationToken) {
    let tasks = Tasks::new();
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let guests = Guests::default();
    if let Some(tls) = shared.tls.clone() {
        tasks.spawn("tls certificate", tls.follow(tasks.shutdown().clone()));
    }
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &room) => accepted,
        };
        let (stream, address, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accept an http connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Some(guest) = guests.let_in(address, shared.proxies.contain(address)) else {
            shared.trail.refused("connections", address, "");
            continue;
        };
        let (shared, end) = (shared.clone(), tasks.shutdown().clone());
        tasks.spawn("http connection", async move {
            connection(stream, address, shared, end).await;
            drop((permit, guest));
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
) -> std::io::Result<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let permit = match room.clone().try_acquire_owned() {
        Ok(permit) => permit,
        Err(_) => {
            tracing::debug!("all http connections are taken: the next one waits");
            room.clone().acquire_owned().await.expect("the semaphore is never closed")
        }
    };
    let (stream, address) = listener.accept().await?;
    // What is written is worth a packet: the body of an answer is not to wait until its head is
    // acknowledged, which takes some clients 40 ms. One who has gone already is found out later.
    let _gone = stream.set_nodelay(true);
    Ok((stream, address.ip().to_canonical(), permit))
}

/// How many connections each address has; no more addresses than connections.
#[derive(Clone, Default)]
struct Guests(Arc<Mutex<HashMap<Block, usize>>>);

/// One connection of an address, until it is dropped.
struct Guest {
    guests: Guests,
    block: Block,
}

impl Guests {
    fn let_in(&self, address: IpAddr, is_proxy: bool) -> Option<Guest> {
        let block = Block::from(address);
        let mut counts = self.0.lock().expect("no panic under this lock");
        let count = counts.entry(block).or_default();
        if *count >= FROM_ADDRESS_MAX && !is_proxy && !address.is_loopback() {
            return None;
        }
        *count += 1;
        Some(Guest { guests: self.clone(), block })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut counts = self.guests.0.lock().expect("no panic under this lock");
        if let Some(count) = counts.get_mut(&self.block) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.block);
            }
        }
    }
}

async fn connection(stream: TcpStream, address: IpAddr, shared: Shared, end: CancellationToken) {
    let Some(tls) = shared.tls.clone() else {
        return requests(stream, address, shared, end).await;
    };
    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => requests(stream, address, shared, end).await,
        Ok(Err(error)) => {
            tracing::debug!(%error, "tls handshake");
            shared.trail.refused("tls", address, "");
        }
        Err(_) => shared.trail.refused("slow", address, ""),
    }
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    address: IpAddr,
    shared: Shared,
    end: CancellationToken,
) {
    let (stream, progress) = Patient::new(stream);
    let Shared { router, trail, proxies, .. } = shared;
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        let asker = proxies.asker(address, request.headers());
        request.extensions_mut().insert(Peer(asker));
        TowerToHyperService::new(router.clone()).call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
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
        if let Some(reason) = reason(&error, &progress) {
            trail.refused(reason, address, "");
        }
    }
}

/// What of a broken connection is worth telling: not that somebody went away, or was silent between
/// two requests.
fn reason(error: &hyper::Error, progress: &Progress) -> Option<&'static str> {
    match () {
        () if error.is_parse_too_large() => Some("size"),
        () if error.is_parse() => Some("nonsense"),
        () if progress.gave_up() => Some("slow"),
        () if error.is_timeout() && progress.is_in_request() => Some("slow"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_is_sent_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, ..) = accept(&listener, &Arc::new(Semaphore::new(1))).await.unwrap();
        assert!(stream.nodelay().unwrap());
    }

    #[test]
    fn nobody_alone_takes_all_connections() {
        let guests = Guests::default();
        let [one, other, local] =
            ["10.0.0.1", "10.0.0.2", "127.0.0.1"].map(|text| text.parse().unwrap());
        let mut all: Vec<_> =
            (0..FROM_ADDRESS_MAX).map(|_| guests.let_in(one, false).unwrap()).collect();
        assert!(guests.let_in(one, false).is_none());
        assert!(guests.let_in(other, false).is_some());
        all.pop();
        assert!(guests.let_in(one, false).is_some());
        for (address, is_proxy) in [(local, false), (one, true)] {
            let many = (0..2 * FROM_ADDRESS_MAX).filter_map(|_| guests.let_in(address, is_proxy));
            assert_eq!(many.collect::<Vec<_>>().len(), 2 * FROM_ADDRESS_MAX, "{address}");
        }
        drop(all);
        assert!(guests.0.lock().unwrap().is_empty(), "nothing is remembered of who has gone");
    }
}
