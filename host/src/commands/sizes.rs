//! Whether the limits by size can ever be reached: a warning for those that are larger than their
//! disk.

use std::path::Path;

use crate::config::{Config, show_size};
use crate::store::MAIN_NAME;
use crate::store::fs::{Disk, Fs};

/// One line for each limit that is larger than its filesystem.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let directories = config.stores.iter().map(|it| (it.name.as_str(), &it.path, it.size_max));
    let main = (MAIN_NAME, &config.store.path, config.store.size_max);
    let stores: Vec<_> = std::iter::once(main)
        .chain(directories)
        .filter_map(|(name, path, size_max)| Some((name, total(path)?, size_max)))
        .collect();
    let too_large = |what: String, size_max: Option<u64>, total: u64| {
        let size = size_max.filter(|size| *size > total)?;
        Some(format!(
            "{what} has `size-max` {}, and its disk has {}: `free-floor` limits it before",
            show_size(size),
            show_size(total)
        ))
    };
    let of_stores = stores
        .iter()
        .filter_map(|(name, total, size)| too_large(format!("store `{name}`"), *size, *total));
    let of_cameras = config.cameras.iter().filter_map(|camera| {
        let (_, total, _) = stores.iter().find(|(name, ..)| *name == camera.store)?;
        too_large(format!("camera {}", camera.name), camera.size_max, *total)
    });
    of_stores.chain(of_cameras).collect()
}

/// The size of the filesystem that holds `path`, or will: it may not have been made yet.
fn total(path: &Path) -> Option<u64> {
    let here = std::path::absolute(path).ok()?;
    let space = here.ancestors().find_map(|at| Disk.space(at).ok())?;
    Some(space.total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Machine, parse};

    #[test]
    fn a_limit_that_is_never_reached_is_a_warning() {
        let text = "[store]\npath = \"/nowhere/yet\"\nsize-max = \"900TiB\"\n\
                    [cameras.gate]\nurl = \"rtsp://gate/\"\nsize-max = \"901TiB\"\n\
                    [cameras.yard]\nurl = \"rtsp://yard/\"\nsize-max = \"2MiB\"\n";
        let config = parse(text, Path::new("wardline.toml"), &Machine).unwrap();
        let warnings = warnings(&config);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].starts_with("store `main` has `size-max` 900 TiB"), "{warnings:?}");
        assert!(warnings[1].starts_with("camera gate"), "{warnings:?}");
    }
}
