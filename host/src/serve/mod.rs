//! The host -> people and programs, over HTTP: hooks, triggers, health and figures.
//!
//! Takes requests, bounded in size, time and number; gives them to a [`Host`] and its answers back.
//! Knows no plugin, no camera and no disk. The only folder that names `axum` and `hyper`.
//!
//! `/api/v1/openapi.json` says which requests there are: the document is made from the handlers.

pub mod host;
mod access;
mod connection;
mod page;
mod problem;
mod extract;
mod ranges;
mod openapi;
mod cameras;
mod timeline;
mod events;
mod library;
mod playback;
mod live;
mod pictures;
mod patience;
mod recordings;
mod plugins;
mod routes;
mod status;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use playback::named as playback_name;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::base::metrics::Metrics;
use crate::base::{Error, Result};
use crate::config::Secret;
use crate::view::{Looks, View};

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
    pub async fn bind(
        config: Config,
        host: Arc<impl Host>,
        view: Arc<View>,
        looks: Looks,
    ) -> Result<Self> {
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
        let Config { token, metrics, .. } = config;
        let router = routes::router(routes::Desk { host, view, looks, token, metrics });
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
