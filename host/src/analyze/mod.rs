//! Picture -> Event: what analyzers wish to see, handed to them in time, and what they say.

pub mod mailbox;
pub mod pictures;
pub mod stage;
