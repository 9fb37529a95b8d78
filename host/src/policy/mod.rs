//! Event -> Span: recording policies, and what happens when they fail.

pub mod span;
pub mod fallback;
pub mod judges;
pub mod spans;
mod asking;
pub mod stage;

pub use span::Span;
