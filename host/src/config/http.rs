//! `[http]`: where is listened, with which certificate, behind which proxies, and the token of an admin.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use super::table::{Context, Table, Text};
use super::{Secret, camera};

/// The port that nobody else's recorder uses by default.
const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8086);

/// `[http]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    /// Where it listens.
    pub listen: SocketAddr,
    /// A bearer token with which requests are an admin's.
    pub token: Option<Secret>,
    /// TLS is spoken with these; `None`: plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Whom these say to ask for is believed.
    pub proxies: Vec<IpAddr>,
}

/// `tls-certificate` and `tls-key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: the certificate, then those that lead to its authority.
    pub certificate: PathBuf,
    /// PEM, not encrypted.
    pub key: PathBuf,
}

impl Http {
    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        self.listen.ip().is_loopback()
    }
}

pub(super) fn http(context: &Context<'_>, table: Table<'_, '_>) -> Http {
    let listen = table.text("listen");
    let token = camera::secret(context, &table, "token", "token-file");
    let at = listen.as_ref().map_or(table.at, |text| text.at);
    let wanted = "an address with a port: write for example `127.0.0.1:8086` or `[::]:8086`";
    let listen = listen.and_then(|text| parsed(context, "listen", &text, wanted));
    let listen = listen.unwrap_or(LISTEN_DEFAULT);
    if let Some((_, at)) = token.as_ref().filter(|(token, _)| token.reveal().len() < 8) {
        context.mistake(
            *at,
            "`token` has fewer than 8 characters: make one with `openssl rand -hex 16`",
        );
    }
    let tls = tls(context, &table);
    let proxies = proxies(context, &table);
    let http = Http { listen, token: token.map(|(token, _)| token), tls, proxies };
    if !http.is_loopback() && http.tls.is_none() && table.get("tls-certificate").is_none() {
        context.warn(
            at,
            format!("`listen` = {listen} can be reached by others, and passwords and video go unprotected: set `tls-certificate` and `tls-key`, or leave TLS to a proxy in front"),
        );
    }
    table.finish();
    http
}

fn proxies(context: &Context<'_>, table: &Table<'_, '_>) -> Vec<IpAddr> {
    let wanted = "an address: write for example `127.0.0.1`";
    let texts = table.texts("proxies").into_iter();
    texts.filter_map(|text| parsed(context, "proxies", &text, wanted)).collect()
}

fn parsed<T: FromStr>(context: &Context<'_>, key: &str, text: &Text, wanted: &str) -> Option<T> {
    let parsed = text.value.parse().ok();
    if parsed.is_none() {
        context.mistake(text.at, format!("`{key}`: `{}` is not {wanted}", text.raw));
    }
    parsed
}

fn tls(context: &Context<'_>, table: &Table<'_, '_>) -> Option<TlsFiles> {
    let path = |key: &'static str| {
        let text = table.text(key)?;
        let path = context.resolve(&text.value);
        if !context.surroundings.is_file(&path) {
            let shown = context.resolve(&text.raw);
            context.mistake(text.at, format!("`{key}`: there is no file {}", shown.display()));
        }
        Some((path, text.at))
    };
    let lone = |at: usize, key: &str, other: &str| {
        context.mistake(at, format!("`{key}` in `[http]` needs `{other}` beside it"));
        None
    };
    match (path("tls-certificate"), path("tls-key")) {
        (Some((certificate, _)), Some((key, _))) => Some(TlsFiles { certificate, key }),
        (Some((_, at)), None) => lone(at, "tls-certificate", "tls-key"),
        (None, Some((_, at))) => lone(at, "tls-key", "tls-certificate"),
        (None, None) => None,
    }
}
