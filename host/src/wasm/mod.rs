//! Guests: loads plugins, runs them within limits, and hands out what they said, checked.
//!
//! The only folder that names `wasmtime`. Takes component bytes, host types and a `now`; gives
//! host types and [`Fault`]s. Knows no camera session, no queue between stages and no disk but the
//! directory of compiled code.
//!
//! Reading order: an [`Engine`] compiles a [`Plugin`]; an [`Analyzer`], [`Source`] or [`Policy`] is
//! one instance of it; its calls run on a [`Lane`], never on a task of the runtime.

pub mod engine;
mod ticker;
mod bindings;
pub mod grants;
pub mod manifest;
mod params;
pub mod component;
pub mod inspect;
pub mod limits;
mod figures;
mod imports;
pub mod fault;
pub mod instance;
mod optional;
mod check;
mod convert;
pub mod analyzer;
pub mod source;
pub mod policy;
pub mod kind;
pub mod lane;
pub mod ladder;
pub mod standing;
pub mod supervise;
mod bundled;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

pub use analyzer::{Analyzer, Pace, Picture, PictureRequest, Unit, Wishes};
pub use bundled::{BUNDLED, bundled};
pub use component::Plugin;
pub use engine::Engine;
pub use fault::{Cause, Fault, Trap};
pub use grants::{Capability, Grants, Terms};
pub use imports::Services;
pub use imports::http::Sent;
pub use inspect::{Inspection, World, digest, inspect};
pub use instance::{CallStats, InstanceConfig, Setup, Video};
pub use kind::Kind;
pub use lane::{Lane, Lanes, in_background};
pub use manifest::Manifest;
pub use optional::Snapshot;
pub use policy::{Answer, ClosedSegment, Policy, SpanAsk, Tally};
pub use source::{Message, Source, SourceSpec};

#[cfg(test)]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "shared with the crate `tests`, which uses more of it"
)]
#[path = "../../../tests/src/guests.rs"]
pub(crate) mod guests;
#[cfg(test)]
mod tests;
