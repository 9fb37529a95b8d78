//! The HTTP side as its clients see it, over loopback.

mod who;
mod hostile;
mod tls;
mod downloads;
mod forms;

use std::net::SocketAddr;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::*;
use crate::base::Timestamp;
use crate::base::tasks::Tasks;
use crate::config::Secret;
use crate::store::{Deletion, Extent, Named, Pin};

/// Answers as the name of the source or camera says, and keeps what it was asked.
#[derive(Default)]
struct Sample {
    asked: Mutex<Vec<HookRequest>>,
    triggered: Mutex<Vec<TriggerRequest>>,
    deleted: Mutex<Vec<(Named, Extent)>>,
    /// The plugin `slow` is compiled once this is notified,
    compiler: Notify,
    /// and then is loaded.
    loaded: Notify,
    unwell: bool,
}

impl Host for Sample {
    async fn hook(&self, source: &str, request: HookRequest) -> HookAnswer {
        self.asked.lock().unwrap().push(request);
        match source {
            "door" => HookAnswer::Taken(vec!["gate/door/1/a".into()]),
            "picky" => HookAnswer::Rejected("no `kind` in the body".into()),
            "busy" => HookAnswer::Full,
            "broken" => HookAnswer::Failed("out of memory".into()),
            _ => HookAnswer::Unknown(vec!["door".into(), "bell".into()]),
        }
    }

    async fn trigger(&self, camera: &str, request: TriggerRequest) -> TriggerAnswer {
        self.triggered.lock().unwrap().push(request);
        match camera {
            "gate" => TriggerAnswer::Taken(Triggered {
                event: "gate/api/1/a".into(),
                start: Timestamp::from_millis(1000),
                end: Timestamp::from_millis(2000),
            }),
            "off" => TriggerAnswer::Refused("its mode is `off`".into()),
            _ => TriggerAnswer::Unknown(Vec::new()),
        }
    }

    async fn pin(&self, what: Named, label: Option<String>) -> Wished<Pin> {
        match what {
            Named::Range { camera, start, end } => Wished::Done(Pin {
                id: "3fa85f64".into(),
                camera,
                start,
                end,
                label: label.unwrap_or_default(),
                made: Timestamp::ZERO,
            }),
            Named::Id(id) => Wished::Unknown(format!("there is no `{id}`")),
        }
    }

    async fn unpin(&self, what: Named) -> Wished<Vec<Pin>> {
        match what {
            Named::Range { .. } => Wished::Refused("pin 3fa85f64 reaches beyond".into()),
            Named::Id(_) => Wished::Done(Vec::new()),
        }
    }

    async fn reload_plugin(&self, plugin: &str) -> Wished<ReloadedPlugin> {
        match plugin {
            "motion" => Wished::Done(ReloadedPlugin {
                plugin: plugin.into(),
                version: "0.2.0".into(),
                digest: "ab".into(),
                seats: vec![ReloadedSeat {
                    camera: Some("gate".into()),
                    outcome: "seated".into(),
                    reason: None,
                }],
            }),
            "torn" => Wished::Refused("plugin torn: is damaged".into()),
            "slow" => {
                self.compiler.notified().await;
                self.loaded.notify_one();
                Wished::Refused("plugin slow: is loaded, and nobody listens".into())
            }
            _ => Wished::Unknown("there is no plugin".into()),
        }
    }

    async fn confirm_time(&self) -> Wished<Confirmed> {
        Wished::Done(Confirmed { guarded: None })
    }

    async fn delete(&self, what: Named, extent: Extent) -> Wished<Deletion> {
        self.deleted.lock().unwrap().push((what.clone(), extent));
        match what {
            Named::Range { .. } => Wished::Done(Deletion { segments: 3, ..Deletion::default() }),
            Named::Id(_) => Wished::Failed("the disk refuses".into()),
        }
    }

    async fn reload(&self) -> ReloadAnswer {
        if self.unwell {
            let wrong = ["wardline.toml:3: unknown key `kepe`", "restart needed for: store"];
            return ReloadAnswer::Refused(wrong.map(str::to_owned).to_vec());
        }
        let cameras = Changes { added: vec!["yard".into()], ..Changes::default() };
        ReloadAnswer::Done(Reloaded { cameras, ..Reloaded::default() })
    }

