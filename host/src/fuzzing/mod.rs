//! What `fuzz/` calls: everything that reads bytes from outside, each with a check of what came of
//! it, and with seeds that are made here. Not a part of the program: compiled for tests and for
//! fuzzing only.
//!
//! Each target lies beside what it tries, in a `fuzz.rs`. A target panics when a promise is broken.

mod dice;

pub(crate) use dice::Dice;

use std::path::Path;

use crate::{config, decode, ingest, record, serve, simulate, store, wasm};

/// One thing that is fuzzed.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name: that of a file in `fuzz/fuzz_targets`.
    pub name: &'static str,
    run: fn(&[u8]),
    seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: [Target; 16] = [
    target("access_units", ingest::fuzz::access_units, ingest::fuzz::unit_seeds),
    target("parameter_sets", ingest::fuzz::parameter_sets, ingest::fuzz::set_seeds),
    target("mp4", ingest::fuzz::mp4, record::fuzz::seeds),
    target("recorder", record::fuzz::recorder, record::fuzz::camera_seeds),
    target("segment", record::fuzz::segment, record::fuzz::seeds),
    target("passage", record::fuzz::passage, record::fuzz::seeds),
    target("thrift", decode::fuzz::thrift, decode::fuzz::seeds),
    target("journal", store::fuzz::journal, store::fuzz::journal_seeds),
    target("fragment_map", store::fuzz::map, store::fuzz::map_seeds),
    target("config", config::fuzz::text, config::fuzz::seeds),
    target("http", serve::fuzz::request, serve::fuzz::seeds),
    target("visitor", serve::fuzz::visitor, serve::fuzz::visitor_seeds),
    target("rtsp", simulate::fuzz::messages, simulate::fuzz::seeds),
    target("guest_events", wasm::fuzz::events, wasm::fuzz::seeds),
    target("guest_answers", wasm::fuzz::answers, wasm::fuzz::seeds),
    target("host_imports", wasm::fuzz::imports, wasm::fuzz::seeds),
];

const fn target(name: &'static str, run: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>) -> Target {
    Target { name, run, seeds }
}

impl Target {
    /// The one of that name.
    ///
    /// # Panics
    /// Where there is none.
    pub fn named(name: &str) -> Self {
        *TARGETS.iter().find(|target| target.name == name).expect("a target's name")
    }

    /// Tries it with some bytes.
    ///
    /// # Panics
    /// When a promise is broken.
    pub fn run(&self, data: &[u8]) {
        (self.run)(data);
    }

    /// Puts its seeds into the corpus: the first of the process's arguments that is a directory.
    ///
    /// # Panics
    /// When they can't be written.
    pub fn plant(&self) {
        let Some(corpus) = std::env::args().skip(1).find(|one| Path::new(one).is_dir()) else {
            return;
        };
        for (number, seed) in (self.seeds)().iter().enumerate() {
            let path = Path::new(&corpus).join(format!("seed-{number}"));
            std::fs::write(path, seed).expect("the corpus can be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mutations of each seed that are tried.
    const TRIES: usize = 300;

    /// What becomes of a seed: bits turned, pieces cut out, doubled and exchanged.
    fn mutate(seed: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
        let mut data = seed.to_vec();
        for _ in 0..random.usize(1..5) {
            if data.is_empty() {
                data.push(random.u8(..));
            }
            let (at, length) = (random.usize(..data.len()), random.usize(1..9));
            let end = (at + length).min(data.len());
            match random.u8(0..5) {
                0 => data[at] ^= 1 << random.u8(0..8),
                1 => data[at..end].fill(random.choice([0, 1, 0x7f, 0x80, 0xff]).unwrap_or(0)),
                2 => drop(data.drain(at..end)),
                3 => {
                    let piece = data[at..end].to_vec();
                    data.splice(at..at, piece);
                }
                _ => data.truncate(at + 1),
            }
        }
        data
    }

    #[test]
    fn each_target_survives_its_seeds_and_what_becomes_of_them() {
        let mut random = fastrand::Rng::with_seed(3);
        for target in TARGETS {
            let seeds = (target.seeds)();
            assert!(!seeds.is_empty(), "{} has no seeds", target.name);
            target.run(&[]);
            for seed in seeds {
                assert!(seed.len() < 64 << 10, "a seed of {} is large", target.name);
                target.run(&seed);
                for _ in 0..TRIES {
                    target.run(&mutate(&seed, &mut random));
                }
            }
        }
    }

    #[test]
    fn each_target_has_its_program() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fuzz_targets");
        let mut programs: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        programs.sort();
        let mut names = TARGETS.map(|target| format!("{}.rs", target.name));
        names.sort();
        assert_eq!(programs, names);
    }
}
