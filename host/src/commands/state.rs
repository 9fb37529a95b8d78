//! Where this program notes what it must remember outside of any store.

use std::path::PathBuf;

/// systemd's directory for it, or the user's. Nowhere for a process without either.
pub(super) fn directory() -> Option<PathBuf> {
    of(|name| std::env::var_os(name).map(PathBuf::from))
}

fn of(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    // A unit may have several, with colons between them: the first is the program's own.
    let first = |paths: PathBuf| {
        let text = paths.to_string_lossy();
        PathBuf::from(text.split(':').next().unwrap_or_default())
    };
    absolute("STATE_DIRECTORY")
        .map(first)
        .or_else(|| absolute("XDG_STATE_HOME").map(|path| path.join("wardline")))
        .or_else(|| absolute("HOME").map(|path| path.join(".local/state/wardline")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_where_such_things_are() {
        for (set, expected) in [
            (&[("HOME", "/u/a")][..], Some("/u/a/.local/state/wardline")),
            (&[("HOME", "/u/a"), ("XDG_STATE_HOME", "/x")], Some("/x/wardline")),
            (&[("HOME", "/u/a"), ("STATE_DIRECTORY", "/var/lib/w")], Some("/var/lib/w")),
            (&[("STATE_DIRECTORY", "/var/lib/w:/var/lib/v")], Some("/var/lib/w")),
            (&[("HOME", "relative")], None),
            (&[], None),
        ] {
            let get = |name: &str| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value))
            };
            assert_eq!(of(get), expected.map(PathBuf::from), "{set:?}");
        }
    }
}
