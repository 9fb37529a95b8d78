//! The one place that configures wasmtime.
//!
//! Takes a directory for compiled code; gives an [`Engine`] that every plugin of the host shares.

use std::fs::DirBuilder;
use std::num::NonZeroUsize;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime::{Cache, CacheConfig, Config, OptLevel};

use super::imports;
use super::instance::Host;
use super::limits::{self, Budget};
use super::ticker::{InFlight, Ticker};
use crate::base::{Error, Result};

/// Address space of a guest's memory: all that 32 bits reach, so that no access needs a check.
const MEMORY_RESERVATION: u64 = 4 << 30;

/// What lies behind it, for accesses with a constant offset.
const MEMORY_GUARD: u64 = 32 << 20;

/// Stack of a guest's call. Within the stack of a lane's thread.
const STACK_BYTES: usize = 512 << 10;

/// Compiles plugins and runs their instances. Cheap to clone: clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    inner: wasmtime::Engine,
    linker: Arc<Linker<Host>>,
    ticker: Arc<Ticker>,
    counts: bool,
    budget: Arc<Budget>,
}

impl Engine {
    /// An engine that keeps compiled code in `cache`: made if it is missing, and refused if others
    /// than its owner may write there, since what lies in it is run. Without it, every start
    /// compiles anew.
    ///
    /// Compiling is slow (10 ms for a plugin in Rust, seconds for Python): call
    /// [`super::Plugin::load`] before the cameras run, or [`super::in_background`] while they do.
    pub fn new(cache: Option<&Path>) -> Result<Self> {
        Self::with(settings(), cache, false)
    }

    /// An engine for measurements: as [`Engine::new`] makes it, and counts instructions, which
    /// costs time. See [`super::CallStats::instructions`].
    pub fn counting(cache: Option<&Path>) -> Result<Self> {
        let mut config = settings();
        config.consume_fuel(true);
        Self::with(config, cache, true)
    }

    fn with(mut config: Config, cache: Option<&Path>, counts: bool) -> Result<Self> {
        if let Some(directory) = cache {
            config.cache(Some(open_cache(directory)?));
        }
        let inner = wasmtime::Engine::new(&config)
            .map_err(|error| Error::stop(format!("start the WebAssembly engine: {error:#}")))?;
        let mut linker = Linker::new(&inner);
        imports::link_free(&mut linker)
            .map_err(|error| Error::bug(format!("link the imports of plugins: {error:#}")))?;
        let ticker = Ticker::start({
            let engine = inner.clone();
            move || engine.increment_epoch()
        })?;
        let budget = Arc::default();
        Ok(Self { inner, linker: Arc::new(linker), ticker: Arc::new(ticker), counts, budget })
    }

    /// How much memory all instances together may have, in bytes; `None`: the default. What is above
    /// it already stays.
    pub fn limit_memory(&self, bytes: Option<u64>) {
        self.budget.set_limit(bytes.unwrap_or(limits::HOST_MEMORY_BYTES));
    }

    /// How much memory all instances have now, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        self.budget.used_bytes()
    }

    pub(super) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    pub(super) fn inner(&self) -> &wasmtime::Engine {
        &self.inner
    }

    /// What every plugin may import.
    pub(super) fn linker(&self) -> Linker<Host> {
        Linker::clone(&self.linker)
    }

    /// Whether its instances count instructions.
    pub(super) fn counts(&self) -> bool {
        self.counts
    }

    /// Deadlines are checked as long as the answer lives.
    pub(super) fn in_flight(&self) -> InFlight<'_> {
        self.ticker.in_flight()
    }
}

/// Threads are off because the crate's feature is: wasmtime then has no setting for them.
fn settings() -> Config {
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        .memory_reservation(MEMORY_RESERVATION)
        .memory_guard_size(MEMORY_GUARD)
        .memory_may_move(false)
        .memory_init_cow(true)
        .wasm_memory64(false)
        .wasm_simd(true)
        .max_wasm_stack(STACK_BYTES)
        .wasm_backtrace_max_frames(NonZeroUsize::new(32))
        .allocation_strategy(wasmtime::InstanceAllocationStrategy::OnDemand);
    config
}

fn open_cache(directory: &Path) -> Result<Cache> {
    let failed = |error: std::io::Error| {
        Error::stop(format!(
            "open the directory {} for compiled plugins: make it writable for this user only",
            directory.display()
        ))
        .with(error)
    };
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    let mode = std::fs::metadata(directory).map_err(failed)?.permissions().mode();
    if mode & 0o022 != 0 {
        return Err(Error::stop(format!(
            "the directory {} for compiled plugins can be written by others, and what lies there \
             is run: `chmod 700` it, or name another",
            directory.display()
        )));
    }
    let directory: PathBuf = directory.canonicalize().map_err(failed)?;
    let mut config = CacheConfig::new();
    config.with_directory(&directory);
    Cache::new(config).map_err(|error| {
        Error::stop(format!(
            "open the cache of compiled plugins in {}: {error:#}",
            directory.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_in_force() {
        let engine = Engine::new(None).unwrap();
        let inner = engine.inner();
        assert_eq!(inner.get_memory_reservation(), MEMORY_RESERVATION);
        assert_eq!(inner.get_memory_guard_size(), MEMORY_GUARD);
        assert!(!inner.get_memory_may_move());
        assert!(inner.get_memory_init_cow());
        assert!(matches!(inner.get_cranelift_opt_level(), Some(OptLevel::Speed)));
        assert!(inner.get_pooling_config().is_none(), "on-demand allocation");
    }

    /// What has no getter is proven by what it refuses.
    #[test]
    fn features_that_are_off_are_refused() {
        let engine = Engine::new(None).unwrap();
        for (what, text) in
            [("threads", "(module (memory 1 2 shared))"), ("memory64", "(module (memory i64 1))")]
        {
            let bytes = wat::parse_str(text).unwrap();
            assert!(wasmtime::Module::new(engine.inner(), bytes).is_err(), "{what} is on");
        }
        let simd =
            wat::parse_str("(module (func (param v128) (result v128) local.get 0))").unwrap();
        wasmtime::Module::new(engine.inner(), simd).unwrap();
    }

    #[test]
    fn a_cache_that_others_can_write_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let open = directory.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
        let error = Engine::new(Some(&open)).err().unwrap().to_string();
        assert!(error.contains("chmod 700"), "{error}");
        let fresh = directory.path().join("a/b");
        Engine::new(Some(&fresh)).unwrap();
        assert_eq!(std::fs::metadata(&fresh).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
