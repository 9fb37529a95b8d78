//! An instance of an event source: messages and time in, events out. Blocking: runs on a lane.

use std::sync::Arc;
use std::time::Duration;

use super::bindings::exports::wardline::plugin::{event_source, messages};
use super::component::{Exports, Plugin};
use super::fault::{Cause, Fault};
use super::grants::Grants;
use super::instance::{Call, CallStats, INIT, Instance, InstanceConfig, Setup};
use super::{check, convert, imports, limits};
use crate::base::Timestamp;
use crate::events::{Attribute, Event, Notice};
use crate::fetch::Answer;

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

/// Why a topic can't be subscribed, if so. `own` is the one that can.
fn refused(topic: &str, own: &str, grants: &Grants) -> Option<String> {
    let kind = topic.split(':').next().unwrap_or_default();
    if topic == own {
        let missing = "it subscribes its hook, and its plugin.toml does not ask for it: add a \
                       [[capability]] with name = \"topic:hook\" and a reason";
        return (!grants.hook).then(|| missing.into());
    }
    Some(match kind {
        "hook" => format!("it subscribes `{topic}`, and only `{own}` is its own"),
        "mqtt" | "onvif" => format!("it subscribes `{topic}`, and this host serves no {kind} yet"),
        _ => format!("it subscribes `{topic}`, and this host serves hooks only: `{own}`"),
    })
}

impl InstanceConfig {
    /// The topic of what is posted to its own path.
    pub fn hook(&self) -> String {
        format!("hook:{}", self.name)
    }
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

impl Message {
    /// The answer to what an instance asked through `http`.
    pub fn answer(answer: Answer, received: Timestamp) -> Self {
        imports::http::message(answer, received)
    }
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
        let own = instance.config().hook();
        if let Some(why) =
            spec.topics.iter().find_map(|topic| refused(topic, &own, plugin.grants()))
        {
            return Err(instance.fault(INIT, Cause::Unsupported(why)));
        }
        Ok((Self { instance, exports, messages }, spec))
    }

    /// Makes events of a message. [`Cause::Rejected`] is for its sender (400), and
    /// [`Cause::Transient`] too (503).
    pub fn on_message(&mut self, message: &Message) -> Result<Vec<Event>, Fault> {
        let head = convert::message(message);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_hook_can_be_subscribed() {
        let granted = Grants { hook: true, ..Grants::default() };
        assert_eq!(refused("hook:door", "hook:door", &granted), None);
        for (topic, grants, said) in [
            ("hook:door", &Grants::default(), "name = \"topic:hook\""),
            ("hook:gate", &granted, "only `hook:door` is its own"),
            ("hook:#", &granted, "only `hook:door` is its own"),
            ("mqtt:zigbee2mqtt/door", &granted, "serves no mqtt yet"),
            ("onvif:gate/motion", &granted, "serves no onvif yet"),
            ("doors", &granted, "serves hooks only"),
        ] {
            let why = refused(topic, "hook:door", grants).unwrap();
            assert!(why.contains(topic) && why.contains(said) || topic == "hook:door", "{why}");
        }
    }
}
