//! The host -> people and programs, over HTTP: hooks, triggers, health and figures.
//!
//! Takes requests, bounded in size, time and number; gives them to a [`Host`] and its answers back.
//! Knows no plugin, no camera and no disk. The only folder that names `axum` and `hyper`.
//!
//! `/api/v1/openapi.json` says which requests there are: the document is made from the handlers.

pub mod host;
pub mod audit;
mod tls;
mod patient;
mod passed;
mod connection;
mod page;
mod problem;
mod extract;
mod ranges;
mod files;
mod openapi;
mod cameras;
mod timeline;
mod events;
mod library;
mod playback;
mod live;
mod pictures;
mod origin;
mod rights;
mod attempts;
mod visits;
mod recall;
mod access;
mod revocable;
mod headers;
mod session;
mod exports;
mod recordings;
mod plugins;
mod carry;
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

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::base::metrics::Metrics;
use crate::base::tasks::Tasks;
use crate::base::{Error, Result};
use crate::config::Http;
use crate::people::{Known, Roll};
use crate::view::exports::Exports;
use crate::view::{Looks, View};

pub use host::{
    CameraHealth, Changes, Confirmed, Health, HookAnswer, HookRequest, Host, PlaceHealth,
    PluginComponent, PluginHealth, PluginStatus, ReloadAnswer, Reloaded, ReloadedPlugin,
    ReloadedSeat, StoreHealth, TriggerAnswer, TriggerRequest, Triggered, Wished,
};
pub use tls::check as check_tls;

/// Where to listen, and who may come.
pub struct Config {
    /// Port 0 is any free port, see [`Server::address`].
    pub http: Http,
    /// Users and tokens.
    pub known: Known,
    /// Where it is said who came, and what he did.
    pub trail: audit::Trail,
    /// Files for download.
    pub exports: Exports,
    /// What `/metrics` shows.
    pub metrics: Metrics,
}

/// A server that listens already.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    gate: access::Gate,
    shared: connection::Shared,
    tasks: Tasks,
}

impl Server {
    /// Starts to listen.
    ///
    /// # Errors
    /// The address is in use or not of this machine; others could reach it and there is neither a
    /// user nor a token; the TLS files can't be used.
    pub async fn bind(
        config: Config,
        host: Arc<impl Host>,
        view: Arc<View>,
        looks: Looks,
    ) -> Result<Self> {
        let Config { http, known, trail, exports, metrics } = config;
        let listen = http.listen;
        if let Some(why) = nobody_may(&http, &known.borrow()) {
            return Err(Error::refuse(why));
        }
        let tls = http.tls.clone().map(tls::Tls::new).transpose()?.map(Arc::new);
        let describe = || format!("listen on {listen}: choose another `listen` in `[http]`");
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|error| Error::refuse(describe()).with(error))?;
        let address =
            listener.local_addr().map_err(|error| Error::refuse(describe()).with(error))?;
        let recall = recall::Recall::of(view.root(), view.clock().clone());
        let now_known = known.borrow().clone();
        let gate = access::Gate::new(access::Inner {
            is_loopback: http.is_loopback(),
            token: http.token,
            known,
            visits: recall.recall(now_known).await,
            recall: Some(recall),
            attempts: attempts::Attempts::default(),
            trail: trail.clone(),
            is_tls: tls.is_some(),
        });
        let (tasks, of_gate) = (Tasks::new(), gate.clone());
        let changes = tasks.clone();
        let desk = routes::Desk { host, view, looks, gate, exports, metrics, changes };
        let router = routes::router(desk);
        let proxies = Arc::new(passed::Proxies::new(&http.proxies));
        let shared = connection::Shared { router, tls, trail, proxies };
        Ok(Self { listener, address, gate: of_gate, shared, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, then lets running requests end, for at most a second, and what they
    /// change for another.
    pub async fn run(self, shutdown: CancellationToken) {
        let tasks = self.tasks;
        tasks.spawn("visits of removed users", self.gate.follow_roll(tasks.shutdown().clone()));
        connection::serve(self.listener, self.shared, shutdown).await;
        let left = tasks.end(connection::FAREWELL).await;
        if !left.is_empty() {
            tracing::warn!(requests = left.join(", "), "changes were cut off at shutdown");
        }
    }
}

/// Why nobody could come in, if that is so: others can reach it, and nobody is known.
pub fn nobody_may(http: &Http, roll: &Roll) -> Option<String> {
    (!http.is_loopback() && http.token.is_none() && roll.is_empty()).then(|| {
        format!(
            "listen on {}: others can reach it, so users are needed: `wardline user add` makes one",
            http.listen
        )
    })
}
