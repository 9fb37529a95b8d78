//! Targets: a request, from its method to its body; and who asks, by cookies, tokens and queries.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::Request;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::Instant;

use super::access::{Gate, Inner, Visitor};
use super::extract::At;
use super::routes;
use super::*;
use crate::base::Timestamp;
use crate::base::clock::System;
use crate::base::tasks::Tasks;
use crate::config::Secret;
use crate::people::{Hashed, Program, Right, Role, Token, User};
use crate::store::fs::Disk;
use crate::store::plan::Limits;
use crate::store::{Deletion, Extent, Named, Pin};
use crate::view::live::Live;
use crate::view::pictures::Pictures;

/// A host that takes everything, and looks at what it is asked.
pub(super) struct Willing;

fn look(what: &Named) {
    if let Named::Range { start, end, .. } = what {
        assert!(start < end && *end <= Timestamp::MAX);
    }
}

impl Host for Willing {
    async fn hook(&self, _: &str, request: HookRequest) -> HookAnswer {
        let is_private = |(name, _): &(String, String)| name == "authorization" || name == "cookie";
        assert!(!request.headers.iter().any(is_private));
        HookAnswer::Taken(Vec::new())
    }

    async fn trigger(&self, camera: &str, request: TriggerRequest) -> TriggerAnswer {
        assert!(request.label.is_none_or(|label| label.chars().count() <= 256));
        TriggerAnswer::Refused(camera.into())
    }

    async fn pin(&self, what: Named, _: Option<String>) -> Wished<Pin> {
        look(&what);
        Wished::Failed("on purpose".into())
    }

    async fn unpin(&self, what: Named) -> Wished<Vec<Pin>> {
        look(&what);
        Wished::Done(Vec::new())
    }

    async fn delete(&self, what: Named, _: Extent) -> Wished<Deletion> {
        look(&what);
        Wished::Done(Deletion::default())
    }

    async fn confirm_time(&self) -> Wished<Confirmed> {
        Wished::Done(Confirmed { guarded: None })
    }

    async fn reload(&self) -> ReloadAnswer {
        ReloadAnswer::Refused(Vec::new())
    }

    async fn reload_plugin(&self, plugin: &str) -> Wished<ReloadedPlugin> {
        Wished::Unknown(plugin.into())
    }

    fn plugins(&self) -> Vec<PluginStatus> {
        Vec::new()
    }

    fn config(&self) -> Arc<crate::config::Config> {
        sample()
    }

    fn limits(&self) -> Limits {
        no_limits()
    }

    fn newest_event(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }

    fn health(&self) -> Health {
        Health::default()
    }
}

/// A configuration.
pub(super) fn sample() -> Arc<crate::config::Config> {
    let text = "[store]\npath = \"rec\"\n[cameras.gate]\nurl = \"rtsp://gate/\"\ntimezone = \"Europe/Berlin\"\n";
    Arc::new(crate::config::fuzz::parsed(text))
}

pub(super) fn no_limits() -> Limits {
    Limits { places: Vec::new(), cameras: BTreeMap::new(), event_keep: Duration::ZERO }
}

/// A view of no store.
pub(super) fn nowhere() -> Arc<View> {
    View::new(Path::new("there-is-no-store"), Arc::new(Disk), Arc::new(System))
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_current_thread().enable_time().build().expect("a runtime without a thread")
});

/// Cameras and pictures of no store.
pub(super) fn nothing() -> Looks {
    let live = Live::new(&Metrics::default(), &Tasks::new());
    let (root, fs, clock) = (Path::new("there-is-no-store"), Arc::new(Disk), Arc::new(System));
    let pictures = Pictures::start(root, fs, clock, live.clone(), 0).expect("a thread");
    Looks { live, pictures }
}

static ROUTER: LazyLock<axum::Router> = LazyLock::new(|| {
    let (host, metrics) = (Arc::new(Willing), Metrics::default());
    let (gate, exports) = (Gate::of_tests(), Exports::of_tests());
    let (view, looks, changes) = (nowhere(), nothing(), Tasks::new());
    routes::router(routes::Desk { host, view, looks, gate, exports, metrics, changes })
});

/// `METHOD path?query`, a line of a header, and a body. Is answered; and where it is refused for what
/// it says, with a reason.
pub(crate) fn request(data: &[u8]) {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (first, header, body) = (line(), line(), line());
    let text = String::from_utf8_lossy(first);
    let (method, uri) = text.split_once(' ').unwrap_or(("GET", &text));
    let mut request = Request::builder().method(method).uri(uri).header("host", "localhost");
    if let Some((name, value)) = String::from_utf8_lossy(header).split_once(':') {
        request = request.header(name, value);
    }
    let Ok(request) = request.body(Body::from(body.to_vec())) else { return };
    let service = TowerToHyperService::new(ROUTER.clone());
    let answer = RUNTIME.block_on(service.call(request)).unwrap_or_else(|never| match never {});
    assert_ne!(answer.status().as_u16(), 500);
}

/// A gate with one viewer of the camera `gate` who has logged in, and a program that is the same;
/// and what both show.
struct Guarded {
    router: axum::Router,
    visit: String,
    token: String,
}

