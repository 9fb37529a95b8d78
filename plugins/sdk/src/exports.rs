//! A trait per exported interface, with `&mut self` where the component model has plain functions,
//! and the glue between the two. Takes calls of the host, gives them to the one instance that `init`
//! made. Knows nothing of any particular plugin.

use crate::bindings::{
    analyzer::exports::wardline::plugin::analyzer as wit_analyzer,
    event_source::exports::wardline::plugin::event_source as wit_event_source,
    listener::exports::wardline::plugin::listener as wit_listener,
    messages::exports::wardline::plugin::messages as wit_messages,
    reconfigure::exports::wardline::plugin::reconfigure as wit_reconfigure,
    recording_policy::exports::wardline::plugin::recording_policy as wit_policy,
    state::exports::wardline::plugin::state as wit_state,
};
use crate::{
    Answer, ClosedSegment, Event, Fault, Message, Microseconds, Notice, Picture, Setup, Snapshot,
    SourceSpec, Timestamp, Unit, Wishes,
};

/// Pictures or access units in, events out. One instance serves one camera.
pub trait Analyzer: Sized + 'static {
    /// Called once, first, within 1 s.
    ///
    /// # Errors
    /// [`Fault::BadParams`] and [`Fault::Unsupported`] are not tried again until something changes.
    fn init(setup: &Setup) -> Result<(Self, Wishes), Fault>;

    /// One picture, in order of time, within 250 ms. `pixels` has exactly the size that format, width
    /// and height give.
    ///
    /// # Errors
    /// See [`Fault`] for what the host does with each.
    fn analyze(&mut self, picture: &Picture, pixels: &[u8]) -> Result<Vec<Event>, Fault>;

    /// Access units in decoding order, at most one second of them. Only when wished for.
    ///
    /// # Errors
    /// See [`Fault`] for what the host does with each.
    fn observe(&mut self, units: &[Unit]) -> Result<Vec<Event>, Fault> {
        let _ = units;
        Ok(Vec::new())
    }
}

/// Messages and time in, events out. One instance serves one configured source.
pub trait EventSource: Sized + 'static {
    /// Called once, first, within 1 s.
    ///
    /// # Errors
    /// [`Fault::BadParams`] and [`Fault::Unsupported`] are not tried again until something changes.
    fn init(setup: &Setup) -> Result<(Self, SourceSpec), Fault>;

    /// Every tick that [`SourceSpec`] asked for.
    ///
    /// # Errors
    /// See [`Fault`] for what the host does with each.
    fn on_tick(&mut self, now: Timestamp) -> Result<Vec<Event>, Fault> {
        let _ = now;
        Ok(Vec::new())
    }
}

/// Messages from outside. Required of event sources, optional for analyzers.
pub trait Messages: 'static {
    /// One message, within 50 ms.
    ///
    /// # Errors
    /// [`Fault::Rejected`]: the sender of a webhook gets 400 with the text.
    fn on_message(&mut self, message: &Message, body: &[u8]) -> Result<Vec<Event>, Fault>;
}

/// Events in, spans of video to keep out. One instance serves one camera.
pub trait RecordingPolicy: Sized + 'static {
    /// Called once, first, within 1 s.
    ///
    /// # Errors
    /// [`Fault::BadParams`] and [`Fault::Unsupported`] are not tried again until something changes.
    fn init(setup: &Setup) -> Result<Self, Fault>;

    /// Each event of this camera, and of those that it hears (`notice.camera`), in order of receipt.
    ///
    /// # Errors
    /// See [`Fault`] for what the host does with each.
    fn on_event(&mut self, notice: &Notice, now: Timestamp) -> Result<Answer, Fault>;

    /// The wake asked for, and once after `init`, `load` and `set-params`.
    ///
    /// # Errors
    /// See [`Fault`] for what the host does with each.
    fn on_wake(&mut self, now: Timestamp) -> Result<Answer, Fault> {
        let _ = now;
        Ok(Answer { spans: Vec::new(), wake: None, events: Vec::new() })
    }

    /// How long to hold a segment of continuous recording, from its end; none: as configured.
    ///
    /// # Errors
    /// See [`Fault`] for what the host does with each.
    fn keep_continuous(
        &mut self,
        segment: &ClosedSegment,
        now: Timestamp,
    ) -> Result<Option<Microseconds>, Fault> {
        let _ = (segment, now);
        Ok(None)
    }
}

/// Optional: what a new instance needs to go on where this one stopped.
pub trait State: 'static {
    /// At most 1 MiB.
    ///
    /// # Errors
    /// A text for the log; the host keeps the last good snapshot.
    fn save(&mut self) -> Result<Snapshot, String>;

    /// Called after `init` and before anything else.
    ///
    /// # Errors
    /// A text for the log; the instance must be as `init` left it.
    fn load(&mut self, snapshot: Snapshot) -> Result<(), String>;
}