    fn plugins(&self) -> Vec<PluginStatus> {
        let (name, state) = ("motion".into(), "running".into());
        vec![PluginStatus { name, state, ..PluginStatus::default() }]
    }

    fn config(&self) -> Arc<crate::config::Config> {
        fuzz::sample()
    }

    fn limits(&self) -> crate::store::plan::Limits {
        fuzz::no_limits()
    }

    fn newest_event(&self) -> tokio::sync::watch::Receiver<u64> {
        tokio::sync::watch::channel(0).1
    }

    fn health(&self) -> Health {
        Health {
            store: StoreHealth { healthy: !self.unwell, ..Default::default() },
            ..Default::default()
        }
    }
}

/// A server that runs until it is dropped.
struct Running {
    address: SocketAddr,
    host: Arc<Sample>,
    tasks: Tasks,
}

fn config(token: Option<&str>) -> Config {
    let listen = "127.0.0.1:0".parse().unwrap();
    let http = Http { listen, token: token.map(Secret::new), tls: None, proxies: Vec::new() };
    let (_, known) = tokio::sync::watch::channel(Arc::default());
    let (trail, exports) = (audit::trail().0, Exports::of_tests());
    Config { http, known, trail, exports, metrics: Metrics::default() }
}

async fn start(host: Sample, token: Option<&str>) -> Running {
    start_with(host, config(token)).await
}

async fn start_with(host: Sample, config: Config) -> Running {
    let (host, tasks) = (Arc::new(host), Tasks::new());
    let server =
        Server::bind(config, host.clone(), fuzz::nowhere(), fuzz::nothing()).await.unwrap();
    let address = server.address();
    tasks.spawn("http", server.run(tasks.shutdown().clone()));
    Running { address, host, tasks }
}

