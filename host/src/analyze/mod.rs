//! Picture -> Event: what analyzers wish to see, handed to them in time, and what they say.

pub mod mailbox;
pub mod gate;
pub mod order;
pub mod hearing;
mod worker;
pub mod pictures;
pub mod units;
pub mod stage;
mod waits;

pub use units::{UnitTaps, UnitTee};
