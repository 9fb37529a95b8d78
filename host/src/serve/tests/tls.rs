//! TLS: whole handshakes, broken ones, and certificates that change.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::super::tls::check;
use super::*;
use crate::config::TlsFiles;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/serve/testdata").join(name)
}

/// A folder with certificate `one`.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.take("one");
        files
    }

    fn take(&self, name: &str) {
        std::fs::copy(sample(&format!("{name}.pem")), self.files().certificate).unwrap();
        std::fs::copy(sample(&format!("{name}.key")), self.files().key).unwrap();
    }

    fn files(&self) -> TlsFiles {
        let path = |name| self.0.path().join(name);
        TlsFiles { certificate: path("host.pem"), key: path("host.key") }
    }
}

async fn start_tls(files: &Files) -> (Running, audit::Heard) {
    let (trail, heard) = audit::trail();
    let mut config = Config { trail, ..config(None) };
    config.http.tls = Some(files.files());
    (start_with(Sample::default(), config).await, heard)
}

#[derive(Debug)]
struct In2027;

impl TimeProvider for In2027 {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000)))
    }
}

/// Asks over TLS, trusting the certificate `trusted` only.
async fn ask_tls(address: SocketAddr, trusted: &str) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(sample(&format!("{trusted}.pem"))).unwrap();
    roots.add(authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // The certificates' own time, whatever the machine's clock says.
    let config = ClientConfig::builder_with_details(provider, Arc::new(In2027))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn requests_come_over_tls_and_only_so() {
    let (running, mut heard) = start_tls(&Files::new()).await;
    let answer = ask_tls(running.address, "one").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age=31536000"), "{answer}");
    assert!(ask_tls(running.address, "two").await.is_err(), "another certificate than that");
    let (status, answer) = ask(&running, "GET /healthz", "", "").await;
    assert!(status == 400 && answer.contains("https://"), "{answer}");
    for garbage in [
        &b"\x16"[..],
        b"\x16\x03\x01\xff\xff",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        b"\x00\x00\x00\x00",
        &[0x16; 70_000],
        b"",
    ] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let _ = stream.write_all(garbage).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP"), "{garbage:?}");
    }
    assert!(ask_tls(running.address, "one").await.is_ok(), "goes on");
    let told = heard.rest();
    assert!(told.iter().any(|told| told.what.contains(&("reason", "tls".into()))), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_not_gone_on_with_is_let_go() {
    let (running, mut heard) = start_tls(&Files::new()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"\x16\x03\x01").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
    let told = heard.rest();
    assert!(told.iter().any(|told| told.what.contains(&("reason", "slow".into()))), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn another_certificate_is_taken_and_a_broken_one_is_not() {
    let files = Files::new();
    let (running, _heard) = start_tls(&files).await;
    assert!(ask_tls(running.address, "one").await.is_ok());
    std::fs::write(files.files().certificate, "garbage").unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(ask_tls(running.address, "one").await.is_ok(), "as before");
    files.take("two");
    while ask_tls(running.address, "two").await.is_err() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(ask_tls(running.address, "one").await.is_err());
}

#[test]
fn what_is_wrong_with_the_files_is_said() {
    let folder = Files::new();
    let files = folder.files();
    check(&files).unwrap();
    let key = std::fs::read_to_string(&files.key).unwrap();
    let certificate = std::fs::read_to_string(&files.certificate).unwrap();
    let cut = &certificate[..certificate.len() / 2];
    for (certificate, key, says) in [
        ("", &*key, "host.pem: has no certificate"),
        (&*key, &*key, "host.pem: has no certificate"),
        (cut, &*key, "host.pem: is no PEM"),
        (&*certificate, "", "host.key: has no private key"),
        (&*certificate, &*certificate, "host.key: has no private key"),
        (&*certificate, "-----BEGIN ENCRYPTED PRIVATE KEY-----", "host.key: is encrypted"),
    ] {
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, key).unwrap();
        let said = check(&files).unwrap_err().chain();
        assert!(said.contains(says) && !said.contains("BEGIN EC"), "{says}: {said}");
    }
    folder.take("one");
    std::fs::copy(sample("two.key"), &files.key).unwrap();
    let said = check(&files).unwrap_err().chain();
    assert!(said.contains("is not the key of the certificate"), "{said}");
    std::fs::remove_file(&files.key).unwrap();
    let said = check(&files).unwrap_err().chain();
    assert!(said.contains("`tls-key` in `[http]`: read "), "{said}");
}
