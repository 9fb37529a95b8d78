//! What HTTP can ask of the running host.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::residents::View;
use super::swaps::Swaps;
use super::{camera_events, reload, status, storage};
use crate::base::clock::Clock;
use crate::base::{Error, Kind, Result, limits};
use crate::config::{Config, Mode};
use crate::events::source::{Delivery, Reply};
use crate::events::{Attribute, Bus, Event, Publish, Value};
use crate::policy::Span;
use crate::seat::By;
use crate::serve::{
    Confirmed, Health, HookAnswer, HookRequest, Host, PluginStatus, ReloadAnswer, ReloadedPlugin,
    TriggerAnswer, TriggerRequest, Triggered, Wished,
};
use crate::store::plan::Limits;
use crate::store::{self, Deletion, Extent, Named, Pin, Store};

/// What `trigger` records where it is not told: from so long before.
const TRIGGER_BEFORE: Duration = Duration::from_secs(10);

/// What `trigger` records where it is not told: so long from now on.
const TRIGGER_LENGTH: Duration = Duration::from_secs(60);

/// How long a hook waits for its source's answer: a call's deadline and a queue before it.
const HOOK_ANSWER: Duration = Duration::from_secs(10);

/// A camera that can be asked to record.
#[derive(Clone)]
pub(super) struct Camera {
    pub(super) mode: Mode,
    pub(super) preroll: Duration,
    pub(super) spans: mpsc::Sender<Span>,
}

impl Camera {
    /// Records what a person asks for. Who judges is told of it afterwards, if there is room in
    /// time: the recording depends on none of them.
    ///
    /// # Errors
    /// When the index does not take the span, or the camera is ending.
    pub(super) async fn record(
        &self,
        span: Span,
        event: Event,
        store: &Store,
        bus: &Bus,
    ) -> Result<()> {
        let camera = span.camera.clone();
        store.span(span.clone()).await?;
        let ending = |_| Error::retry(format!("camera {camera} is ending"));
        self.spans.send(span).await.map_err(ending)?;
        let by = Publish { origin: "api", camera: &camera };
        if let Err(error) = bus.publish_among(by, event, limits::HOOK_WAIT).await {
            tracing::warn!(camera, error = error.chain(), "not all policies heard of a recording");
        }
        Ok(())
    }
}

