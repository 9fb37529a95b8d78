//! Wardline as a whole: the built program, real RTSP servers, real files.
//!
//! Each module below is one feature, and says what belongs there. Tests run side by side, and the
//! longest takes two and a half minutes: it plays a whole clip at the pace of its camera.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails, helpers included")]

// The harness itself: servers that serve, relays that fail.
mod harness;
// One camera, live, from its first key frame to its end: every slice, every time, every visit.
mod live;
// Mode `events`: nothing but spans on disk.
mod selectivity;
// Audio beside the video.
mod sound;
// H.265 with closed and open groups of pictures.
mod h265;
// Spans that begin in the past: pre-roll, late events, video that is on disk already.
mod past;
// Cameras and networks that fail, each in its own way.
mod faults;
// The host dies in the middle of a file.
mod power_cut;
// The host dies again and again, at random moments.
mod torture;
// The disk is full.
mod full_disk;
// Plugins that loop, trap, eat and lie.
mod guests;
// What a person lets plugins do: grants and signatures; what is seen of them.
mod trust;
// Plugins of released versions of the contract, for ever.
mod golden;
// Beginning, building and trying plugins, in each language.
mod authors;
// Plugins that are swapped while cameras record.
mod swap;
// Candidates beside those in charge.
mod shadow;
// What a person is told who made a mistake.
mod messages;
// Streams besides the one that is recorded, and files as cameras.
mod streams;
// Cameras looked at while they send.
mod live_view;
// Pictures of moments, as ffmpeg sees them.
mod pictures;
// Who may come in: users, tokens, TLS.
mod who;
// Several directories for recordings.
mod places;
// What a store stands on, and a disk that is not mounted.
mod ground;
// Commands beside `run`.
mod commands;
// Recorded video and events, judged again.
mod replay;
// Getting video out.
mod export;
// Playback, and what pages ask for, over HTTP.
mod playback;
// What is said of recordings and the store.
mod life;
// Cameras and analyzers that hear others.
mod chains;
// Another configuration for a host that runs.
mod reload;
// The ordered end.
mod shutdown;
// The folders of `examples/`, as their READMEs say.
mod examples;
