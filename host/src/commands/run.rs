//! `wardline run`: records until the process is told to end.

use std::path::PathBuf;

use super::{Process, state};
use crate::base::Result;
use crate::base::metrics::Metrics;
use crate::cli::Run;
use crate::config;
use crate::pipeline::{self, Surroundings};

pub(super) async fn run(arguments: Run, process: Process) -> Result<()> {
    let config = config::load(&arguments.config)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let surroundings = Surroundings {
        clock: process.clock,
        metrics: Metrics::default(),
        cache: cache(|name| std::env::var_os(name).map(PathBuf::from)),
        notes: state::directory(),
        file: Some(arguments.config),
    };
    pipeline::start(config, surroundings).await?.run(process.shutdown).await;
    Ok(())
}

/// Where compiled components are kept: systemd's directory for it, or the user's. Nowhere for a
/// process without either: it compiles at every start.
pub(super) fn cache(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    absolute("CACHE_DIRECTORY")
        .or_else(|| absolute("XDG_CACHE_HOME").map(|path| path.join("wardline")))
        .or_else(|| absolute("HOME").map(|path| path.join(".cache/wardline")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_such_things_are() {
        for (set, expected) in [
            (&[("HOME", "/u/a")][..], Some("/u/a/.cache/wardline")),
            (&[("HOME", "/u/a"), ("XDG_CACHE_HOME", "/x")], Some("/x/wardline")),
            (&[("HOME", "/u/a"), ("CACHE_DIRECTORY", "/var/cache/w")], Some("/var/cache/w")),
            (&[("HOME", "relative")], None),
            (&[], None),
        ] {
            let get = |name: &str| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value))
            };
            assert_eq!(cache(get), expected.map(PathBuf::from), "{set:?}");
        }
    }
}
