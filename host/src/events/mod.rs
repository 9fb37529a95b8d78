//! Events: what is said, stored and heard. (Message -> Event, and the bus.)

pub mod event;

pub use event::{Area, Attribute, Event, Notice, Phase, Region, Value};
