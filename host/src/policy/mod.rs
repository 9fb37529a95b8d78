//! Event -> Span: recording policies, and what happens when they fail.

pub mod span;

pub use span::Span;
