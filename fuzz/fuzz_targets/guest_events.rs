//! Fuzzes events that a guest says.
#![no_main]

use wardline::fuzzing::Target;

libfuzzer_sys::fuzz_target!(
    init: Target::named("guest_events").plant(),
    |data: &[u8]| Target::named("guest_events").run(data)
);
