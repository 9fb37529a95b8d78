//! Fuzzes cameras whose times jump, and disks that refuse.
#![no_main]

use wardline::fuzzing::Target;

libfuzzer_sys::fuzz_target!(
    init: Target::named("recorder").plant(),
    |data: &[u8]| Target::named("recorder").run(data)
);
