//! Fuzzes who asks over HTTP: cookies, tokens, queries.
#![no_main]

use wardline::fuzzing::Target;

libfuzzer_sys::fuzz_target!(
    init: Target::named("visitor").plant(),
    |data: &[u8]| Target::named("visitor").run(data)
);
