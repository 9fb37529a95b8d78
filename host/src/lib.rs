//! Wardline: a recorder for IP cameras whose judgement is pluggable.
//!
//! ```text
//! camera --RTSP--> ingest --Packet--> record --Segment--> store --> serve (API, page)
//!                     |                 ^
//!                     +--Packet--> decode --Picture--> analyze (wasm) --Event--+
//!                                                                              v
//!    webhook / trigger --Message--> event source (wasm) --Event--> bus --> policy (wasm) --Span--> record, store
//! ```
//!
//! The modules below stand in the order of that flow. `pipeline` and `replay` are the only ones that
//! know all stages; each other stage imports `base` and the types of the edges that enter it.

pub mod base;
pub mod config;
pub mod ingest;
pub mod decode;
pub mod trust;
pub mod kv;
pub mod fetch;
pub mod wasm;
pub mod seat;
pub mod analyze;
pub mod events;
pub mod policy;
pub mod record;
pub mod store;
pub mod export;
pub mod view;
pub mod people;
pub mod serve;
pub mod replay;
pub mod shadow;
pub mod pipeline;
pub mod simulate;
pub mod author;
pub mod cli;
pub mod commands;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
