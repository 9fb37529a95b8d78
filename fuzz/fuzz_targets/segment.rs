//! Fuzzes recorded files that are cut or damaged.
#![no_main]

use wardline::fuzzing::Target;

libfuzzer_sys::fuzz_target!(
    init: Target::named("segment").plant(),
    |data: &[u8]| Target::named("segment").run(data)
);
