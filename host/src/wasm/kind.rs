//! What the three kinds of instance have in common for those who put one in charge, prove it, and
//! replace it: they are made the same way, given inputs, and handed from one version to the next.
//!
//! Takes an [`Analyzer`], [`Source`] or [`Policy`]; knows no stage. Blocking: runs on a lane.

use super::imports::http::Sent;
use super::instance::Instance;
use super::{
    Analyzer, CallStats, Fault, InstanceConfig, Message, Plugin, Policy, Setup, Snapshot, Source,
    World, analyzer, policy, source,
};
use crate::base::Timestamp;

/// A kind of instance.
pub trait Kind: Sized + Send + 'static {
    /// What it is called with: all that a call needs, so that it can be given to another instance.
    type Input: Clone + Send + Sync + 'static;
    /// What it answers.
    type Output: Send + 'static;
    /// What it says at `init`.
    type Wishes: Clone + Send + 'static;

    /// Which plugins are of this kind.
    const WORLD: World;

    /// Makes an instance and initialises it.
    fn make(
        plugin: &Plugin,
        config: InstanceConfig,
        setup: &Setup,
        now: Timestamp,
    ) -> Result<(Self, Self::Wishes), Fault>;

    /// One call.
    fn give(&mut self, input: &Self::Input) -> Result<Self::Output, Fault>;

    /// Room that an input takes, in bytes; `None`: inputs are too large to be kept for a journal.
    fn weight(input: &Self::Input) -> Option<usize>;

    /// The same for inputs that are the same to the plugin, where such may come again.
    fn fingerprint(input: &Self::Input) -> Option<u32>;

    /// Whether an answer has events in it.
    fn has_events(output: &Self::Output) -> bool;

    /// The instance itself.
    fn instance(&mut self) -> &mut Instance;

    /// What another instance needs to go on; `None`: it exports no `state`.
    fn save(&mut self, now: Timestamp) -> Result<Option<Snapshot>, Fault> {
        self.instance().save(now)
    }

    /// Goes on where another instance stopped. Only after `make`, before anything else.
    /// [`Cause::Refused`](super::Cause::Refused): it is as `make` left it.
    fn load(&mut self, snapshot: &Snapshot, now: Timestamp) -> Result<(), Fault> {
        self.instance().load(snapshot, now)
    }

    /// Goes on with other parameters. A fault that does not poison it leaves the old ones in force;
    /// [`Cause::Unsupported`](super::Cause::Unsupported): it is to be made anew for them.
    fn set_params(&mut self, params: &str, now: Timestamp) -> Result<(), Fault> {
        self.instance().set_params(params, now)
    }

    /// One call that was made before, of an instance that is no more: requests come to what they did
    /// then, and nothing is sent, logged or counted a second time.
    fn give_again(&mut self, input: &Self::Input, asked: &[Sent]) -> Result<Self::Output, Fault> {
        self.instance().tell_again(Some(asked));
        let output = self.give(input);
        self.instance().tell_again(None);
        output
    }

    /// What the requests of the last call came to.
    fn take_asked(&mut self) -> Vec<Sent> {
        self.instance().take_asked()
    }

    /// What the last call took.
    fn last_call(&mut self) -> CallStats {
        self.instance().stats()
    }
}

impl Kind for Policy {
    type Input = policy::Input;
    type Output = policy::Output;
    type Wishes = ();

    const WORLD: World = World::Policy;

    fn make(
        plugin: &Plugin,
        config: InstanceConfig,
        setup: &Setup,
        now: Timestamp,
    ) -> Result<(Self, ()), Fault> {
        Self::new(plugin, config, setup, now).map(|made| (made, ()))
    }

    fn give(&mut self, input: &policy::Input) -> Result<policy::Output, Fault> {
        use policy::{Input, Output};
        Ok(match input {
            Input::Event(notice, now) => Output::Answer(self.on_event(notice, *now)?),
            Input::Wake(now) => Output::Answer(self.on_wake(*now)?),
            Input::Segment(segment, now) => Output::Keep(self.keep_continuous(segment, *now)?),
        })
    }

    fn weight(input: &policy::Input) -> Option<usize> {
        Some(match input {
            policy::Input::Event(notice, _) => notice.weight(),
            policy::Input::Wake(_) => 16,
            policy::Input::Segment(segment, _) => 128 + 64 * segment.events.len(),
        })
    }

    fn fingerprint(_: &policy::Input) -> Option<u32> {
        None
    }

    fn has_events(output: &policy::Output) -> bool {
        matches!(output, policy::Output::Answer(answer) if !answer.events.is_empty())
    }

    fn instance(&mut self) -> &mut Instance {
        &mut self.instance
    }
}

impl Kind for Source {
    type Input = source::Input;
    type Output = Vec<crate::events::Event>;
    type Wishes = super::SourceSpec;

    const WORLD: World = World::Source;

    fn make(
        plugin: &Plugin,
        config: InstanceConfig,
        setup: &Setup,
        now: Timestamp,
    ) -> Result<(Self, super::SourceSpec), Fault> {
        Self::new(plugin, config, setup, now)
    }

    fn give(&mut self, input: &source::Input) -> Result<Self::Output, Fault> {
        match input {
            source::Input::Message(message) => self.on_message(message),
            source::Input::Tick(now) => self.on_tick(*now),
            source::Input::Events(notices, now) => self.on_events(notices, *now),
        }
    }

    fn weight(input: &source::Input) -> Option<usize> {
        Some(match input {
            source::Input::Message(message) => 512 + message.body.len(),
            source::Input::Tick(_) => 16,
            source::Input::Events(notices, _) => notices.iter().map(|notice| notice.weight()).sum(),
        })
    }

    /// Who sends a message once more after a fault sends the same, but for the time.
    fn fingerprint(input: &source::Input) -> Option<u32> {
        let source::Input::Message(message) = input else { return None };
        let Message { topic, content_type, received: _, attributes, body } = &**message;
        let head = format!("{:?}", (topic, content_type, attributes));
        Some(crc32c::crc32c_append(crc32c::crc32c(head.as_bytes()), body))
    }

    fn has_events(output: &Self::Output) -> bool {
        !output.is_empty()
    }

    fn instance(&mut self) -> &mut Instance {
        &mut self.instance
    }
}

impl Kind for Analyzer {
    type Input = analyzer::Input;
    type Output = Vec<crate::events::Event>;
    type Wishes = super::Wishes;

    const WORLD: World = World::Analyzer;

    fn make(
        plugin: &Plugin,
        config: InstanceConfig,
        setup: &Setup,
        now: Timestamp,
    ) -> Result<(Self, super::Wishes), Fault> {
        Self::new(plugin, config, setup, now)
    }

    fn give(&mut self, input: &analyzer::Input) -> Result<Self::Output, Fault> {
        match input {
            analyzer::Input::Picture(picture, pixels, whole) => {
                self.analyze_whole(*picture, pixels, whole.clone())
            }
            analyzer::Input::Units(units) => self.observe(units),
            analyzer::Input::Events(notices, now) => self.on_events(notices, *now),
            analyzer::Input::Message(message) => self.on_message(message),
        }
    }

    /// Half a minute of pictures is more than a camera's whole pre-roll.
    fn weight(_: &analyzer::Input) -> Option<usize> {
        None
    }

    fn fingerprint(_: &analyzer::Input) -> Option<u32> {
        None
    }

    fn has_events(output: &Self::Output) -> bool {
        !output.is_empty()
    }

    fn instance(&mut self) -> &mut Instance {
        &mut self.instance
    }
}