static GUARDED: LazyLock<Guarded> = LazyLock::new(|| {
    let right = || Right::new(Role::Viewer, vec!["gate".into()]).expect("it can be");
    let random = || Token::new().expect("random bytes");
    let (token, since) = (random(), Timestamp::ZERO);
    let Right { role, cameras } = right();
    let password = Hashed::new(&Secret::new(random().reveal())).expect("a hash");
    let ben = User { name: "ben".into(), role, cameras, password, since };
    let Right { role, cameras } = right();
    let program = Program { name: "wall".into(), role, cameras, digest: token.digest(), since };
    let mut roll = Roll::default();
    roll.add_user(ben.clone()).and_then(|()| roll.add_program(program)).expect("there is room");
    let (_, known) = tokio::sync::watch::channel(Arc::new(roll));
    let gate = Gate::new(Inner {
        token: None,
        known,
        visits: visits::Visits::default(),
        recall: None,
        attempts: attempts::Attempts::default(),
        trail: audit::trail().0,
        is_loopback: true,
        is_tls: false,
    });
    let visit = gate.visits.begin(&ben, Instant::now()).expect("random bytes");
    let router = axum::Router::new()
        .route("/api/v1/cameras/{camera}/timeline", get(seen))
        .route("/api/v1/segments/{camera}/{file}", get(seen))
        .route("/api/v1/events", get(seen))
        .route_layer(from_fn_with_state(gate.clone(), access::authorize))
        .layer(from_fn_with_state(gate, access::identify));
    let text = |token: Token| token.reveal().to_owned();
    Guarded { router, visit: text(visit), token: text(token) }
});

/// What comes so far is of the viewer, and names his camera only, as handlers read it.
async fn seen(
    visitor: Visitor,
    At(path): At<Vec<(String, String)>>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) {
    assert!(["ben", "token wall"].contains(&&*visitor.name) && visitor.role == Role::Viewer);
    let query = query.map_or(Vec::new(), |Query(pairs)| pairs);
    for (name, camera) in path.iter().chain(&query) {
        assert!(name != "camera" || camera == "gate", "{camera}");
    }
}

/// Lines: path and query, then headers. `VISIT` and `TOKEN` stand for what opens.
pub(crate) fn visitor(data: &[u8]) {
    let Guarded { router, visit, token } = &*GUARDED;
    let text = String::from_utf8_lossy(data).replace("VISIT", visit).replace("TOKEN", token);
    let mut lines = text.lines();
    let mut request = Request::builder().uri(lines.next().unwrap_or_default());
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        request = request.header(name, value.trim());
    }
    let Ok(request) = request.body(Body::empty()) else { return };
    let shows = |opens: &str| {
        request.headers().values().any(|value| {
            value.as_bytes().windows(opens.len()).any(|window| window == opens.as_bytes())
        })
    };
    let may = shows(visit) || shows(token);
    let service = TowerToHyperService::new(router.clone());
    let answer = RUNTIME.block_on(service.call(request)).unwrap_or_else(|never| match never {});
    let status = answer.status().as_u16();
    assert!(may || status != 200, "let in without anything that opens");
    assert_ne!(status, 500);
}

pub(crate) fn visitor_seeds() -> Vec<Vec<u8>> {
    [
        "/api/v1/events?camera=gate&kind=motion\ncookie: wardline=VISIT",
        "/api/v1/events?camera=yard\ncookie: a=b; wardline=VISIT; c",
        "/api/v1/events?c%61mera=y%61rd&camera=gate\nauthorization: Bearer TOKEN",
        "/api/v1/cameras/gate/timeline?from=a+b\nauthorization: Bearer TOKEN\norigin: http://x\nhost: x",
        "/api/v1/cameras/g%61te%2f..%2fyard/timeline\ncookie: wardline=VISIT",
        "/api/v1/segments/gate/1.mp4?view=yard:main\ncookie: wardline=VISIT\nsec-fetch-site: none",
        "/api/v1/events\nauthorization: Bearer VISIT\ncookie: wardline=TOKEN",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    [
        "POST /hooks/door?a=1&b=%20x\ncontent-type: text/plain\nhello",
        "POST /api/v1/cameras/gate/trigger\n\n{\"before\": \"5s\", \"for\": \"10s\", \"label\": \"x\"}",
        "POST /api/v1/pins\n\n{\"camera\": \"gate\", \"start\": \"2025-11-22T08:00:00Z\", \"end\": \"2025-11-22T09:00:00Z\"}",
        "DELETE /api/v1/pins?id=3fa85f64\n\n",
        "DELETE /api/v1/recordings?camera=gate&start=2025-11-22T08:00:00Z&end=2025-11-22T09:00:00Z&look=true\n\n",
        "POST /api/v1/time/confirm\norigin: http://evil.example\n",
        "GET /healthz\nauthorization: Bearer x\n",
        "GET /metrics\n\n",
        "GET /api/v1/openapi.json\n\n",
        "GET /api/v1/cameras/gate/timeline?from=2025-11-22T08:00:00Z&to=2025-11-23T08:00:00Z&resolution=10s\n\n",
        "GET /api/v1/cameras/gate/availability?precision=day&zone=Europe/Berlin\n\n",
        "GET /api/v1/cameras/gate/playback.m3u8?from=2025-11-22T08:00:00Z&to=2025-11-23T08:00:00Z&keys=true&step=5s\n\n",
        "GET /api/v1/cameras/gate/hls/17/1200-48213.m4s\n\n",
        "GET /api/v1/cameras/gate/hls/17/1200-48213-180000.m4s\n\n",
        "GET /api/v1/events?camera=gate&kind=door.*&origin=door&area=0.1,0.2,0.3,0.4&confidence=0.5&order=asc&limit=5&cursor=1763800000000000-7\n\n",
        "GET /api/v1/events/stream?camera=gate\nlast-event-id: 5\n",
        "GET /api/v1/recordings?camera=gate&limit=10&cursor=gate,1763800000000000,0\n\n",
        "GET /api/v1/segments?camera=gate&cursor=gate,0,17\n\n",
        "GET /api/v1/segments/gate/17.mp4\nrange: bytes=0-99\n",
        "GET /api/v1/plan\n\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
