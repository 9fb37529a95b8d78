//! Requests that mean harm: each is refused, and told.

use std::time::Duration;

use super::super::visits::IDLE;
use super::who::{House, PASSWORD};
use super::*;

#[tokio::test]
async fn pages_of_other_sites_can_do_nothing_with_a_cookie() {
    let mut house = House::new().await;
    let anna = house.cookie("anna").await;
    for headers in [
        "origin: http://evil.example\r\n",
        "origin: null\r\n",
        "origin: http://localhost:1\r\n",
        "sec-fetch-site: cross-site\r\n",
        "sec-fetch-site: same-site\r\n",
        "sec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n",
    ] {
        let headers = format!("{anna}{headers}");
        for line in ["POST /api/v1/config/reload", "DELETE /api/v1/recordings?span=a"] {
            let (status, answer) = house.ask(line, &headers, "").await;
            assert!(status == 403 && answer.contains("other sites"), "{headers}: {answer}");
        }
    }
    let body = format!(r#"{{"user":"ben","password":"{PASSWORD}"}}"#);
    let evil = "origin: http://evil.example\r\n";
    assert_eq!(house.ask("POST /api/v1/session", evil, &body).await.0, 403);
    assert!(house.running.host.deleted.lock().unwrap().is_empty());
    assert!(house.told().iter().any(|(_, what)| what.contains("reason=site")));
    let own = format!("{anna}origin: http://localhost\r\nsec-fetch-site: same-origin\r\n");
    assert_eq!(house.ask("POST /api/v1/config/reload", &own, "").await.0, 200);
}

#[tokio::test]
async fn names_that_only_lead_here_are_refused_where_nobody_is_asked() {
    let running = start(Sample::default(), None).await;
    for (host, headers, status) in [
        ("127.0.0.1:8086", "", 200),
        ("[::1]:8086", "", 200),
        ("localhost", "", 200),
        ("evil.example", "", 421),
        ("127.0.0.1.evil.example", "", 421),
        ("localhost", "x-forwarded-for: 10.0.0.9\r\n", 421),
        ("localhost", "forwarded: for=10.0.0.9\r\n", 421),
    ] {
        let text = format!(
            "GET /api/v1/plugins HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n"
        );
        let (got, answer) = send(running.address, text.as_bytes()).await;
        assert_eq!(got, status, "{host} {headers}: {answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn sessions_that_are_made_up_stolen_late_or_broken_open_nothing() {
    let house = House::new().await;
    let good = house.cookie("anna").await;
    let token = good.trim_end().rsplit_once('=').unwrap().1.to_owned();
    let short = &token[..42];
    let other = if token.starts_with('A') { "B" } else { "A" };
    let flipped = format!("{other}{}", &token[1..]);
    for cookie in [
        "wardline=",
        "wardline",
        &format!("wardline={short}"),
        &format!("wardline={token}A"),
        &format!("wardline={flipped}"),
        &format!("wardline=\"{token}\""),
        &format!("Wardline={token}"),
        &format!("xwardline={token}"),
        &format!("wardline={}", "A".repeat(20_000)),
        &format!("wardline=;wardline={token}"),
    ] {
        let headers = format!("cookie: {cookie}\r\n");
        let (status, answer) = house.ask("GET /api/v1/session", &headers, "").await;
        assert_eq!(status, 401, "{cookie}: {answer}");
    }
    let as_token = format!("authorization: Bearer {token}\r\n");
    assert_eq!(
        house.ask("GET /api/v1/session", &as_token, "").await.0,
        401,
        "no token for programs"
    );
    assert_eq!(house.ask("GET /api/v1/session", &good, "").await.0, 200);
    tokio::time::sleep(IDLE + Duration::from_secs(1)).await;
    assert_eq!(house.ask("GET /api/v1/session", &good, "").await.0, 401, "too late");
}

#[tokio::test]
async fn guessed_tokens_are_counted_as_passwords_are() {
    let mut house = House::new().await;
    let mut statuses = Vec::new();
    for guess in 0..110 {
        let headers = format!("authorization: Bearer {guess:043}\r\n");
        statuses.push(house.ask("GET /api/v1/plugins", &headers, "").await.0);
    }
    assert_eq!((statuses[0], statuses[109]), (401, 429), "{statuses:?}");
    let told = house.told();
    assert!(told.len() < 4 && told[0].1.contains("reason=token"), "{told:?}");
}

#[tokio::test]
async fn behind_a_proxy_each_is_counted_for_himself() {
    let mut house = House::behind(&["127.0.0.1".parse().unwrap()]).await;
    let (thief, other) = ("203.0.113.9", "198.51.100.7");
    let mut statuses = Vec::new();
    for guess in 0..11 {
        // What he writes there himself is nothing that the proxy says.
        let headers = format!(
            "authorization: Bearer {guess:043}\r\nx-forwarded-for: 192.0.2.{guess}, {thief}\r\n"
        );
        statuses.push(house.ask("GET /api/v1/plugins", &headers, "").await.0);
    }
    assert_eq!((statuses[0], statuses[10]), (401, 429), "{statuses:?}");
    let told = house.told();
    assert!(told[0].1.contains(&format!("address={thief}")), "{told:?}");
    let headers = format!("authorization: Bearer {:043}\r\nx-forwarded-for: {other}\r\n", 0);
    assert_eq!(house.ask("GET /api/v1/plugins", &headers, "").await.0, 401);
}

#[tokio::test]
async fn every_answer_protects_the_browser() {
    let house = House::new().await;
    let anna = house.cookie("anna").await;
    for (line, headers) in [
        ("GET /healthz", ""),
        ("GET /nothing", ""),
        ("GET /api/v1/nothing", ""),
        ("GET /api/v1/nothing", &*anna),
        ("GET /api/v1/plugins", &*anna),
        ("POST /api/v1/config/reload", "origin: http://evil.example\r\n"),
        ("PUT /api/v1/session", ""),
    ] {
        let (_, answer) = house.ask(line, headers, "").await;
        for says in [
            "content-security-policy: default-src 'none'; script-src 'self'",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "permissions-policy: ",
            "cross-origin-resource-policy: same-origin",
            "cache-control: no-store",
        ] {
            assert!(answer.contains(says), "{line}: {says}: {answer}");
        }
        assert!(!answer.contains("unsafe-inline") && !answer.contains("strict-transport"));
    }
}

#[tokio::test(start_paused = true)]
async fn who_takes_all_connections_and_says_nothing_is_let_go() {
    let running = start(Sample::default(), None).await;
    let mut silent = Vec::new();
    for _ in 0..256 {
        silent.push(TcpStream::connect(running.address).await.unwrap());
    }
    let (status, _) = ask(&running, "GET /healthz", "", "").await;
    assert_eq!(status, 200, "once the silent ones have had their time");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_http_too_slow_or_too_large_is_told() {
    let mut house = House::new().await;
    let address = house.running.address;
    send(address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 garbage\r\n\r\n").await;
    send(address, b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: 1").await;
    let many: String = (0..100).map(|n| format!("x-{n}: 1\r\n")).collect();
    assert_eq!(house.ask("GET /healthz", &many, "").await.0, 431);
    let long = format!("GET /healthz?{} HTTP/1.1\r\n\r\n", "a".repeat(70_000));
    send(address, long.as_bytes()).await;
    for line in ["GET /%00", "GET /../../etc/passwd", "GET //evil.example/", "GET /a%2f..%2fb"] {
        let (status, answer) = house.ask(line, "", "").await;
        assert!([400, 401, 404].contains(&status), "{line}: {answer}");
    }
    let told = house.told();
    for reason in ["nonsense", "slow", "size"] {
        let says = format!("reason={reason} ");
        assert!(told.iter().any(|(_, what)| what.starts_with(&says)), "{reason}: {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn slow_clients_are_let_go() {
    let running = start(Sample::default(), None).await;
    let (status, _) =
        send(running.address, b"POST /hooks/door HTTP/1.1\r\nhost: localhost\r\n").await;
    assert_eq!(status, 0, "closed without an answer");
    let (status, answer) = send(
        running.address,
        b"POST /hooks/door HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 9\r\n\r\n{",
    )
    .await;
    assert_eq!(status, 408, "{answer}");
}
