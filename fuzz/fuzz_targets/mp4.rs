//! Fuzzes MP4 files from anywhere.
#![no_main]

use wardline::fuzzing::Target;

libfuzzer_sys::fuzz_target!(
    init: Target::named("mp4").plant(),
    |data: &[u8]| Target::named("mp4").run(data)
);