/// The door.
pub(super) struct Door {
    pub(super) residents: View,
    /// What is in force.
    pub(super) config: watch::Receiver<Arc<Config>>,
    /// To who reads the configuration anew; `None`: this host has no file to read.
    pub(super) reload: Option<reload::Asker>,
    pub(super) swaps: Arc<Swaps>,
    pub(super) bus: Bus,
    pub(super) store: Arc<Store>,
    pub(super) store_health: watch::Receiver<store::Health>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Host for Door {
    async fn hook(&self, source: &str, request: HookRequest) -> HookAnswer {
        let here = self.residents.borrow().clone();
        let Some(queue) = here.sources.get(source) else {
            return HookAnswer::Unknown(here.sources.keys().cloned().collect());
        };
        let Ok(permit) = tokio::time::timeout(limits::HOOK_WAIT, queue.reserve()).await else {
            return HookAnswer::Full;
        };
        let Ok(permit) = permit else {
            return HookAnswer::Failed(format!("source {source} has ended"));
        };
        let (answer, reply) = oneshot::channel();
        let delivery = Delivery {
            content_type: request.content_type,
            attributes: attributes(request.headers, request.query),
            body: request.body,
            answer: Some(answer),
        };
        if let Some(candidate) = here.tried_sources.get(source) {
            // Nobody waits for what it makes of it; what it has no room for it misses.
            let _full = candidate.try_send(delivery.copy());
        }
        permit.send(delivery);
        match tokio::time::timeout(HOOK_ANSWER, reply).await {
            Ok(Ok(Reply::Stored(notices))) => {
                HookAnswer::Taken(notices.into_iter().map(|notice| notice.event.id).collect())
            }
            Ok(Ok(Reply::Rejected(reason))) => HookAnswer::Rejected(reason),
            Ok(Ok(Reply::Unavailable(reason))) => HookAnswer::Failed(reason),
            Ok(Err(_)) => HookAnswer::Failed(format!("source {source} was rebuilt: try again")),
            Err(_) => HookAnswer::Failed(format!("source {source} did not answer: try again")),
        }
    }

    async fn trigger(&self, name: &str, request: TriggerRequest) -> TriggerAnswer {
        let here = self.residents.borrow().clone();
        let Some(camera) = here.cameras.get(name) else {
            return TriggerAnswer::Unknown(here.cameras.keys().cloned().collect());
        };
        if camera.mode == Mode::Off {
            return TriggerAnswer::Refused(format!(
                "camera {name} has mode `off`: set `mode = \"events\"` to record on demand"
            ));
        }
        let now = self.clock.wall();
        let before = request.before.unwrap_or(TRIGGER_BEFORE);
        if camera.mode == Mode::Events && before > camera.preroll {
            return TriggerAnswer::Refused(format!(
                "camera {name} keeps {} s of pre-roll: ask for less before now",
                camera.preroll.as_secs()
            ));
        }
        let (start, end) = (now - before, now + request.length.unwrap_or(TRIGGER_LENGTH));
        let id = format!("{name}/api/record.now/{}", now.micros());
        let label = request.label.unwrap_or_else(|| "record now".into());
        let text = Attribute { key: "label".into(), value: Value::Text(label.clone()) };
        let event = camera_events::instant(id.clone(), "record.now", now, vec![text]);
        let span = Span {
            id: format!("{name}/host/{}", now.micros()),
            camera: name.into(),
            policy: "host".into(),
            start,
            end,
            keep: None,
            label,
            because: vec![id.clone()],
            correlation: None,
        };
        if let Err(error) = camera.record(span, event, &self.store, &self.bus).await {
            return TriggerAnswer::Failed(error.chain());
        }
        TriggerAnswer::Taken(Triggered { event: id, start, end })
    }

    async fn pin(&self, what: Named, label: Option<String>) -> Wished<Pin> {
        let shown = what.to_string();
        wished(&shown, self.store.pin(what, label).await)
    }

    async fn unpin(&self, what: Named) -> Wished<Vec<Pin>> {
        let shown = format!("pin {what}");
        let gone = self.store.unpin(what).await;
        wished(&shown, gone.map(|gone| (!gone.is_empty()).then_some(gone)))
    }

    async fn delete(&self, what: Named, extent: Extent) -> Wished<Deletion> {
        let shown = what.to_string();
        wished(&shown, self.store.delete(what, extent).await)
    }

    async fn confirm_time(&self) -> Wished<Confirmed> {
        let guarded = self.store.confirm_time().await;
        wished("", guarded.map(|guarded| Some(Confirmed { guarded })))
    }

    async fn reload(&self) -> ReloadAnswer {
        match &self.reload {
            Some(reload) => reload.ask().await,
            None => {
                ReloadAnswer::Refused(vec!["this host runs without a configuration file".into()])
            }
        }
    }

    fn plugins(&self) -> Vec<PluginStatus> {
        let here = self.residents.borrow().clone();
        here.loaded.status(&here.plugin_status, &here.tried_status)
    }

    fn config(&self) -> Arc<Config> {
        self.config.borrow().clone()
    }

    fn limits(&self) -> Limits {
        storage::limits(&self.config.borrow())
    }

    fn newest_event(&self) -> watch::Receiver<u64> {
        self.bus.newest()
    }

    async fn reload_plugin(&self, plugin: &str) -> Wished<ReloadedPlugin> {
        self.swaps.reload(plugin, By::Person).await
    }

    fn health(&self) -> Health {
        let here = self.residents.borrow().clone();
        Health {
            cameras: here.camera_status.iter().map(status::Camera::health).collect(),
            plugins: here.plugin_status.iter().map(status::Plugin::health).collect(),
            store: storage::health(&self.store, &self.store_health.borrow()),
        }
    }
}

fn wished<T>(what: &str, result: Result<Option<T>>) -> Wished<T> {
    match result {
        Ok(Some(done)) => Wished::Done(done),
        Ok(None) => Wished::Unknown(format!("there is no {what}")),
        Err(error) if error.kind() == Kind::Refuse => Wished::Refused(error.chain()),
        Err(error) => Wished::Failed(error.chain()),
    }
}

fn attributes(headers: Vec<(String, String)>, query: Vec<(String, String)>) -> Vec<Attribute> {
    let prefixed = |prefix: &'static str| {
        move |(name, text): (String, String)| Attribute {
            key: format!("{prefix}.{name}"),
            value: Value::Text(text),
        }
    };
    headers
        .into_iter()
        .map(prefixed("header"))
        .chain(query.into_iter().map(prefixed("query")))
        .collect()
}
