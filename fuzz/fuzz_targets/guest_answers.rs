//! Fuzzes everything else that a guest answers.
#![no_main]

use wardline::fuzzing::Target;

libfuzzer_sys::fuzz_target!(
    init: Target::named("guest_answers").plant(),
    |data: &[u8]| Target::named("guest_answers").run(data)
);
