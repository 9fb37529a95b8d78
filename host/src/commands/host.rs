//! A running host, as commands reach it: its address and token, one request, one answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::base::{Error, Result};
use crate::cli::RunningHost;
use crate::config::{self, Secret};

/// A host answers at once; to delete a week of files takes it some seconds.
const ANSWER: Duration = Duration::from_secs(20);

/// Where a host listens, and its token.
#[derive(Clone)]
pub(super) struct Destination {
    base: String,
    token: Option<Secret>,
}

impl Destination {
    /// The host at this URL, with the token of the environment.
    pub(super) fn at(url: &str) -> Self {
        let token = std::env::var("WARDLINE_TOKEN").ok().map(Secret::new);
        Self { base: url.trim_end_matches('/').to_owned(), token }
    }

    /// The host of this configuration.
    pub(super) fn of(file: &Path) -> Result<Self> {
        let http = config::load(file)?.http;
        Ok(Self { base: format!("http://{}", reachable(http.listen)), token: http.token })
    }

    /// The host that the command line names.
    pub(super) fn named(host: &RunningHost) -> Result<Self> {
        match &host.config {
            Some(file) => Self::of(file),
            None => Ok(Self::at(&host.host)),
        }
    }

    /// POST of JSON to `path`, whose parts are checked to need no escapes.
    pub(super) async fn post<T: DeserializeOwned + Send + 'static>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T> {
        let body = serde_json::to_value(body)
            .map_err(|error| Error::bug("make the JSON of a request").with(error))?;
        self.ask(self.url(path, &[])?, Ask::Post(body)).await
    }

    /// GET of `path`.
    pub(super) async fn get<T: DeserializeOwned + Send + 'static>(&self, path: &str) -> Result<T> {
        self.ask(self.url(path, &[])?, Ask::Get).await
    }

    /// DELETE of what a query names.
    pub(super) async fn delete<T: DeserializeOwned + Send + 'static>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T> {
        self.ask(self.url(path, query)?, Ask::Delete).await
    }

    fn url(&self, path: &str, query: &[(&str, String)]) -> Result<url::Url> {
        let text = format!("{}{path}", self.base);
        let mut url: url::Url = text
            .parse()
            .map_err(|error| Error::refuse(format!("`{text}` is no address")).with(error))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    async fn ask<T: DeserializeOwned + Send + 'static>(
        &self,
        url: url::Url,
        ask: Ask,
    ) -> Result<T> {
        let (base, token) = (self.base.clone(), self.token.clone());
        let answer = tokio::task::spawn_blocking(move || request(url.as_str(), token, ask))
            .await
            .map_err(|error| Error::bug("ask the host").with(error))??;
        serde_json::from_value(answer).map_err(|error| {
            Error::refuse(format!("{base} answers, but not as a wardline host")).with(error)
        })
    }
}

/// "Any address" is one to listen on, not to go to.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// What is asked.
enum Ask {
    Get,
    Post(Value),
    Delete,
}

fn request(url: &str, token: Option<Secret>, ask: Ask) -> Result<Value> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER))
        .http_status_as_error(false)
        .build()
        .into();
    let bearer = token.map(|token| format!("Bearer {}", token.reveal()));
    let answer = match ask {
        Ask::Post(body) => {
            let request = agent.post(url);
            bearer
                .iter()
                .fold(request, |it, bearer| it.header("authorization", bearer))
                .send_json(body)
        }
        Ask::Get | Ask::Delete => {
            let is_get = matches!(ask, Ask::Get);
            let request = if is_get { agent.get(url) } else { agent.delete(url) };
            bearer.iter().fold(request, |it, bearer| it.header("authorization", bearer)).call()
        }
    };
    let mut answer = answer.map_err(|error| {
        Error::retry(format!("ask {url}: is the host running, and is this its address?"))
            .with(error)
    })?;
    let status = answer.status();
    let value: Value = answer.body_mut().read_json().unwrap_or_default();
    if status.is_success() {
        return Ok(value);
    }
    let why = value.get("detail").and_then(Value::as_str).unwrap_or("no reason given");
    Err(Error::refuse(format!("the host refuses ({status}): {why}")))
}
