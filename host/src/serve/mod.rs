//! The host -> people and programs, over HTTP: hooks, triggers, health and figures.
//!
//! Takes requests, bounded in size, time and number; gives them to a [`Host`] and its answers back.
//! Knows no plugin, no camera and no disk. The only folder that names `axum` and `hyper`.
//!
//! | request | answer |
//! |---|---|
//! | `POST /hooks/<source>` | 200 with the ids of the events; 400, 404, 413, 503 with the reason |
//! | `POST /api/v1/cameras/<camera>/trigger` | 200 with the event and what is recorded; 400, 404, 409 |
//! | `POST /api/v1/pins` | 200 with the pin; 400, 404, 409 |
//! | `DELETE /api/v1/pins?id=` or `?camera=&start=&end=` | 200 with what was unpinned; 400, 404, 409 |
//! | `DELETE /api/v1/recordings?span=` or `?camera=&start=&end=` | 200 with what is gone and what is left (`&look=true`: would be); 400, 404, 409 |
//! | `POST /api/v1/time/confirm` | 200 with what was guarded until then |
//! | `POST /api/v1/config/reload` | 200 with what has changed; 409 with what is wrong with the file |
//! | `GET /api/v1/plugins` | 200 with what runs, on which camera, and how it fares |
//! | `POST /api/v1/plugins/<plugin>/reload` | 200 with what became of it on each camera; 404, 409 where it can't be loaded |
//! | `GET /healthz` | 200 where all is well, else 503; details for those with the token |
//! | `GET /metrics` | Prometheus text |
//! | `GET /`, `GET /page/<file>` | the page, for people with a browser |

pub mod host;
mod access;
mod connection;
mod page;
mod recordings;
mod plugins;
mod routes;
mod status;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::base::metrics::Metrics;
use crate::base::{Error, Result};
use crate::config::Secret;

pub use host::{
    CameraHealth, Changes, Confirmed, Health, HookAnswer, HookRequest, Host, PlaceHealth,
    PluginComponent, PluginHealth, PluginStatus, ReloadAnswer, Reloaded, ReloadedPlugin,
    ReloadedSeat, StoreHealth, TriggerAnswer, TriggerRequest, Triggered, Wished,
};

/// Where to listen, and who may come.
pub struct Config {
    /// Port 0 is any free port, see [`Server::address`].
    pub listen: SocketAddr,
    /// Asked of every request but `/healthz`, where it opens the details.
    pub token: Option<Secret>,
    /// What `/metrics` shows.
    pub metrics: Metrics,
}

/// A server that listens already.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
}

impl Server {
    /// Starts to listen.
    ///
    /// # Errors
    /// The address is in use or not of this machine; others could reach it and there is no token.
    pub async fn bind(config: Config, host: Arc<impl Host>) -> Result<Self> {
        let listen = config.listen;
        if !listen.ip().is_loopback() && config.token.is_none() {
            return Err(Error::refuse(format!(
                "listen on {listen}: others can reach it, so a token is needed"
            )));
        }
        let describe = || format!("listen on {listen}: choose another `listen` in `[http]`");
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|error| Error::refuse(describe()).with(error))?;
        let address =
            listener.local_addr().map_err(|error| Error::refuse(describe()).with(error))?;
        let router = routes::router(host, config.token, config.metrics);
        Ok(Self { listener, address, router })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, then lets running requests end, for at most a second.
    pub async fn run(self, shutdown: CancellationToken) {
        connection::serve(self.listener, self.router, shutdown).await;
    }
}
