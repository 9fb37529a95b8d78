//! Who is in charge: one plugin on one camera, over its faults and from version to version.
//!
//! Takes inputs from a stage and orders from people and watchers; gives answers, and says when
//! somebody else has come to sit. Keeps what an instance would need to go on: its last snapshot and
//! the inputs since. Knows no queue of a stage, no span and no picture.
//!
//! Reading order: a stage has a [`Seat`], made from a [`Post`]. An [`Order`] brings an [`Offer`],
//! which is proven in an instance that is thrown away (`prove`); then, between two calls, the one
//! in charge hands over to it (`swap`, `hand`), and is ready to come back for half a minute
//! (`probation`). What was saved survives the host in the [`Vault`].

mod order;
mod journal;
mod vault;
mod prove;
mod voice;
mod facts;
mod post;
mod sit;
mod kept;
mod hand;
mod probation;
mod guilty;
mod budget;
mod swap;

pub use facts::Facts;
pub use order::{By, Offer, Order, Outcome, orders};
pub use post::{Acted, After, Given, Post, Reply, Seated, Shared};
pub use sit::Seat;
pub use swap::Signal;
pub use vault::{Key, Vault};
pub use voice::tell_reload_failed;
