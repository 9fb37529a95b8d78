//! Fuzzes cameras that alternate between parameter sets.
#![no_main]

use wardline::fuzzing::Target;

libfuzzer_sys::fuzz_target!(
    init: Target::named("parameter_sets").plant(),
    |data: &[u8]| Target::named("parameter_sets").run(data)
);
