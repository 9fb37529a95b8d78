//! Fuzzes fragment maps in an index.
#![no_main]

use wardline::fuzzing::Target;

libfuzzer_sys::fuzz_target!(
    init: Target::named("fragment_map").plant(),
    |data: &[u8]| Target::named("fragment_map").run(data)
);
