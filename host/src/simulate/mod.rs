//! A camera to try things with: an RTSP server that plays MP4 files and synthetic scenes.
//!
//! Takes a [`Config`]; gives H.264, H.265 and AAC over RTP (TCP interleaved and UDP) to any number
//! of clients, each from the start of its path's media, at the pace of a camera. It is a subset
//! of RFC 2326 for demonstrations and tests, not a media server. Knows nothing of recording.

mod auth;
mod message;
mod media;
mod rtp;
mod rtcp;
mod scene;
pub mod encode;
mod sdp;
mod session;
mod answer;
mod log;
mod transport;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::base::clock::Clock;
use crate::base::tasks::Tasks;
use crate::base::{Error, Result};

pub use auth::Credentials;
pub use log::{Log, Sent};
pub use media::Media;
pub use scene::{Scene, Visit};

/// Connections at a time; more are refused. A test camera that serves more than this is asked
/// for something else than a test.
const CONNECTIONS_MAX: usize = 256;

/// How long open sessions get to say goodbye when the server ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// What to serve, and where.
pub struct Config {
    /// Where to listen. Port 0: any free port, see [`Server::address`].
    pub listen: SocketAddr,
    /// What is served under which name; at least one.
    pub paths: Vec<PathConfig>,
    /// Asked of every client, when given.
    pub credentials: Option<Credentials>,
    /// The wall clock that sender reports show.
    pub clock: Arc<dyn Clock>,
    /// Where each unit is noted that was sent, when given.
    pub log: Option<Log>,
}

/// One camera of the server.
#[derive(Clone, Debug)]
pub struct PathConfig {
    /// The path of its URL, without a slash at either end.
    pub name: String,
    /// What it shows.
    pub source: Source,
    /// Start again at the end, with continuous times. Otherwise the session ends with RTCP BYE,
    /// and its connection stays open and silent, as with most servers.
    pub looping: bool,
}

/// Where pictures come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// An MP4 file with H.264 or H.265, and AAC or no sound.
    File(PathBuf),
    /// A scene that is drawn and coded at start.
    Scene(Scene),
}

/// What one path plays to each of its clients.
struct Camera {
    name: String,
    media: Media,
    looping: bool,
}

/// What all connections share.
struct Shared {
    cameras: Vec<Camera>,
    credentials: Option<Credentials>,
    clock: Arc<dyn Clock>,
    log: Option<Log>,
}

/// A server that listens already.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// Reads the files, draws the scenes and starts to listen.
    ///
    /// # Errors
    /// A file that can't be read or has no video, a name used twice, an address in use.
    pub async fn bind(mut config: Config) -> Result<Self> {
        let mut cameras: Vec<Camera> = Vec::with_capacity(config.paths.len());
        for path in std::mem::take(&mut config.paths) {
            let name = path.name.trim_matches('/').to_owned();
            if name.is_empty() || cameras.iter().any(|camera| camera.name == name) {
                return Err(Error::refuse(format!(
                    "path \"{name}\" of the simulated camera is empty or used twice: give each path a name of its own"
                )));
            }
            let source = path.source;
            let media = tokio::task::spawn_blocking(move || load(source))
                .await
                .map_err(|error| Error::bug(format!("prepare path {name}")).with(error))??;
            cameras.push(Camera { name, media, looping: path.looping });
        }
        let describe = || format!("listen for RTSP on {}: choose another address", config.listen);
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|error| Error::refuse(describe()).with(error))?;
        let address =
            listener.local_addr().map_err(|error| Error::refuse(describe()).with(error))?;
        let Config { credentials, clock, log, .. } = config;
        let shared = Shared { cameras, credentials, clock, log };
        Ok(Self { listener, address, shared: Arc::new(shared) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URLs of its paths, in the order of the configuration, without credentials.
    pub fn urls(&self) -> Vec<String> {
        let url = |camera: &Camera| format!("rtsp://{}/{}", self.address, camera.name);
        self.shared.cameras.iter().map(url).collect()
    }

    /// Serves until `shutdown`; then every session ends with RTCP BYE.
    pub async fn run(self, shutdown: CancellationToken) {
        let tasks = Tasks::new();
        let mut number = 0_u64;
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let (socket, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, or the client has gone again. Either may pass.
                    tracing::warn!(%error, "accept an RTSP connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            if tasks.count() >= CONNECTIONS_MAX {
                tracing::warn!(%peer, "refused: {CONNECTIONS_MAX} connections are open");
                continue;
            }
            number += 1;
            let (shared, shutdown) = (self.shared.clone(), tasks.shutdown().clone());
            tasks.spawn(format!("rtsp client {number}"), async move {
                tracing::debug!(%peer, "connected");
                let end = session::run(socket, shared, shutdown).await;
                tracing::debug!(%peer, ?end, "disconnected");
            });
        }
        tasks.end(FAREWELL).await;
    }
}

fn load(source: Source) -> Result<Media> {
    match source {
        Source::File(path) => Media::from_file(&path),
        Source::Scene(scene) => scene.film(),
    }
}

#[cfg(test)]
mod tests;
