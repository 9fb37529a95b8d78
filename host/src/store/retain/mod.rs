//! How long things are kept: what nothing keeps goes, and where room is lacking, what is kept least.
//!
//! ```text
//! clocks --> guard --> age --------------+--> sweep: what is due by age ------+
//!                                        |                                    v
//! sizes and floors of all places --------+--> pressure: limits, by rank --> deletion: files, then rows
//!   load: open files, gate: the floor,        cursor: where to go on          intents: where the index
//!   ballast: room for the index                                               takes nothing
//!
//! the same judgements, only looked at: draft --> plan, with horizon: how many days fit
//! ```
//!
//! What deletes is on the sweep thread; the writer keeps `load` and asks `gate`, the mover asks `age`.
//! What keeps a segment is decided by `holds`, from what `index/retain` reads.

pub(super) mod guard;
pub(super) mod age;
pub(super) mod load;
pub(super) mod gate;
pub(super) mod ballast;
pub(super) mod sweep;
mod pressure;
mod cursor;
mod deletion;
pub(super) mod intents;
pub mod plan;
mod draft;
mod horizon;
