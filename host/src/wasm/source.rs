//! An instance of an event source: messages and time in, events out. Blocking: runs on a lane.

use std::sync::Arc;
use std::time::Duration;

use super::bindings::exports::wardline::plugin::{event_source, messages};
use super::component::{Exports, Plugin};
use super::fault::{Cause, Fault};
use super::instance::{Call, CallStats, INIT, Instance, InstanceConfig, Setup};
use super::{check, convert, limits};
use crate::base::Timestamp;
use crate::events::{Attribute, Event, Notice};

const ON_MESSAGE: Call = Call { name: "on-message", limit: limits::DECIDE };
const ON_EVENTS: Call = Call { name: "on-events", limit: limits::DECIDE };
const ON_TICK: Call = Call { name: "on-tick", limit: limits::DECIDE };

/// What a source wants to be called with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSpec {
    /// Topics that it subscribes; each needs its grant.
    pub topics: Vec<String>,
    /// Time between calls of [`Source::on_tick`], at least 100 ms; none: never.
    pub tick: Option<Duration>,
}

/// What came from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// For example `hook:<source>`.
    pub topic: String,
    /// As the sender declared it; empty where it did not.
    pub content_type: String,
    /// When the host had it whole.
    pub received: Timestamp,
    /// Headers and query, as far as they are let through.
    pub attributes: Vec<Attribute>,
    /// The body.
    pub body: Vec<u8>,
}

/// What a source is called with.
#[derive(Clone, Debug)]
pub enum Input {
    /// A message.
    Message(Arc<Message>),
    /// Time has passed.
    Tick(Timestamp),
    /// Events of others, and the time of the call.
    Events(Arc<[Notice]>, Timestamp),
}

/// One instance, for one configured source.
pub struct Source {
    pub(super) instance: Instance,
    exports: event_source::Guest,
    messages: messages::Guest,
}

impl Source {
    /// Makes an instance and initialises it.
    pub fn new(
        plugin: &Plugin,
        config: InstanceConfig,
        setup: &Setup,
        now: Timestamp,
    ) -> Result<(Self, SourceSpec), Fault> {
        let setup = convert::setup(&config, setup);
        let mut instance = Instance::new(plugin, config);
        let Exports::Source(source, message) = plugin.exports() else {
            return Err(instance.fault(INIT, Cause::Unsupported("it is no event source".into())));
        };
        let (exports, messages, spec) = instance.call(INIT, now, |store| {
            let made = plugin.pre().instantiate(&mut *store)?;
            store.data_mut().optional = plugin.optional().load(&mut *store, &made)?;
            let exports = source.load(&mut *store, &made)?;
            let messages = message.load(&mut *store, &made)?;
            let answer = exports.call_init(&mut *store, &setup)?;
            Ok(answer.map(|spec| (exports, messages, spec)))
        })?;
        let spec = instance.checked(INIT, check::source_spec(spec).map(|spec| (spec, 0)))?;
        Ok((Self { instance, exports, messages }, spec))
    }

    /// Makes events of a message. [`Cause::Rejected`] is for its sender (400), and
    /// [`Cause::Transient`] too (503).
    pub fn on_message(&mut self, message: &Message) -> Result<Vec<Event>, Fault> {
        let head = messages::Message {
            topic: message.topic.clone(),
            content_type: message.content_type.clone(),
            received: message.received.micros(),
            attributes: convert::attributes(&message.attributes),
        };
        let messages = &self.messages;
        let said = self.instance.call(ON_MESSAGE, message.received, |store| {
            messages.call_on_message(store, &head, &message.body)
        })?;
        self.instance.checked(ON_MESSAGE, check::events(said))
    }

    /// Makes events of the passing of time.
    pub fn on_tick(&mut self, now: Timestamp) -> Result<Vec<Event>, Fault> {
        let exports = &self.exports;
        let said =
            self.instance.call(ON_TICK, now, |store| exports.call_on_tick(store, now.micros()))?;
        self.instance.checked(ON_TICK, check::events(said))
    }

    /// Tells it events of others, at most [`limits::NOTICES`], in order of receipt. Only of a plugin
    /// that [`Plugin::listens`].
    pub fn on_events(&mut self, notices: &[Notice], now: Timestamp) -> Result<Vec<Event>, Fault> {
        self.instance.on_events(ON_EVENTS, notices, now)
    }

    /// What the last call took.
    pub fn last_call(&self) -> CallStats {
        self.instance.stats()
    }

    /// What it was made with.
    pub fn config(&self) -> &InstanceConfig {
        self.instance.config()
    }
}
