//! What a plugin author needs: the types of the contract, a trait per exported interface, the macro
//! [`plugin!`] that turns a type into a component, and helpers (log, clock, metrics, params, kernels, snapshot).
//! It knows the contract in `wit/` and no host. On native targets nothing is exported, logging prints
//! and the clock stands where a test puts it, so that a plugin is tested like any other crate.

mod bindings;
mod exports;
pub mod clock;
pub mod crop;
pub mod events;
pub mod http;
pub mod kernels;
pub mod kv;
pub mod log;
pub mod metrics;
pub mod params;
pub mod snapshot;

pub use bindings::analyzer::exports::wardline::plugin::analyzer::{
    Fit, Pace, Picture, PictureRequest, Unit, Wishes,
};
pub use bindings::base::wardline::plugin::types::{
    Area, Attribute, Event, Fault, Microseconds, Notice, Phase, PixelFormat, Region, Setup,
    Timestamp, Value, Video,
};
pub use bindings::event_source::exports::wardline::plugin::event_source::SourceSpec;
pub use bindings::messages::exports::wardline::plugin::messages::Message;
pub use bindings::recording_policy::exports::wardline::plugin::recording_policy::{
    Answer, ClosedSegment, Span, Tally,
};
pub use bindings::state::exports::wardline::plugin::state::Snapshot;

pub use exports::{Analyzer, EventSource, Listener, Messages, Reconfigure, RecordingPolicy, State};

/// What [`plugin!`] expands to. Not for direct use: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings::{
        analyzer, event_source, listener, messages, reconfigure, recording_policy, state,
    };
    pub use crate::exports::Holder;
}

/// Makes a component of a type: `plugin!(Motion: analyzer, state, reconfigure)`.
///
/// The names are the contract's interfaces in snake case: `analyzer`, `event_source`, `messages`,
/// `recording_policy`, `state`, `reconfigure`, `listener`. The type implements the trait of each.
/// Name exactly one of the three that have an `init` (`analyzer`, `event_source`,
/// `recording_policy`): it is what brings the instance into being.
#[macro_export]
macro_rules! plugin {
    ($plugin:ty : $($interface:ident),+ $(,)?) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            ::std::thread_local! {
                static INSTANCE: ::core::cell::RefCell<::core::option::Option<$plugin>> =
                    const { ::core::cell::RefCell::new(::core::option::Option::None) };
            }
            struct Exported;
            impl $crate::__private::Holder for Exported {
                type Plugin = $plugin;
                fn with<R>(
                    body: impl FnOnce(&mut ::core::option::Option<$plugin>) -> R,
                ) -> R {
                    INSTANCE.with_borrow_mut(body)
                }
            }
            $($crate::__private::$interface::export!(
                Exported with_types_in $crate::__private::$interface
            );)+
        };
    };
}
