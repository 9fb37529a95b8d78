//! Requests to servers on loopback, honest ones and others.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, sync_channel};

use super::*;

/// Answers one connection after the other, each with the next of `answers`; gives what was asked.
fn serve(answers: Vec<Vec<u8>>) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, asked) = sync_channel(answers.len());
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !is_whole(&request) {
                let read = stream.read(&mut buffer).unwrap_or(0);
                request.extend_from_slice(&buffer[..read]);
                if read == 0 {
                    break;
                }
            }
            let _ = sender.send(String::from_utf8_lossy(&request).into_owned());
            let _ = stream.write_all(&answer);
        }
    });
    (port, asked)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| body.len() >= length.parse().unwrap())
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len())
            .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn request(method: &'static str, url: &str) -> Request {
    let (headers, body) = (vec![("x-a".into(), "b".into())], Vec::new());
    Request { method, url: url.parse().unwrap(), headers, body, timeout: Duration::from_secs(20) }
}

async fn ask(request: Request) -> Result<Response, String> {
    let (line, mut answers) = Client::new(Timestamp::from_millis(7)).line();
    let ticket = line.send(request).unwrap();
    let answer = answers.recv().await.unwrap();
    assert_eq!((answer.ticket, ticket), (7000, 7000));
    answer.result
}

#[tokio::test]
async fn a_request_goes_out_and_its_answer_comes_back() {
    let answers = vec![answer("201 Created\r\nx-seen: 1\r\nx-seen: 2", b"done")];
    let (port, asked) = serve(answers);
    let mut posted = request("POST", &format!("http://localhost:{port}/plate?x=1"));
    posted.body = b"B-AB 123".to_vec();
    let response = ask(posted).await.unwrap();
    assert_eq!((response.status, &response.body[..]), (201, &b"done"[..]));
    assert!(response.headers.contains(&("x-seen".into(), "1, 2".into())), "{response:?}");
    let asked = asked.recv().unwrap();
    assert!(asked.starts_with("POST /plate?x=1 HTTP/1.1\r\n") && asked.ends_with("B-AB 123"));
    assert!(asked.contains("x-a: b\r\n") && asked.contains("user-agent: wardline/"), "{asked}");
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (other, asked_other) = serve(vec![answer("200 OK", b"secret")]);
    let head = format!("302 Found\r\nlocation: http://127.0.0.1:{other}/");
    let (port, _asked) = serve(vec![answer(&head, b"")]);
    let response = ask(request("GET", &format!("http://127.0.0.1:{port}/"))).await.unwrap();
    assert_eq!((response.status, response.body.len()), (302, 0));
    assert!(asked_other.try_recv().is_err(), "nobody has asked there");
}

#[tokio::test]
async fn answers_that_are_too_long_late_or_no_answers_are_errors() {
    let (port, _asked) = serve(vec![answer("200 OK", &vec![b'x'; BODY_BYTES + 1])]);
    let error = ask(request("GET", &format!("http://127.0.0.1:{port}/"))).await.unwrap_err();
    assert_eq!(error, "the answer has more than 1 MiB");

    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(200 << 10)).into_bytes();
    for nonsense in [b"220 mail.example ESMTP\r\n".to_vec(), Vec::new(), endless] {
        let (port, _asked) = serve(vec![nonsense]);
        ask(request("GET", &format!("http://127.0.0.1:{port}/"))).await.unwrap_err();
    }

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let late = Request { timeout: Duration::from_millis(30), ..request("GET", &url) };
    assert_eq!(ask(late).await.unwrap_err(), "no answer within 30 ms");
}

#[tokio::test]
async fn so_many_are_under_way() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let client = Client::new(Timestamp::ZERO);
    let (line, mut answers) = client.line();
    let ask = |line: &Line| {
        line.send(Request { timeout: Duration::from_millis(300), ..request("GET", &url) })
    };
    for _ in 0..UNDER_WAY {
        ask(&line).unwrap();
    }
    assert_eq!(ask(&line).unwrap_err(), "8 requests are under way: wait for an answer");
    let others: Vec<_> = (0..UNDER_WAY_ALL / UNDER_WAY).map(|_| client.line()).collect();
    let sent = others.iter().flat_map(|(line, _)| (0..UNDER_WAY).map(|_| ask(line)));
    let refused = sent.filter_map(Result::err).next().unwrap();
    assert_eq!(refused, "32 requests of all plugins are under way: wait for an answer");
    // An answer that is not taken still counts.
    let first = answers.recv().await.unwrap();
    ask(&line).unwrap_err();
    drop(first);
    ask(&line).unwrap();
}

