//! What those who write plugins use: beginnings, a trial with hostile input, and measurements.
//!
//! Stands beside the flow, not in it: takes plugins as `wasm` runs them, with the same limits, and
//! knows no camera, bus or store.

pub mod template;
pub mod trial;
pub mod measure;
