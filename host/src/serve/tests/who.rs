//! Who may: log-in and log-out, roles, cameras, tokens, and what the audit trail says of it.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;
use tokio::time::Instant;

use super::super::access::{self, Gate, Inner, Visitor};
use super::super::visits::{IDLE, LOOK};
use super::*;
use crate::base::Timestamp;
use crate::people::{Hashed, Program, Right, Role, Roll, Token, User};

pub(super) const PASSWORD: &str = "correct horse";

/// A host with users: anna is an admin, cleo an operator, ben looks at the gate; and a program
/// that is an operator.
pub(super) struct House {
    pub(super) running: Running,
    pub(super) roll: watch::Sender<Arc<Roll>>,
    pub(super) heard: audit::Heard,
    pub(super) token: String,
}

fn user(name: &str, right: Right) -> User {
    let Right { role, cameras } = right;
    let password = Hashed::new(&Secret::new(PASSWORD)).unwrap();
    User { name: name.into(), role, cameras, password, since: Timestamp::ZERO }
}

fn roll(token: &Token) -> Roll {
    let right = |role, cameras: &[&str]| {
        Right::new(role, cameras.iter().map(|name| (*name).to_owned()).collect()).unwrap()
    };
    let mut roll = Roll::default();
    for (name, right) in [
        ("anna", right(Role::Admin, &[])),
        ("cleo", right(Role::Operator, &[])),
        ("ben", right(Role::Viewer, &["gate"])),
    ] {
        roll.add_user(user(name, right)).unwrap();
    }
    let Right { role, cameras } = right(Role::Operator, &[]);
    let (name, digest, since) = ("bell".into(), token.digest(), Timestamp::ZERO);
    roll.add_program(Program { name, role, cameras, digest, since }).unwrap();
    roll
}

impl House {
    pub(super) async fn new() -> Self {
        Self::behind(&[]).await
    }

    /// One that believes these proxies.
    pub(super) async fn behind(proxies: &[std::net::IpAddr]) -> Self {
        let token = Token::new().unwrap();
        let (sender, known) = watch::channel(Arc::new(roll(&token)));
        let (trail, heard) = audit::trail();
        let mut config = Config { known, trail, ..config(None) };
        config.http.proxies = proxies.to_vec();
        let running = start_with(Sample::default(), config).await;
        Self { running, roll: sender, heard, token: token.reveal().to_owned() }
    }

    pub(super) async fn ask(&self, line: &str, headers: &str, body: &str) -> (u16, String) {
        ask(&self.running, line, headers, body).await
    }

    pub(super) async fn log_in(&self, name: &str, password: &str) -> (u16, String) {
        let body = serde_json::json!({ "user": name, "password": password }).to_string();
        self.ask("POST /api/v1/session", "", &body).await
    }

    /// The header of who has logged in.
    pub(super) async fn cookie(&self, name: &str) -> String {
        let (status, answer) = self.log_in(name, PASSWORD).await;
        assert_eq!(status, 204, "{answer}");
        let line = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        format!("cookie: theme=dark; {}\r\n", line.split(';').next().unwrap())
    }

    /// What was told: kind, and the attributes in one line.
    pub(super) fn told(&mut self) -> Vec<(&'static str, String)> {
        let line = |told: audit::Audited| {
            let what: Vec<_> =
                told.what.iter().map(|(key, value)| format!("{key}={value}")).collect();
            (told.kind, what.join(" "))
        };
        self.heard.rest().into_iter().map(line).collect()
    }
}

#[tokio::test]
async fn a_person_logs_in_looks_and_logs_out() {
    let mut house = House::new().await;
    let (status, answer) = house.log_in("ben", PASSWORD).await;
    let cookie = answer.lines().find(|line| line.starts_with("set-cookie: wardline=")).unwrap();
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=2592000"] {
        assert!(status == 204 && cookie.contains(part), "{answer}");
    }
    assert!(!cookie.contains("Secure"), "this is plain HTTP");
    let ben = house.cookie("ben").await;
    let (status, answer) = house.ask("GET /api/v1/session", &ben, "").await;
    let says = r#"{"user":"ben","role":"viewer","cameras":["gate"],"open":false}"#;
    assert!(status == 200 && answer.ends_with(says), "{answer}");
    let (status, answer) = house.ask("DELETE /api/v1/session", &ben, "").await;
    assert!(status == 204 && answer.contains("set-cookie: wardline=; Path=/; Max-Age=0"));
    assert!(answer.contains("clear-site-data: \"cache\""), "no picture stays: {answer}");
    let (status, _) = house.ask("GET /api/v1/session", &ben, "").await;
    assert_eq!(status, 401, "what was logged out is no use to a thief");
    let told = house.told();
    let kinds: Vec<_> = told.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, ["audit.login", "audit.login", "audit.logout"]);
    assert_eq!(told[0].1, "who=ben role=viewer address=127.0.0.1");
}

