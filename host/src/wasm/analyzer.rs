//! An instance of an analyzer: pictures or units in, events out. Blocking: runs on a lane.

use std::sync::Arc;

use super::bindings::exports::wardline::plugin::{analyzer as contract, messages};
use super::component::{Exports, Plugin};
use super::fault::{Cause, Fault};
use super::instance::{Call, CallStats, INIT, Instance, InstanceConfig, Setup};
use super::source::Message;
use super::{check, convert, limits};
use crate::base::Timestamp;
use crate::decode::{Fit, Image, PixelFormat};
use crate::events::{Event, Notice};

const ANALYZE: Call = Call { name: "analyze", limit: limits::ANALYZE };
const ON_EVENTS: Call = Call { name: "on-events", limit: limits::ANALYZE };
const ON_MESSAGE: Call = Call { name: "on-message", limit: limits::ANALYZE };
const OBSERVE: Call = Call { name: "observe", limit: limits::ANALYZE };

/// How often a picture is wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Every picture of the stream.
    Every,
    /// Key frames only.
    KeyFrames,
    /// At most so many a second, above 0.
    Fps(f32),
}

/// What pictures are wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PictureRequest {
    /// How the pixels lie.
    pub format: PixelFormat,
    /// In pixels, 16..=4096.
    pub max_width: u32,
    /// In pixels, 16..=4096.
    pub max_height: u32,
    /// How it is brought to that size.
    pub fit: Fit,
    /// How often.
    pub pace: Pace,
}

/// What an analyzer wants to be called with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wishes {
    /// None: nothing is decoded for it.
    pub pictures: Option<PictureRequest>,
    /// Whether [`Analyzer::observe`] is wanted.
    pub units: bool,
}

/// One decoded picture, without its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Counts every picture of the stream, seen or not.
    pub sequence: u64,
    /// Presentation time.
    pub time: Timestamp,
    /// In pixels, after scaling.
    pub width: u32,
    /// In pixels, after scaling.
    pub height: u32,
    /// Pictures that fell due since the last call and were dropped.
    pub skipped: u32,
    /// It was coded as a key frame.
    pub key: bool,
    /// The stream was broken or changed since the last call.
    pub gap: bool,
}

/// One access unit of the recorded stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Presentation time.
    pub time: Timestamp,
    /// In bytes.
    pub size: u32,
    /// Decoding can start here.
    pub key: bool,
    /// No other unit refers to it.
    pub disposable: bool,
    /// The stream was broken or changed before it.
    pub gap: bool,
}

/// What an analyzer is called with.
#[derive(Clone, Debug)]
pub enum Input {
    /// A picture and its pixels, as wished; where the plugin may look closer, also as decoded.
    Picture(Picture, Arc<Vec<u8>>, Option<Arc<Image>>),
    /// Units of the recorded stream.
    Units(Arc<[Unit]>),
    /// Events of others, and the time of the call.
    Events(Arc<[Notice]>, Timestamp),
    /// The answer to what it has asked.
    Message(Arc<Message>),
}

/// One instance, for one camera.
pub struct Analyzer {
    pub(super) instance: Instance,
    exports: contract::Guest,
    messages: Option<messages::Guest>,
}

impl Analyzer {
    /// Makes an instance and initialises it.
    pub fn new(
        plugin: &Plugin,
        config: InstanceConfig,
        setup: &Setup,
        now: Timestamp,
    ) -> Result<(Self, Wishes), Fault> {
        let setup = convert::setup(&config, setup);
        let mut instance = Instance::new(plugin, config);
        let Exports::Analyzer(indices, message) = plugin.exports() else {
            return Err(instance.fault(INIT, Cause::Unsupported("it is no analyzer".into())));
        };
        let (exports, messages, wishes) = instance.call(INIT, now, |store| {
            let made = plugin.pre().instantiate(&mut *store)?;
            store.data_mut().optional = plugin.optional().load(&mut *store, &made)?;
            let exports = indices.load(&mut *store, &made)?;
            let messages = message.as_ref().map(|it| it.load(&mut *store, &made)).transpose()?;
            let answer = exports.call_init(&mut *store, &setup)?;
            Ok(answer.map(|wishes| (exports, messages, wishes)))
        })?;
        let wishes = instance.checked(INIT, check::wishes(wishes).map(|wishes| (wishes, 0)))?;
        let grants = plugin.grants();
        for (wished, granted, name) in [
            (wishes.pictures.is_some(), grants.pictures, "pictures"),
            (wishes.units, grants.units, "units"),
        ] {
            if wished && !granted {
                let why = format!(
                    "it wishes for {name}, and its plugin.toml does not: add a [[capability]] with \
                     name = \"{name}\" and a reason"
                );
                return Err(instance.fault(INIT, Cause::Unsupported(why)));
            }
        }
        Ok((Self { instance, exports, messages }, wishes))
    }

    /// Looks at a picture whose `pixels` are as wished. Its clock shows the picture's time.
    pub fn analyze(&mut self, picture: Picture, pixels: &[u8]) -> Result<Vec<Event>, Fault> {
        self.analyze_whole(picture, pixels, None)
    }

    /// The same, where `whole` is the picture as it was decoded, from which the plugin may `crop`.
    pub fn analyze_whole(
        &mut self,
        picture: Picture,
        pixels: &[u8],
        whole: Option<Arc<Image>>,
    ) -> Result<Vec<Event>, Fault> {
        let exports = &self.exports;
        let said = self.instance.call(ANALYZE, picture.time, |store| {
            store.data_mut().picture = whole;
            let picture = contract::Picture {
                sequence: picture.sequence,
                time: picture.time.micros(),
                width: picture.width,
                height: picture.height,
                skipped: picture.skipped,
                key: picture.key,
                gap: picture.gap,
            };
            let said = exports.call_analyze(&mut *store, picture, pixels);
            store.data_mut().picture = None;
            said
        })?;
        self.instance.checked(ANALYZE, check::events(said))
    }

    /// Looks at units, in decoding order, of at most a second. Its clock shows the latest time.
    pub fn observe(&mut self, units: &[Unit]) -> Result<Vec<Event>, Fault> {
        let Some(now) = units.iter().map(|unit| unit.time).max() else {
            return Ok(Vec::new());
        };
        let convert = |unit: &Unit| contract::Unit {
            time: unit.time.micros(),
            size: unit.size,
            key: unit.key,
            disposable: unit.disposable,
            gap: unit.gap,
        };
        let units: Vec<_> = units.iter().map(convert).collect();
        let exports = &self.exports;
        let said = self.instance.call(OBSERVE, now, |store| exports.call_observe(store, &units))?;
        self.instance.checked(OBSERVE, check::events(said))
    }

    /// Tells it events of others, at most [`limits::NOTICES`], in order of receipt. Only of a plugin
    /// that [`Plugin::listens`].
    pub fn on_events(&mut self, notices: &[Notice], now: Timestamp) -> Result<Vec<Event>, Fault> {
        self.instance.on_events(ON_EVENTS, notices, now)
    }

    /// Tells it the answer to what it has asked. Without `messages` it has asked nothing.
    pub fn on_message(&mut self, message: &Message) -> Result<Vec<Event>, Fault> {
        let Some(messages) = &self.messages else { return Ok(Vec::new()) };
        let head = convert::message(message);
        let said = self.instance.call(ON_MESSAGE, message.received, |store| {
            messages.call_on_message(store, &head, &message.body)
        })?;
        self.instance.checked(ON_MESSAGE, check::events(said))
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
