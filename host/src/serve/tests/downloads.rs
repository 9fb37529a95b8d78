//! Files of exports: who takes one is told, once.

use super::super::audit;
use super::*;
use crate::base::clock::System;
use crate::export::tests::Part;
use crate::export::tests::store::Place;
use crate::store::FreeFloor;
use crate::store::fs::Disk;
use crate::view::exports::exports;

#[tokio::test]
async fn who_takes_a_file_is_told_wherever_he_begins() {
    let place = Place::with_spans(&[Part::plain(4)], Vec::new()).await;
    let root = place.folder.path().join("store");
    let (exports, worker) = exports(&root, Arc::new(Disk), FreeFloor::Bytes(0), Arc::new(System));
    let (trail, mut heard) = audit::trail();
    let running = start_with(Sample::default(), Config { trail, exports, ..config(None) }).await;
    running.tasks.spawn("exports", worker.run(running.tasks.shutdown().clone()));
    let wish = r#"{"camera":"gate","from":"2025-11-22T08:26:41Z","to":"2025-11-22T08:26:43Z"}"#;
    let (status, begun) = ask(&running, "POST /api/v1/exports", "", wish).await;
    assert_eq!(status, 202, "{begun}");
    let field = |answer: &str, name: &str| {
        let value = answer.split(&format!("\"{name}\":\"")).nth(1);
        value.and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
    };
    let job = format!("GET /api/v1/exports/{}", field(&begun, "id"));
    let file = loop {
        let (_, answer) = ask(&running, &job, "", "").await;
        match &*field(&answer, "state") {
            "waiting" | "running" => tokio::task::yield_now().await,
            _ => break field(&answer, "url"),
        }
    };
    heard.rest();
    for (method, range, status, is_told) in [
        ("HEAD", "", 200, false),
        ("GET", "range: bytes=999999999-\r\n", 416, false),
        ("GET", "range: bytes=1-9\r\n", 206, true),
        ("GET", "range: bytes=0-9\r\n", 206, false),
        ("GET", "range: bytes=10-\r\n", 206, false),
    ] {
        let line = format!("{method} {file}");
        let asked =
            format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{range}\r\n");
        let answer = exchange(running.address, asked.as_bytes()).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line} {range}: {answer}");
        let kinds: Vec<_> = heard.rest().into_iter().map(|told| told.kind).collect();
        assert_eq!(kinds, vec!["audit.download"; usize::from(is_told)], "{line} {range}");
    }
}
