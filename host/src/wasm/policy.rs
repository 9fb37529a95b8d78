//! An instance of a recording policy: events in, spans out. Blocking: runs on a lane.

use std::sync::Arc;
use std::time::Duration;

use super::bindings::exports::wardline::plugin::recording_policy as contract;
use super::component::{Exports, Plugin};
use super::fault::{Cause, Fault};
use super::instance::{Call, CallStats, INIT, Instance, InstanceConfig, Setup};
use super::{check, convert, limits};
use crate::base::Timestamp;
use crate::events::{Attribute, Event, Notice};

const ON_EVENT: Call = Call { name: "on-event", limit: limits::DECIDE };
const ON_WAKE: Call = Call { name: "on-wake", limit: limits::DECIDE };
const KEEP_CONTINUOUS: Call = Call { name: "keep-continuous", limit: limits::DECIDE };

/// A span that a policy asks for, as far as it can be checked without its history.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanAsk {
    /// Chosen by the policy; the host scopes it to camera, policy and run.
    pub id: String,
    /// Inclusive.
    pub start: Timestamp,
    /// Exclusive, not before `start`, at most 7 days after it.
    pub end: Timestamp,
    /// From the end. `None`: as configured. Zero: no hold.
    pub keep: Option<Duration>,
    /// For people.
    pub label: String,
    /// Qualified ids of the events that led to it.
    pub because: Vec<String>,
    /// Anything else.
    pub attributes: Vec<Attribute>,
}

/// What a policy says to an event or a wake.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// New spans, and those that replace one.
    pub spans: Vec<SpanAsk>,
    /// Replaces the wake asked for before; none cancels it. May be past.
    pub wake: Option<Timestamp>,
    /// For others to hear.
    pub events: Vec<Event>,
}

/// What a policy is called with.
#[derive(Clone, Debug)]
pub enum Input {
    /// An event, and the time of the call.
    Event(Arc<Notice>, Timestamp),
    /// It is woken, at this time.
    Wake(Timestamp),
    /// How long to hold this segment, and the time of the call.
    Segment(Arc<ClosedSegment>, Timestamp),
}

/// What a policy says to an [`Input`].
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// To an event or a wake.
    Answer(Answer),
    /// To a segment: for how long, from its end. `None`: as configured.
    Keep(Option<Duration>),
}

/// A finished file of continuous recording.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedSegment {
    /// Inclusive.
    pub start: Timestamp,
    /// Exclusive.
    pub end: Timestamp,
    /// Size of the file.
    pub bytes: u64,
    /// Video is missing before or inside it.
    pub gap: bool,
    /// Events of this camera that touch it, by kind.
    pub events: Vec<Tally>,
    /// Anything else.
    pub attributes: Vec<Attribute>,
}

/// How many events of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The kind.
    pub kind: String,
    /// How many.
    pub count: u32,
}

/// One instance, for one camera.
pub struct Policy {
    pub(super) instance: Instance,
    exports: contract::Guest,
}

impl Policy {
    /// Makes an instance and initialises it. Its first wake, at `now`, is the caller's to make.
    pub fn new(
        plugin: &Plugin,
        config: InstanceConfig,
        setup: &Setup,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let setup = convert::setup(&config, setup);
        let mut instance = Instance::new(plugin, config);
        let Exports::Policy(indices) = plugin.exports() else {
            return Err(instance.fault(INIT, Cause::Unsupported("it is no policy".into())));
        };
        let exports = instance.call(INIT, now, |store| {
            let made = plugin.pre().instantiate(&mut *store)?;
            store.data_mut().optional = plugin.optional().load(&mut *store, &made)?;
            let exports = indices.load(&mut *store, &made)?;
            Ok(exports.call_init(&mut *store, &setup)?.map(|()| exports))
        })?;
        Ok(Self { instance, exports })
    }

    /// Tells it an event.
    pub fn on_event(&mut self, notice: &Notice, now: Timestamp) -> Result<Answer, Fault> {
        let notice = convert::notice(notice);
        let exports = &self.exports;
        let said = self
            .instance
            .call(ON_EVENT, now, |store| exports.call_on_event(store, &notice, now.micros()))?;
        self.instance.checked(ON_EVENT, check::policy_answer(said, now))
    }

    /// Wakes it.
    pub fn on_wake(&mut self, now: Timestamp) -> Result<Answer, Fault> {
        let exports = &self.exports;
        let said =
            self.instance.call(ON_WAKE, now, |store| exports.call_on_wake(store, now.micros()))?;
        self.instance.checked(ON_WAKE, check::policy_answer(said, now))
    }

    /// Asks how long to hold a segment, from its end. `None`: as configured. Zero: no hold.
    pub fn keep_continuous(
        &mut self,
        segment: &ClosedSegment,
        now: Timestamp,
    ) -> Result<Option<Duration>, Fault> {
        let tally =
            |tally: &Tally| contract::Tally { kind: tally.kind.clone(), count: tally.count };
        let segment = contract::ClosedSegment {
            start: segment.start.micros(),
            end: segment.end.micros(),
            bytes: segment.bytes,
            gap: segment.gap,
            events: segment.events.iter().map(tally).collect(),
            attributes: convert::attributes(&segment.attributes),
        };
        let exports = &self.exports;
        let said = self.instance.call(KEEP_CONTINUOUS, now, |store| {
            exports.call_keep_continuous(store, &segment, now.micros())
        })?;
        self.instance.checked(KEEP_CONTINUOUS, check::hold(said).map(|keep| (keep, 0)))
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
