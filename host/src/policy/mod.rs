//! Event -> Span: recording policies, and what happens when they fail.

pub mod span;
pub mod fallback;
pub mod judges;
pub mod spans;
mod asking;
mod life;
pub mod floors;
pub mod terms;
pub mod stage;
mod keep;

pub use span::Span;