/// Optional: new parameters without a new instance.
pub trait Reconfigure: 'static {
    /// `params` as in [`Setup`]; see [`crate::params::parse`].
    ///
    /// # Errors
    /// Any fault leaves the old parameters in force; [`Fault::Unsupported`] asks for a new instance.
    fn set_params(&mut self, params: &str) -> Result<(), Fault>;
}

/// Optional for analyzers and sources: events of others.
pub trait Listener: 'static {
    /// In order of receipt; before the first picture of a later time.
    ///
    /// # Errors
    /// See [`Fault`] for what the host does with each.
    fn on_events(&mut self, notices: &[Notice]) -> Result<Vec<Event>, Fault>;
}

/// Where [`crate::plugin!`] keeps the one instance of a component.
#[doc(hidden)]
pub trait Holder {
    /// The author's type.
    type Plugin: 'static;
    /// Runs `body` on the instance; none before `init`.
    fn with<R>(body: impl FnOnce(&mut Option<Self::Plugin>) -> R) -> R;
}

fn begin<H: Holder, T>(made: Result<(H::Plugin, T), Fault>) -> Result<T, Fault> {
    let (plugin, answer) = made?;
    H::with(|slot| *slot = Some(plugin));
    Ok(answer)
}

fn call<H: Holder, R>(body: impl FnOnce(&mut H::Plugin) -> Result<R, Fault>) -> Result<R, Fault> {
    H::with(|slot| match slot {
        Some(plugin) => body(plugin),
        None => Err(Fault::Failed("called before init".to_owned())),
    })
}

impl<H: Holder> wit_analyzer::Guest for H
where
    H::Plugin: Analyzer,
{
    fn init(setup: Setup) -> Result<Wishes, Fault> {
        crate::log::install_panic_hook();
        begin::<H, _>(H::Plugin::init(&setup))
    }
    fn analyze(picture: Picture, pixels: Vec<u8>) -> Result<Vec<Event>, Fault> {
        call::<H, _>(|plugin| plugin.analyze(&picture, &pixels))
    }
    fn observe(units: Vec<Unit>) -> Result<Vec<Event>, Fault> {
        call::<H, _>(|plugin| plugin.observe(&units))
    }
}

impl<H: Holder> wit_event_source::Guest for H
where
    H::Plugin: EventSource,
{
    fn init(setup: Setup) -> Result<SourceSpec, Fault> {
        crate::log::install_panic_hook();
        begin::<H, _>(H::Plugin::init(&setup))
    }
    fn on_tick(now: Timestamp) -> Result<Vec<Event>, Fault> {
        call::<H, _>(|plugin| plugin.on_tick(now))
    }
}

impl<H: Holder> wit_messages::Guest for H
where
    H::Plugin: Messages,
{
    fn on_message(message: Message, body: Vec<u8>) -> Result<Vec<Event>, Fault> {
        call::<H, _>(|plugin| plugin.on_message(&message, &body))
    }
}

impl<H: Holder> wit_policy::Guest for H
where
    H::Plugin: RecordingPolicy,
{
    fn init(setup: Setup) -> Result<(), Fault> {
        crate::log::install_panic_hook();
        begin::<H, _>(H::Plugin::init(&setup).map(|plugin| (plugin, ())))
    }
    fn on_event(notice: Notice, now: Timestamp) -> Result<Answer, Fault> {
        call::<H, _>(|plugin| plugin.on_event(&notice, now))
    }
    fn on_wake(now: Timestamp) -> Result<Answer, Fault> {
        call::<H, _>(|plugin| plugin.on_wake(now))
    }
    fn keep_continuous(
        segment: ClosedSegment,
        now: Timestamp,
    ) -> Result<Option<Microseconds>, Fault> {
        call::<H, _>(|plugin| plugin.keep_continuous(&segment, now))
    }
}

impl<H: Holder> wit_state::Guest for H
where
    H::Plugin: State,
{
    fn save() -> Result<Snapshot, String> {
        H::with(|slot| match slot {
            Some(plugin) => plugin.save(),
            None => Err("called before init".to_owned()),
        })
    }
    fn load(snapshot: Snapshot) -> Result<(), String> {
        H::with(|slot| match slot {
            Some(plugin) => plugin.load(snapshot),
            None => Err("called before init".to_owned()),
        })
    }
}

impl<H: Holder> wit_reconfigure::Guest for H
where
    H::Plugin: Reconfigure,
{
    fn set_params(params: String) -> Result<(), Fault> {
        call::<H, _>(|plugin| plugin.set_params(&params))
    }
}

impl<H: Holder> wit_listener::Guest for H
where
    H::Plugin: Listener,
{
    fn on_events(notices: Vec<Notice>) -> Result<Vec<Event>, Fault> {
        call::<H, _>(|plugin| plugin.on_events(&notices))
    }
}
