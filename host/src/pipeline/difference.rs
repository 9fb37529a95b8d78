//! What is another in a new configuration, and who is touched by it. Pure: two configurations in, a
//! list of names out.

use std::collections::BTreeSet;

use crate::config::{Camera, Config, Plugin};
use crate::serve::Changes;

/// What a running host can't change.
pub(super) fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let listen = (old.http.listen != new.http.listen).then_some("http.listen");
    let token = (old.http.token != new.http.token).then_some("http.token");
    let tls = (old.http.tls != new.http.tls).then_some("http.tls");
    let store = (old.store != new.store).then_some("store");
    let stores = (old.stores != new.stores).then_some("stores");
    [listen, token, tls, store, stores].into_iter().flatten().collect()
}

/// Who comes, goes and is made anew.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) cameras: Changes,
    /// Plugins, whatever their kind.
    pub(super) plugins: Changes,
    /// Clips are made otherwise, or of other cameras.
    pub(super) clips: bool,
    /// Of the changed plugins those that only have another component or other parameters: they are
    /// swapped where they sit, and their cameras go on.
    pub(super) swaps: Vec<String>,
}

impl Difference {
    /// `rebuilt`: plugins whose component is another although nothing else about them is.
    pub(super) fn of(old: &Config, new: &Config, rebuilt: &BTreeSet<String>) -> Self {
        let plugins = changes(
            &old.plugins,
            &new.plugins,
            |plugin| &plugin.name,
            |one, other| one != other || rebuilt.contains(&one.name),
        );
        let is_swap = |name: &String| {
            let same = |one: &Plugin, other: &Plugin| {
                let (component, params) = (other.component.clone(), other.params.clone());
                Plugin { component, params, ..one.clone() } == *other
            };
            old.plugin(name).zip(new.plugin(name)).is_some_and(|(one, other)| same(one, other))
        };
        let swaps: Vec<String> =
            plugins.changed.iter().filter(|name| is_swap(name)).cloned().collect();
        let touched = |camera: &Camera| {
            let mut named = camera.analyzers.iter().chain(&camera.policies);
            named.any(|name| plugins.changed.contains(name) && !swaps.contains(name))
        };
        let cameras = changes(
            &old.cameras,
            &new.cameras,
            |camera| &camera.name,
            |one, other| one != other || touched(one),
        );
        let filmed = |config: &Config| -> Vec<_> {
            let of = |camera: &Camera| (camera.name.clone(), camera.clips, camera.timezone.clone());
            config.cameras.iter().map(of).collect()
        };
        let clips = old.clips != new.clips || filmed(old) != filmed(new);
        Self { cameras, plugins, clips, swaps }
    }

    pub(super) fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

fn changes<T>(
    old: &[T],
    new: &[T],
    name: impl Fn(&T) -> &String,
    differs: impl Fn(&T, &T) -> bool,
) -> Changes {
    let find = |all: &'_ [T], one: &T| all.iter().position(|other| name(other) == name(one));
    let missing = |all: &[T], from: &[T]| -> Vec<String> {
        all.iter().filter(|one| find(from, one).is_none()).map(|one| name(one).clone()).collect()
    };
    let changed = |one: &&T| find(old, one).is_some_and(|at| differs(&old[at], one));
    Changes {
        added: missing(new, old),
        removed: missing(old, new),
        changed: new.iter().filter(changed).map(|one| name(one).clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{self, Surroundings};

    /// No environment, and every file is there.
    struct Nowhere;

    impl Surroundings for Nowhere {
        fn variable(&self, _: &str) -> Option<String> {
            None
        }

        fn secret_file(&self, _: &Path) -> std::io::Result<String> {
            Ok(String::new())
        }

        fn is_file(&self, _: &Path) -> bool {
            true
        }
    }

    const BASE: &str = r#"
store.path = "rec"
[plugins.motion]
component = "analyzer-motion"
[plugins.keep]
component = "policy-pre-post"
[cameras.gate]
url = "rtsp://gate/"
analyzers = ["motion"]
[cameras.yard]
url = "rtsp://yard/"
policies = ["keep"]
"#;

    fn read(text: &str) -> Config {
        config::parse(text, Path::new("wardline.toml"), &Nowhere).unwrap()
    }

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn only_who_is_touched_is_named() {
        let old = read(BASE);
        for (from, to, added, removed, changed, plugins) in [
            ("", "", &[][..], &[][..], &[][..], &[][..]),
            ("[cameras.yard]", "[cameras.porch]", &["porch"], &["yard"], &[], &[]),
            ("rtsp://gate/", "rtsp://gate/2", &[], &[], &["gate"], &[]),
            ("\"policy-pre-post\"", "\"keep.wasm\"", &[], &[], &[], &["keep"]),
            (
                "[plugins.motion]",
                "[plugins.motion]\nparams = { sensitivity = \"low\" }",
                &[],
                &[],
                &[],
                &["motion"],
            ),
        ] {
            let new = read(&BASE.replace(from, if from.is_empty() { from } else { to }));
            let found = Difference::of(&old, &new, &BTreeSet::new());
            let cameras =
                Changes { added: names(added), removed: names(removed), changed: names(changed) };
            assert_eq!(found.cameras, cameras, "{to}");
            assert_eq!(found.plugins.changed, names(plugins), "{to}");
            assert_eq!(found.swaps, names(plugins), "{to}: swapped where it sits");
            assert_eq!(found.is_empty(), from.is_empty(), "{to}");
        }
    }

    #[test]
    fn another_component_of_the_same_name_is_swapped_where_it_sits() {
        let old = read(BASE);
        let found = Difference::of(&old, &old, &BTreeSet::from(["motion".to_owned()]));
        assert_eq!(
            (found.swaps, found.cameras, found.clips),
            (names(&["motion"]), Changes::default(), false)
        );
    }

    #[test]
    fn what_needs_a_restart_is_named() {
        let old = read(BASE);
        for (more, expected) in [
            ("http.listen = \"127.0.0.1:99\"", &["http.listen"][..]),
            ("store.sync = \"3s\"\nhttp.token = \"0123456789\"", &["http.token", "store"]),
            ("stores.large.path = \"large\"", &["stores"]),
            ("clips.directory = \"clips\"", &[]),
        ] {
            let text =
                BASE.replace("store.path = \"rec\"", &format!("store.path = \"rec\"\n{more}"));
            assert_eq!(needs_restart(&old, &read(&text)), expected, "{more}");
        }
    }
}
