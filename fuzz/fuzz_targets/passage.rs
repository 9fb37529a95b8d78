//! Fuzzes recorded files on their way to players.
#![no_main]

use wardline::fuzzing::Target;

libfuzzer_sys::fuzz_target!(
    init: Target::named("passage").plant(),
    |data: &[u8]| Target::named("passage").run(data)
);
