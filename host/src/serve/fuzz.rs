//! Target: a request, from its method to its body.

use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::http::Request;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::runtime::{Builder, Runtime};

use super::routes;
use super::*;
use crate::base::Timestamp;
use crate::store::{Deletion, Extent, Named, Pin};

/// A host that takes everything, and looks at what it is asked.
struct Willing;

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

    fn health(&self) -> Health {
        Health::default()
    }
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_current_thread().enable_time().build().expect("a runtime without a thread")
});

/// `METHOD path?query`, a line of a header, and a body. Is answered; and where it is refused for what
/// it says, with a reason.
pub(crate) fn request(data: &[u8]) {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (first, header, body) = (line(), line(), line());
    let text = String::from_utf8_lossy(first);
    let (method, uri) = text.split_once(' ').unwrap_or(("GET", &text));
    let mut request = Request::builder().method(method).uri(uri).header("host", "x");
    if let Some((name, value)) = String::from_utf8_lossy(header).split_once(':') {
        request = request.header(name, value);
    }
    let Ok(request) = request.body(Body::from(body.to_vec())) else { return };
    let router = routes::router(Arc::new(Willing), None, Metrics::default());
    let service = TowerToHyperService::new(router);
    let answer = RUNTIME.block_on(service.call(request)).unwrap_or_else(|never| match never {});
    assert_ne!(answer.status().as_u16(), 500);
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
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
