//! Wardline as a whole: the built program, real RTSP servers, real files.
//!
//! Each module below is one feature, and says what belongs there. Tests run side by side.

// The harness itself: servers that serve, relays that fail.
mod harness;
