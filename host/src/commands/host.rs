//! A running host, as commands reach it: its address and token, one request, one answer.
//!
//! One that is named by its configuration is reached at its address, and over TLS only if it shows
//! the certificate of that configuration, whatever names that has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use crate::base::{Error, Result};
use crate::cli::RunningHost;
use crate::config::{self, Http, Secret};

/// A host answers at once; to delete a week of files takes it some seconds.
const ANSWER: Duration = Duration::from_secs(20);

/// Where it compiles a plugin before it answers: longer than it takes itself for that.
const RELOAD: Duration = Duration::from_secs(125);

/// Where a host listens, and its token.
#[derive(Clone)]
pub(super) struct Destination {
    base: String,
    token: Option<Secret>,
    /// Of a host that is named by its configuration and speaks TLS.
    pinned: Option<Pinned>,
}

/// Where a host is, and what it shows.
#[derive(Clone, Debug)]
struct Pinned {
    address: SocketAddr,
    certificates: Arc<Vec<Certificate<'static>>>,
}

impl Resolver for Pinned {
    fn resolve(
        &self,
        _: &Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut found = self.empty();
        found.push(self.address);
        Ok(found)
    }
}

impl Destination {
    /// The host at this URL, with the token of the environment.
    pub(super) fn at(url: &str) -> Self {
        let token = std::env::var("WARDLINE_TOKEN").ok().map(Secret::new);
        Self { base: url.trim_end_matches('/').to_owned(), token, pinned: None }
    }

    /// The host of this configuration, with its token, or the one of the environment.
    pub(super) fn of(file: &Path) -> Result<Self> {
        let Http { listen, token, tls, .. } = config::load(file)?.http;
        let token = token.or_else(|| std::env::var("WARDLINE_TOKEN").ok().map(Secret::new));
        let address = reachable(listen);
        let Some(tls) = tls else {
            return Ok(Self { base: format!("http://{address}"), token, pinned: None });
        };
        let certificates = certificates(&tls.certificate)?;
        let name = name(&certificates).unwrap_or_else(|| address.ip().to_string());
        let pinned = Some(Pinned { address, certificates: Arc::new(certificates) });
        Ok(Self { base: format!("https://{name}:{}", address.port()), token, pinned })
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

    fn agent(&self, patience: Duration) -> ureq::Agent {
        let roots = match &self.pinned {
            Some(pinned) => RootCerts::Specific(pinned.certificates.clone()),
            None => RootCerts::PlatformVerifier,
        };
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(patience))
            .http_status_as_error(false)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build();
        match self.pinned.clone() {
            Some(pinned) => ureq::Agent::with_parts(config, DefaultConnector::new(), pinned),
            None => config.into(),
        }
    }

    async fn ask<T: DeserializeOwned + Send + 'static>(
        &self,
        url: url::Url,
        ask: Ask,
    ) -> Result<T> {
        let (base, token, agent) = (
            self.base.clone(),
            self.token.clone(),
            self.agent(if url.path().ends_with("/reload") { RELOAD } else { ANSWER }),
        );
        let answer = tokio::task::spawn_blocking(move || request(&agent, url.as_str(), token, ask))
            .await
            .map_err(|error| Error::bug("ask the host").with(error))??;
        serde_json::from_value(answer).map_err(|error| {
            Error::refuse(format!("{base} answers, but not as a wardline host")).with(error)
        })
    }
}

/// The certificates of a PEM file.
fn certificates(file: &Path) -> Result<Vec<Certificate<'static>>> {
    let refuse = || Error::refuse(format!("read the certificate {}", file.display()));
    let text = std::fs::read(file).map_err(|error| refuse().with(error))?;
    let items = parse_pem(&text).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(error) => Some(Err(refuse().with(error))),
    });
    items.collect()
}

/// A name that the first of them is for; `None`: it is for addresses only.
fn name(certificates: &[Certificate<'_>]) -> Option<String> {
    let der = certificates.first()?.der().into();
    let certificate = webpki::EndEntityCert::try_from(&der).ok()?;
    let name = certificate.valid_dns_names().next().map(str::to_owned);
    name.map(|name| name.replace('*', "wardline"))
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

fn request(agent: &ureq::Agent, url: &str, token: Option<Secret>, ask: Ask) -> Result<Value> {
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