#[tokio::test]
async fn a_wrong_password_and_nobody_are_answered_alike() {
    let mut house = House::new().await;
    let wrong = house.log_in("ben", "wrong horse").await;
    let nobody = house.log_in("nobody", PASSWORD).await;
    let name_is_password = house.log_in("my secret passphrase", "").await;
    assert_eq!(wrong.0, 401);
    let said = |(_, answer): &(u16, String)| answer.lines().last().unwrap().to_owned();
    assert!(said(&wrong) == said(&nobody) && said(&wrong) == said(&name_is_password));
    let told = house.told();
    assert!(told.iter().all(|(kind, _)| *kind == "audit.refused"), "{told:?}");
    let all = format!("{told:?}");
    assert!(all.contains("who=ben") && !all.contains("nobody"), "{all}");
    assert!(!all.contains("horse") && !all.contains("passphrase"), "{all}");
    for body in ["", "{}", "[]", r#"{"user":"ben","password":"x","role":"admin"}"#, "\u{0}"] {
        let (status, answer) = house.ask("POST /api/v1/session", "", body).await;
        assert_eq!(status, 400, "{body}: {answer}");
    }
    let long = serde_json::json!({ "user": "ben", "password": "x".repeat(8000) }).to_string();
    assert_eq!(house.ask("POST /api/v1/session", "", &long).await.0, 413);
}

#[tokio::test(start_paused = true)]
async fn guesses_are_limited_and_time_heals() {
    let mut house = House::new().await;
    let still = crate::base::clock::still();
    for guess in 0..10 {
        assert_eq!(house.log_in("ben", &format!("guess {guess}")).await.0, 401);
    }
    let (status, answer) = house.log_in("ben", PASSWORD).await;
    assert!(status == 429 && answer.contains("retry-after: "), "{answer}");
    assert_eq!(house.log_in("anna", PASSWORD).await.0, 204, "others are not locked out");
    drop(still);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(house.log_in("ben", PASSWORD).await.0, 204);
    let told = house.told();
    assert!(told.iter().any(|(_, what)| what.contains("reason=too-many-attempts")), "{told:?}");
    assert!(told.len() < 8, "a flood is folded: {told:?}");
}

