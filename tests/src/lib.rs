//! The harness of the end-to-end tests: real processes, real streams, real files.
//!
//! Everything a test starts it also ends, by dropping it. Waiting is for a condition, with a
//! deadline. A test that lacks a tool or a clip says so by name and passes; see [`need`].

pub mod viewer;
pub mod wait;
pub mod need;
pub mod process;
pub mod host;
pub mod fetch;
pub mod camera;
pub mod guests;
pub mod relay;
pub mod media;
pub mod hash;
pub mod store;
pub mod follow;
pub mod random;
pub mod truth;
pub mod campaign;
