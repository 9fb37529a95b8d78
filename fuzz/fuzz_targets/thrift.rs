//! Fuzzes what of a stream is worth decoding.
#![no_main]

use wardline::fuzzing::Target;

libfuzzer_sys::fuzz_target!(
    init: Target::named("thrift").plant(),
    |data: &[u8]| Target::named("thrift").run(data)
);
