//! What a candidate's stage writes to: its events and spans are stored as its own, heard by nobody,
//! obeyed by nobody.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use serde_json::json;

use super::SPAN;
use crate::base::clock::Clock;
use crate::base::{Result, Timestamp};
use crate::events::{Attribute, Event, Phase, Value};
use crate::policy::Span;
use crate::store::{Answer, Judge, Mark, NewEvent, Outcome, Page, Records, Store};

/// Between a candidate and the store.
pub struct Shadowed {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
}

impl Shadowed {
    /// Of this store.
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }
}

impl Records for Shadowed {
    fn enter(&self, event: NewEvent) -> BoxFuture<'static, Result<u64>> {
        let outcome = match event.outcome {
            Outcome::Accepted => Outcome::Noted,
            other => other,
        };
        Box::pin(self.store.enter(NewEvent { outcome, ..event }))
    }

    fn tell(
        &self,
        event: Option<NewEvent>,
        _mark: Option<Mark>,
    ) -> BoxFuture<'_, Result<Option<u64>>> {
        match event {
            Some(event) => Box::pin(Records::enter(self, event).map(|stored| stored.map(Some))),
            None => Box::pin(ready(Ok(None))),
        }
    }

    fn span(&self, span: Span) -> BoxFuture<'_, Result<()>> {
        let row = told(&span, self.clock.wall());
        Box::pin(self.store.event(row).map(|stored| stored.map(drop)))
    }

    fn earliest<'a>(&'a self, camera: &'a str) -> BoxFuture<'a, Result<Option<Timestamp>>> {
        Box::pin(self.store.earliest(camera))
    }

    fn judge_answers(&self, _judge: Judge, _does: bool) -> BoxFuture<'_, Result<()>> {
        Box::pin(ready(Ok(())))
    }

    fn replace_judge(&self, judge: Judge, _digest: String) -> BoxFuture<'_, Result<Judge>> {
        Box::pin(ready(Ok(judge)))
    }

    /// A candidate is not asked about continuous video: a replay asks it at leisure.
    fn unjudged(&self, _judge: Judge, _after: Option<u64>) -> BoxFuture<'_, Result<Page>> {
        Box::pin(ready(Ok(Page::default())))
    }

    fn answer(&self, _judge: Judge, _said: Vec<Answer>) -> BoxFuture<'_, Result<()>> {
        Box::pin(ready(Ok(())))
    }
}

/// A span of a candidate as an event.
fn told(span: &Span, now: Timestamp) -> NewEvent {
    let whole = |time: Timestamp| Value::Integer(time.micros());
    let attribute = |key: &str, value: Value| Attribute { key: key.into(), value };
    let mut attributes = vec![
        attribute("asked-start", whole(span.start)),
        attribute("asked-end", whole(span.end)),
        attribute("because", Value::Json(json!(span.because).to_string())),
        attribute("label", Value::Text(span.label.clone())),
    ];
    if let Some(keep) = span.keep {
        attributes.push(attribute("keep-seconds", Value::Number(keep.as_secs_f64())));
    }
    let event = Event {
        id: span.id.clone(),
        kind: SPAN.into(),
        phase: Phase::Instant,
        time: span.start,
        confidence: 1.0,
        regions: Vec::new(),
        cameras: vec![span.camera.clone()],
        correlation: span.correlation.clone(),
        attributes,
    };
    NewEvent {
        event,
        camera: span.camera.clone(),
        origin: span.policy.clone(),
        received: now,
        outcome: Outcome::Noted,
    }
}
