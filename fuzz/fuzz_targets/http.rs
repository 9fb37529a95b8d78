//! Fuzzes requests to the HTTP server.
#![no_main]

use wardline::fuzzing::Target;

libfuzzer_sys::fuzz_target!(
    init: Target::named("http").plant(),
    |data: &[u8]| Target::named("http").run(data)
);
