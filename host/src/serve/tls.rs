//! TLS by certificate files: read at the start, and again when they have changed.

use std::fmt;
use std::io::{Error as IoError, ErrorKind};
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::base::{Error, Result};
use crate::config::TlsFiles;

/// The files are looked at so often; what is the same at two looks has been written whole.
const LOOK: Duration = Duration::from_secs(5);

/// A handshake begins with this byte; a letter means that somebody speaks plain HTTP.
const HANDSHAKE: u8 = 22;

/// What who forgot the `s` of `https` is told.
const PLAIN: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n\
      this address speaks TLS: begin it with https://\n";

/// What clients are shown now.
struct Current(RwLock<Arc<CertifiedKey>>);

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().expect("no panic under this lock").clone())
    }
}

/// The server's side of TLS.
pub(super) struct Tls {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    acceptor: TlsAcceptor,
    current: Arc<Current>,
    /// Of what is shown.
    sum: Sum,
}

type Sum = [u8; 32];

/// Checks that the files can be used together.
///
/// # Errors
/// Which of them is wrong, and how.
pub fn check(files: &TlsFiles) -> Result<()> {
    read(files, &ring::default_provider()).map(drop)
}

impl Tls {
    /// With what the files hold now.
    ///
    /// # Errors
    /// As [`check`].
    pub(super) fn new(files: TlsFiles) -> Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let (key, sum) = read(&files, &provider)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(key))));
        let mut config = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::bug("set up TLS").with(error))?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Self { files, provider, acceptor, current, sum })
    }

    /// Does the handshake. Waits as long as the client lets it.
    pub(super) async fn accept(
        &self,
        mut stream: TcpStream,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE {
            if first[0].is_ascii_alphabetic() {
                stream.write_all(PLAIN).await?;
            }
            return Err(IoError::new(ErrorKind::InvalidData, "this is no TLS"));
        }
        self.acceptor.accept(stream).await
    }

    /// Looks at the files until `shutdown`. What can't be used is logged once, and what was in use
    /// stays so.
    pub(super) async fn follow(self: Arc<Self>, shutdown: CancellationToken) {
        let (mut tried, mut seen) = (self.sum, self.sum);
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = looks.tick() => {}
            }
            let this = self.clone();
            let looked = tokio::task::spawn_blocking(move || {
                let now = texts(&this.files).map(|(certificate, key)| sum(&certificate, &key))?;
                let is_news = now == seen && now != tried;
                Ok::<_, Error>((now, is_news.then(|| read(&this.files, &this.provider))))
            });
            let Ok(Ok((now, news))) = looked.await else { continue };
            seen = now;
            match news {
                None => continue,
                Some(Ok((key, _))) => {
                    *self.current.0.write().expect("no panic under this lock") = Arc::new(key);
                    tracing::info!("the TLS certificate was read anew");
                }
                Some(Err(error)) => {
                    tracing::error!("the TLS certificate stays as it was: {}", error.chain());
                }
            }
            tried = now;
        }
    }
}

fn texts(files: &TlsFiles) -> Result<(Vec<u8>, Vec<u8>)> {
    let text = |key: &str, path: &Path| {
        std::fs::read(path).map_err(|error| {
            Error::refuse(format!("`{key}` in `[http]`: read {}", path.display())).with(error)
        })
    };
    Ok((text("tls-certificate", &files.certificate)?, text("tls-key", &files.key)?))
}

fn sum(certificate: &[u8], key: &[u8]) -> Sum {
    let mut sum = Sha256::new();
    sum.update(Sha256::digest(certificate));
    sum.update(Sha256::digest(key));
    sum.finalize().into()
}

fn read(files: &TlsFiles, provider: &CryptoProvider) -> Result<(CertifiedKey, Sum)> {
    let (certificate, key) = texts(files)?;
    let refuse = |name: &str, path: &Path, why: &str| {
        Error::refuse(format!("`{name}` in `[http]`: {}: {why}", path.display()))
    };
    let of_certificate = |why: &str| refuse("tls-certificate", &files.certificate, why);
    let of_key = |why: &str| refuse("tls-key", &files.key, why);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&certificate)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| of_certificate("is no PEM").with(error))?;
    if chain.is_empty() {
        return Err(of_certificate("has no certificate (PEM: `-----BEGIN CERTIFICATE-----`)"));
    }
    let encrypted = key.windows(17).any(|window| window == b"ENCRYPTED PRIVATE");
    if encrypted {
        return Err(of_key("is encrypted: write it without a password, readable by the host only"));
    }
    let private = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|error| of_key("has no private key (PEM)").with(error))?;
    let certified = CertifiedKey::from_der(chain, private, provider).map_err(|error| {
        let why = match error {
            rustls::Error::InconsistentKeys(_) => "is not the key of the certificate",
            _ => "can't be used with the certificate",
        };
        of_key(why).with(error)
    })?;
    Ok((certified, sum(&certificate, &key)))
}
