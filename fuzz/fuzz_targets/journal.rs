//! Fuzzes lines of a store's journal.
#![no_main]

use wardline::fuzzing::Target;

libfuzzer_sys::fuzz_target!(
    init: Target::named("journal").plant(),
    |data: &[u8]| Target::named("journal").run(data)
);
