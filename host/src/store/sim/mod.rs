//! File layers that exist in memory only, for tests: a medium that forgets what was not synced,
//! and a door in front of it that can be shut.

pub(super) mod layer;
pub(super) mod medium;
