//! File layers for tests: a medium in memory that forgets what was not synced, with a door in front
//! of it that can be shut; one that counts, and one of a chosen size.

pub(super) mod counter;
pub(super) mod layer;
pub(super) mod medium;
pub(super) mod narrow;
