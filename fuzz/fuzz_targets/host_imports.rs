//! Fuzzes what a guest calls.
#![no_main]

use wardline::fuzzing::Target;

libfuzzer_sys::fuzz_target!(
    init: Target::named("host_imports").plant(),
    |data: &[u8]| Target::named("host_imports").run(data)
);