/// As those of a quarantined plugin.
#[tokio::test]
async fn answers_that_are_not_taken_are_in_the_way_of_nobody_else() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ask = |line: &Line| line.send(request("GET", &format!("http://{nobody}/")));
    let client = Client::new(Timestamp::ZERO);
    let mut lines: Vec<_> = (0..UNDER_WAY_ALL / UNDER_WAY).map(|_| client.line()).collect();
    let mut held = Vec::new();
    for (line, answers) in &mut lines {
        for _ in 0..UNDER_WAY {
            ask(line).unwrap();
        }
        for _ in 0..UNDER_WAY {
            held.push(answers.recv().await.unwrap());
        }
    }
    let (other, mut answers) = client.line();
    ask(&other).unwrap();
    answers.recv().await.unwrap();
    assert_eq!(ask(&lines[0].0).unwrap_err(), "8 requests are under way: wait for an answer");
}

/// A name that is granted, whose DNS leads elsewhere.
#[tokio::test]
async fn a_name_that_leads_inside_is_refused() {
    #[derive(Debug)]
    struct Liar;
    impl ureq::unversioned::resolver::Resolver for Liar {
        fn resolve(
            &self,
            uri: &ureq::http::Uri,
            config: &ureq::config::Config,
            timeout: ureq::unversioned::transport::NextTimeout,
        ) -> Result<ureq::unversioned::resolver::ResolvedSocketAddrs, ureq::Error> {
            // What a name server says that leads `rebound.example` to this machine.
            let honest = "http://127.0.0.1/".parse().unwrap();
            let found = Guarded.resolve(&honest, config, timeout)?;
            address::keep(uri, &found)
        }
    }
    let agent = exchange::agent(ureq::tls::RootCerts::PlatformVerifier, Liar);
    let (line, mut answers) = Client::with(agent, Timestamp::ZERO).line();
    line.send(request("GET", "http://rebound.example/")).unwrap();
    let error = answers.recv().await.unwrap().result.unwrap_err();
    assert!(error.contains("`rebound.example` stands for an address"), "{error}");
}

/// One TLS server that answers once, as `localhost`, by an authority that only this test knows.
fn serve_tls(answer: Vec<u8>) -> u16 {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
    let pem = include_bytes!("testdata/localhost.pem");
    let certificate = ureq::tls::Certificate::from_pem(pem).unwrap().der().to_vec();
    let pem = include_bytes!("testdata/localhost.key");
    let key = ureq::tls::PrivateKey::from_pem(pem).unwrap().der().to_vec();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(certificate)], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, stream);
        let mut buffer = [0; 4096];
        // A client that does not trust it goes away here.
        if stream.read(&mut buffer).is_ok_and(|read| read > 0) {
            let _ = stream.write_all(&answer);
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    port
}

#[tokio::test]
async fn https_is_for_those_whom_the_trust_store_knows() {
    let pem = include_bytes!("testdata/authority.pem");
    let authority = ureq::tls::Certificate::from_pem(pem).unwrap();
    let known = ureq::tls::RootCerts::new_with_certs(&[authority]);
    for (roots, trusted) in [(known, true), (ureq::tls::RootCerts::PlatformVerifier, false)] {
        let port = serve_tls(answer("200 OK", b"private"));
        let client = Client::with(exchange::agent(roots, Guarded), Timestamp::ZERO);
        let (line, mut answers) = client.line();
        line.send(request("GET", &format!("https://localhost:{port}/"))).unwrap();
        match answers.recv().await.unwrap().result {
            Ok(response) => assert!(trusted && response.body == b"private", "{response:?}"),
            Err(why) => assert!(!trusted && why.contains("certificate"), "{why}"),
        }
    }
}
