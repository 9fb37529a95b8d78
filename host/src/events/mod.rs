//! Message -> Event, and the bus that carries events to those who hear them.

pub mod event;
pub mod lifecycle;
pub mod hops;
pub mod roster;
pub mod bus;
pub mod source;

pub use bus::{Bus, Publish};
pub use event::{Area, Attribute, Event, Notice, Phase, Region, Value};
pub use roster::{Follower, Heard};
