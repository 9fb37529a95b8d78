//! Fuzzes requests to the simulated camera.
#![no_main]

use wardline::fuzzing::Target;

libfuzzer_sys::fuzz_target!(
    init: Target::named("rtsp").plant(),
    |data: &[u8]| Target::named("rtsp").run(data)
);
