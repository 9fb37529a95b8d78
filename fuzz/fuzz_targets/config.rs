//! Fuzzes configurations.
#![no_main]

use wardline::fuzzing::Target;

libfuzzer_sys::fuzz_target!(
    init: Target::named("config").plant(),
    |data: &[u8]| Target::named("config").run(data)
);