#[tokio::test]
async fn each_role_may_what_the_table_says() {
    let mut house = House::new().await;
    let [ben, cleo, anna] =
        [house.cookie("ben").await, house.cookie("cleo").await, house.cookie("anna").await];
    let bell = format!("authorization: Bearer {}\r\n", house.token);
    let nobody = String::new();
    for (line, body, allowed) in [
        // nobody, viewer of one camera, operator, program that is one, admin
        ("GET /healthz", "", [200, 200, 200, 200, 200]),
        ("GET /api/v1/plugins", "", [401, 403, 200, 200, 200]),
        ("GET /api/v1/config", "", [401, 403, 403, 403, 200]),
        ("GET /api/v1/openapi.json", "", [401, 200, 200, 200, 200]),
        ("GET /", "", [200, 200, 200, 200, 200]),
        ("GET /page/app.js", "", [200, 200, 200, 200, 200]),
        ("GET /api/v1/exports", "", [401, 403, 200, 200, 200]),
        ("DELETE /api/v1/exports/none", "", [401, 403, 404, 404, 404]),
        ("GET /api/v1/health", "", [401, 403, 200, 200, 200]),
        ("GET /metrics", "", [401, 403, 200, 200, 200]),
        ("POST /hooks/door", "{}", [401, 403, 200, 200, 200]),
        ("POST /api/v1/cameras/gate/trigger", "", [401, 403, 200, 200, 200]),
        ("POST /api/v1/plugins/motion/reload", "", [401, 403, 200, 200, 200]),
        ("DELETE /api/v1/pins?id=3fa85f64", "", [401, 403, 200, 200, 200]),
        ("DELETE /api/v1/recordings?span=a/b", "", [401, 403, 403, 403, 503]),
        ("POST /api/v1/config/reload", "", [401, 403, 403, 403, 200]),
        ("POST /api/v1/time/confirm", "", [401, 403, 403, 403, 200]),
        ("GET /api/v1/nothing", "", [401, 404, 404, 404, 404]),
        ("PUT /api/v1/pins", "", [401, 403, 403, 403, 405]),
    ] {
        let all = [&nobody, &ben, &cleo, &bell, &anna];
        for (headers, expected) in all.into_iter().zip(allowed) {
            let (status, answer) = house.ask(line, headers, body).await;
            assert_eq!(status, expected, "{line} {headers}: {answer}");
        }
    }
    let told = house.told();
    let trigger = |who: &str| {
        let what = format!("who={who} role=operator address=127.0.0.1 request=POST");
        told.iter().any(|(kind, told)| *kind == "audit.trigger" && told.starts_with(&what))
    };
    assert!(trigger("cleo") && trigger("token bell"), "{told:?}");
    assert!(told.iter().any(|(kind, what)| *kind == "audit.delete" && what.contains("status=503")));
    assert!(told.iter().any(|(_, what)| what.contains("reason=role") && what.contains("who=ben")));
    let healthz = house.ask("GET /healthz", &ben, "").await.1;
    assert!(healthz.ends_with(r#"{"status":"ok"}"#), "no details for him: {healthz}");
}

#[tokio::test]
async fn who_is_no_longer_on_the_roll_is_out_at_once() {
    let mut house = House::new().await;
    let [ben, cleo] = [house.cookie("ben").await, house.cookie("cleo").await];
    let bell = format!("authorization: Bearer {}\r\n", house.token);
    let ask =
        async |house: &House, headers: &str| house.ask("GET /api/v1/session", headers, "").await.0;
    assert_eq!(ask(&house, &bell).await, 200);
    let mut roll = Roll::clone(&house.roll.borrow());
    roll.remove_user("cleo").unwrap();
    roll.remove_program("bell").unwrap();
    roll.set_password("ben", Hashed::new(&Secret::new(PASSWORD)).unwrap(), Timestamp::ZERO)
        .unwrap();
    house.roll.send_replace(Arc::new(roll));
    for headers in [&ben, &cleo, &bell] {
        assert_eq!(ask(&house, headers).await, 401, "{headers}");
    }
    assert_eq!(ask(&house, &house.cookie("ben").await).await, 200);
    while !house.told().iter().any(|(_, what)| what == "change=removed user cleo") {
        tokio::task::yield_now().await;
    }
}

fn gate(known: crate::people::Known, trail: audit::Trail) -> Gate {
    let (visits, attempts) = Default::default();
    let (token, is_loopback, is_tls) = (None, true, false);
    Gate::new(Inner { token, known, visits, recall: None, attempts, trail, is_loopback, is_tls })
}

#[tokio::test(start_paused = true)]
async fn what_streams_ends_with_a_visit_that_nobody_uses() {
    let roll = roll(&Token::new().unwrap());
    let ben = roll.user("ben").unwrap().clone();
    let (_sender, known) = watch::channel(Arc::new(roll));
    let (gate, tasks) = (gate(known, audit::trail().0), Tasks::new());
    let digest = gate.visits.begin(&ben, Instant::now()).unwrap().digest();
    let revoked = gate.visits.find(&digest, Instant::now()).unwrap().revoked;
    tasks.spawn("visits", gate.follow_roll(tasks.shutdown().clone()));
    tokio::time::sleep(IDLE - Duration::from_secs(1)).await;
    assert!(!revoked.is_cancelled());
    tokio::time::sleep(LOOK + Duration::from_secs(1)).await;
    assert!(revoked.is_cancelled(), "though nobody asked for anything");
}

/// Routes with cameras in path and query, behind the gate.
fn routes(gate: Gate) -> Router {
    let seen = async |visitor: Visitor| visitor.name.to_string();
    Router::new()
        .route("/api/v1/cameras/{camera}/snapshot.jpg", get(seen))
        .route("/api/v1/cameras/{camera}/hls/{sequence}/{name}", get(seen))
        .route("/api/v1/events", get(seen))
        .route("/api/v1/forgotten", get(seen))
        .route_layer(from_fn_with_state(gate.clone(), access::authorize))
        .layer(from_fn_with_state(gate, access::identify))
}

#[tokio::test]
async fn a_camera_that_is_not_his_is_not_there() {
    let token = Token::new().unwrap();
    let right = Right::new(Role::Viewer, vec!["gate".into()]).unwrap();
    let program = Program {
        name: "wall".into(),
        role: right.role,
        cameras: right.cameras,
        digest: token.digest(),
        since: Timestamp::ZERO,
    };
    let mut roll = Roll::default();
    roll.add_program(program).unwrap();
    let (_sender, known) = watch::channel(Arc::new(roll));
    let (trail, mut heard) = audit::trail();
    let service = TowerToHyperService::new(routes(gate(known, trail)));
    for (path, status) in [
        ("/api/v1/cameras/gate/snapshot.jpg", 200),
        ("/api/v1/cameras/g%61te/snapshot.jpg", 200),
        ("/api/v1/cameras/yard/snapshot.jpg", 404),
        ("/api/v1/cameras/y%61rd/snapshot.jpg", 404),
        ("/api/v1/cameras/gate%2F..%2Fyard/snapshot.jpg", 404),
        ("/api/v1/cameras/gate/../yard/snapshot.jpg", 404),
        ("/api/v1/cameras/gate%00/snapshot.jpg", 404),
        ("/api/v1/cameras/Gate/snapshot.jpg", 404),
        ("/api/v1/cameras/%ff/snapshot.jpg", 400),
        ("/api/v1/cameras/yard/hls/1/gate.m4s", 404),
        ("/api/v1/cameras/gate/hls/1/1-2.m4s", 200),
        ("/api/v1/cameras/gate/hls/../../yard/hls/1/1-2.m4s", 404),
        ("/api/v1/events", 200),
        ("/api/v1/events?camera=gate", 200),
        ("/api/v1/events?camera=gate&camera=yard", 404),
        ("/api/v1/events?c%61mera=y%61rd", 404),
        ("/api/v1/events?view=yard:main", 404),
        ("/api/v1/cameras/gate/snapshot.jpg?camera=yard", 404),
        // Not in the table: for admins only.
        ("/api/v1/forgotten", 403),
    ] {
        let request = Request::get(path)
            .header("authorization", format!("Bearer {}", token.reveal()))
            .body(Body::empty())
            .unwrap();
        let answer = service.call(request).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
    let told = heard.rest();
    assert!(told.iter().any(|told| told.what.contains(&("reason", "camera".into()))), "{told:?}");
}

#[tokio::test]
async fn a_visitor_hears_what_is_of_his_cameras() {
    let visitor = |role, cameras: &[&str]| {
        let cameras = cameras.iter().map(|name| (*name).to_owned()).collect();
        Visitor::new("x", Right::new(role, cameras).unwrap(), Default::default())
    };
    let (ben, all, anna) =
        (visitor(Role::Viewer, &["gate"]), visitor(Role::Operator, &[]), visitor(Role::Admin, &[]));
    for (camera, kind, expected) in [
        ("gate", "motion", [true, true, true]),
        ("yard", "motion", [false, true, true]),
        ("", "store.full", [false, true, true]),
        ("gate", "audit.trigger", [false, false, true]),
        ("", "audit.login", [false, false, true]),
    ] {
        let hears = [&ben, &all, &anna].map(|visitor| visitor.hears(camera, kind));
        assert_eq!(hears, expected, "{camera} {kind}");
    }
    assert_eq!(ben.only().unwrap().len(), 1);
    assert!(all.only().is_none());
}

#[tokio::test]
async fn an_export_is_asked_for_by_who_may_and_is_told() {
    let mut house = House::new().await;
    let [cleo, ben] = [house.cookie("cleo").await, house.cookie("ben").await];
    let body = r#"{"camera":"gate","from":"2026-11-20T18:00:00Z","to":"2026-11-20T19:00:00Z"}"#;
    assert_eq!(house.ask("POST /api/v1/exports", &ben, body).await.0, 403);
    for (wrong, says) in [
        ("{}", "missing field"),
        (&*body.replace("T19", "T18"), "not before"),
        (&*body.replace("gate", "../gate"), "camera"),
        (&*body.replace("}", r#","out":"/etc/passwd"}"#), "unknown field"),
        (&*body.replace("}", r#","gaps":"fill"}"#), "unknown variant"),
    ] {
        let (status, answer) = house.ask("POST /api/v1/exports", &cleo, wrong).await;
        assert!(status == 400 && answer.contains(says), "{wrong}: {answer}");
    }
    let (status, answer) = house.ask("POST /api/v1/exports", &cleo, body).await;
    assert_eq!(status, 202, "{answer}");
    let told = house.told();
    let export = |(kind, what): &(&str, String)| {
        *kind == "audit.export" && what.contains("who=cleo") && what.contains("from=2026-11-20T18")
    };
    assert!(told.iter().any(export), "{told:?}");
}