/// Sends bytes and gives all that came back.
async fn exchange(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has heard enough may close before all is sent.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

/// The same of what is text, with its status.
async fn send(address: SocketAddr, request: &[u8]) -> (u16, String) {
    let answer = String::from_utf8(exchange(address, request).await).unwrap();
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    (status, answer)
}

async fn ask(running: &Running, line: &str, headers: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let text = format!(
        "{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    send(running.address, text.as_bytes()).await
}

#[tokio::test]
async fn each_request_has_its_answer() {
    let running = start(Sample::default(), None).await;
    for (line, body, status, said) in [
        ("POST /hooks/door?a=b%20c", "{}", 200, r#"{"events":["gate/door/1/a"]}"#),
        ("POST /hooks/picky", "{}", 400, r#""status":400,"detail":"no `kind` in the body"}"#),
        ("POST /hooks/busy", "{}", 503, "too much to do"),
        ("POST /hooks/broken", "{}", 503, "out of memory"),
        ("POST /hooks/dor", "{}", 404, "there is no source `dor`: there are `door`, `bell`"),
        ("GET /hooks/door", "", 405, ""),
        ("POST /api/v1/plugins/motion/reload", "", 200, r#""outcome":"seated""#),
        ("POST /api/v1/plugins/torn/reload", "", 409, "plugin torn: is damaged"),
        ("POST /api/v1/plugins/cat/reload", "", 404, "there is no plugin"),
        ("POST /api/v1/config/reload", "", 200, r#""cameras":{"added":["yard"],"removed":[]"#),
        ("POST /api/v1/cameras/gate/trigger", "", 200, r#""end":"1970-01-01T00:00:02Z""#),
        (
            "POST /api/v1/cameras/gate/trigger",
            r#"{"before":"30s","for":"2m","label":"x"}"#,
            200,
            "gate/api/1/a",
        ),
        (
            "POST /api/v1/cameras/gate/trigger",
            r#"{"before":"soon"}"#,
            400,
            "`before`: not a duration",
        ),
        ("POST /api/v1/cameras/gate/trigger", r#"{"befor":"1s"}"#, 400, "unknown field `befor`"),
        ("POST /api/v1/cameras/off/trigger", "", 409, "its mode is `off`"),
        ("POST /api/v1/cameras/none/trigger", "", 404, "there is no camera `none`: there are none"),
        ("GET /healthz", "", 200, r#""status":"ok""#),
        ("GET /api/v1/plugins", "", 200, r#"[{"name":"motion","state":"running","calls":0"#),
        ("GET /metrics", "", 200, "# EOF"),
        ("GET /elsewhere", "", 404, "/api/v1/openapi.json"),
        ("GET /", "", 200, "content-security-policy: default-src 'none'; script-src 'self'"),
        ("GET /page/app.js", "", 200, "content-type: text/javascript"),
        ("GET /page/..%2f..%2fCargo.toml", "", 404, "no such file"),
        ("GET /api/v1/openapi.json", "", 200, r#""openapi":"3.1"#),
    ] {
        let (got, answer) = ask(&running, line, "", body).await;
        assert!(got == status && answer.contains(said), "{line} {body}: {answer}");
    }
    let triggered = running.host.triggered.lock().unwrap().clone();
    let two_minutes = std::time::Duration::from_secs(120);
    assert_eq!(triggered[1].length, Some(two_minutes));
    assert_eq!(running.host.asked.lock().unwrap()[0].query, [("a".into(), "b c".into())]);
}

#[tokio::test]
async fn pins_and_deletions_name_what_they_mean() {
    let running = start(Sample::default(), None).await;
    let range = "camera=gate&start=2026-11-20T18:00:00Z&end=2026-11-20T19:00:00Z";
    for (line, body, status, said) in [
        (
            "POST /api/v1/pins",
            r#"{"camera":"gate","start":"2026-11-20T18:00:00Z","end":"2026-11-20T19:00:00Z","label":"x"}"#,
            200,
            r#""id":"3fa85f64","camera":"gate","start":"2026-11-20T18:00:00Z""#,
        ),
        ("POST /api/v1/pins", r#"{"span":"a/b/c"}"#, 404, "there is no `a/b/c`"),
        ("POST /api/v1/pins", r#"{"id":"a"}"#, 400, "name `span`, or `camera`"),
        ("POST /api/v1/pins", r#"{"camera":"gate"}"#, 400, "name `span`, or `camera`"),
        ("POST /api/v1/pins", r#"{"from":"1h"}"#, 400, "unknown field `from`"),
        ("POST /api/v1/pins", "", 400, "name `span`, or `camera`"),
        ("DELETE /api/v1/pins?id=3fa85f64", "", 200, "[]"),
        (&format!("DELETE /api/v1/pins?{range}"), "", 409, "reaches beyond"),
        ("DELETE /api/v1/pins", "", 400, "name `id`, or `camera`"),
        (&format!("DELETE /api/v1/recordings?{range}&look=true"), "", 200, r#""segments":3"#),
        (&format!("DELETE /api/v1/recordings?{range}"), "", 200, r#""segments":3"#),
        ("DELETE /api/v1/recordings?span=a/b", "", 503, "the disk refuses"),
        (
            "DELETE /api/v1/recordings?camera=gate&start=2026-11-20T18:00:00Z&end=2026-11-20T18:00:00Z",
            "",
            400,
            "`start` is not before `end`",
        ),
        ("DELETE /api/v1/recordings?camera=gate&start=soon", "", 400, "\"detail\""),
        ("DELETE /api/v1/recordings", "", 400, "name `span`"),
        ("GET /api/v1/pins", "", 405, ""),
    ] {
        let (got, answer) = ask(&running, line, "", body).await;
        assert!(got == status && answer.contains(said), "{line} {body}: {answer}");
    }
    let deleted = running.host.deleted.lock().unwrap().clone();
    let extents: Vec<Extent> = deleted.iter().map(|(_, extent)| *extent).collect();
    assert_eq!(extents, [Extent::Look, Extent::Do, Extent::Do]);
    assert_eq!(deleted[2].0, Named::Id("a/b".into()));
}

#[tokio::test]
async fn plugins_do_not_see_credentials() {
    let running = start(Sample::default(), Some("0123456789")).await;
    let headers = "authorization: Bearer 0123456789\r\ncookie: a=b\r\nx-sensor: 7\r\ncontent-type: text/plain\r\n";
    let (status, _) = ask(&running, "POST /hooks/door", headers, "hi").await;
    assert_eq!(status, 200);
    let asked = running.host.asked.lock().unwrap().pop().unwrap();
    let names: Vec<&str> = asked.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["host", "connection", "content-length", "x-sensor"]);
    assert_eq!((asked.content_type.as_str(), &asked.body[..]), ("text/plain", &b"hi"[..]));
}

#[tokio::test]
async fn the_token_is_asked_for() {
    let running = start(Sample { unwell: true, ..Sample::default() }, Some("0123456789")).await;
    for (line, headers, status, said) in [
        ("POST /hooks/door", "", 401, "a token is needed"),
        ("POST /hooks/door", "authorization: Bearer 012345678\r\n", 401, "a token is needed"),
        ("POST /hooks/door", "authorization: Basic 0123456789\r\n", 401, "a token is needed"),
        ("POST /hooks/door", "authorization: Bearer 0123456789\r\n", 200, "events"),
        ("POST /api/v1/pins", "", 401, "a token is needed"),
        ("DELETE /api/v1/pins?id=a", "", 401, "a token is needed"),
        ("DELETE /api/v1/recordings?span=a", "", 401, "a token is needed"),
        ("GET /metrics", "", 401, "a token is needed"),
        ("GET /nothing", "", 401, "a token is needed"),
        ("GET /api/v1/session", "", 401, "a token is needed"),
        ("GET /api/v1/session", "authorization: Bearer 0123456789\r\n", 200, r#""role":"admin""#),
        ("GET /healthz", "", 503, r#"{"status":"degraded"}"#),
        ("GET /healthz", "authorization: Bearer 0123456789\r\n", 503, r#""store""#),
    ] {
        let (got, answer) = ask(&running, line, headers, "").await;
        assert!(got == status && answer.contains(said), "{line} {headers}: {answer}");
    }
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let running = start(Sample::default(), None).await;
    for (origin, status) in [("http://localhost", 200), ("http://evil.example", 403), ("null", 403)]
    {
        let (got, answer) =
            ask(&running, "POST /hooks/door", &format!("origin: {origin}\r\n"), "").await;
        assert_eq!(got, status, "{origin}: {answer}");
    }
}

#[tokio::test]
async fn large_requests_are_refused() {
    let running = start(Sample::default(), None).await;
    let body = "x".repeat(crate::base::limits::HOOK_BODY_BYTES + 1);
    let (status, answer) = ask(&running, "POST /hooks/door", "", &body).await;
    assert!(status == 413 && answer.contains("more than 262144 bytes"), "{answer}");
    let (status, _) =
        ask(&running, "POST /hooks/door", &format!("a: {}\r\n", "x".repeat(64 << 10)), "").await;
    assert_eq!(status, 431);
    assert!(running.host.asked.lock().unwrap().is_empty());
    let (status, _) = send(running.address, b"\x00\xff nonsense\r\n\r\n").await;
    assert_eq!(status, 400);
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_is_carried_out_for_those_who_left_too() {
    let (trail, mut heard) = audit::trail();
    let running = start_with(Sample::default(), Config { trail, ..config(None) }).await;
    let (status, answer) = ask(&running, "POST /api/v1/plugins/slow/reload", "", "").await;
    assert!(status == 408 && answer.contains("wardline plugin status"), "{answer}");
    assert!(heard.rest().iter().all(|told| told.kind == "audit.refused"), "it is not done yet");
    running.host.compiler.notify_one();
    let second = std::time::Duration::from_secs(1);
    timeout(second, running.host.loaded.notified()).await.expect("it goes on");
    let told = timeout(second, heard.next()).await.expect("no change without its event").unwrap();
    assert_eq!(told.kind, "audit.plugin");
    assert!(told.what.contains(&("status", "409".into())), "{told:?}");
}

#[tokio::test]
async fn shutdown_ends_idle_connections() {
    let running = start(Sample::default(), None).await;
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    assert!(running.tasks.end(std::time::Duration::from_secs(3)).await.is_empty());
    let mut answer = Vec::new();
    let _ = idle.read_to_end(&mut answer).await;
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn an_open_address_needs_somebody_who_may() {
    let mut config = config(None);
    config.http.listen = "0.0.0.0:0".parse().unwrap();
    let refused =
        Server::bind(config, Arc::new(Sample::default()), fuzz::nowhere(), fuzz::nothing())
            .await
            .err()
            .unwrap();
    assert!(refused.to_string().contains("users are needed"), "{refused}");
}
