//! Fuzzes access units from cameras.
#![no_main]

use wardline::fuzzing::Target;

libfuzzer_sys::fuzz_target!(
    init: Target::named("access_units").plant(),
    |data: &[u8]| Target::named("access_units").run(data)
);
