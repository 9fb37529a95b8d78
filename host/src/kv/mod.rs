//! The small stores of keys and values that plugins are granted: one for each plugin on each
//! camera (of an event source: one).
//!
//! Takes keys and values from guests, which wait for no disk: a [`Shelf`] lies in memory, and the
//! [`Keeper`] writes down what has changed, every two seconds and at the end. Knows no plugin.
//!
//! What a power cut can cost is those two seconds, as a whole: a file always shows a shelf as it
//! was at one moment.

mod file;
mod keeper;
mod shelf;

pub use keeper::{Keeper, Place};
pub use shelf::{KEY_BYTES, KEYS_LISTED, Refusal, Shelf, VALUE_BYTES};
