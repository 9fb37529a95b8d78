//! What is another in a new configuration, and who is touched by it. Pure: two configurations in, a
//! list of names out.

use std::collections::BTreeSet;

use crate::config::{Camera, Config, Http, Mode, Plugin};
use crate::serve::Changes;

/// What a running host can't change.
pub(super) fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    // All fields are named, so that a new one is placed here or in `Difference`.
    let Config {
        store,
        stores,
        http: Http { listen, token, tls, proxies },
        plugins: _,
        cameras: _,
        clips: _,
        plugin_memory_bytes: _,
        warnings: _,
    } = old;
    let listen = (*listen != new.http.listen).then_some("http.listen");
    let token = (*token != new.http.token).then_some("http.token");
    let tls = (*tls != new.http.tls).then_some("http.tls");
    let proxies = (*proxies != new.http.proxies).then_some("http.proxies");
    let store = (*store != new.store).then_some("store");
    let stores = (*stores != new.stores).then_some("stores");
    [listen, token, tls, proxies, store, stores].into_iter().flatten().collect()
}

/// Who comes, goes and is made anew.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) cameras: Changes,
    /// Of the changed cameras those that begin anew: with the others only plugins come and go.
    pub(super) restarts: Vec<String>,
    /// Plugins, whatever their kind.
    pub(super) plugins: Changes,
    /// Of the changed plugins those that are made anew wherever they sit, since they come after others
    /// now, or speak for other cameras.
    pub(super) anew: BTreeSet<String>,
    /// Clips are made otherwise, or of other cameras.
    pub(super) clips: bool,
    /// Of the changed plugins those that have another component, other parameters or grants: they are
    /// swapped where they sit.
    pub(super) swaps: Vec<String>,
    /// All instances together may have more memory, or less.
    pub(super) memory: bool,
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
        let touched = |name: &String| {
            old.plugin(name).zip(new.plugin(name)).map(|(one, other)| Touched::of(one, other))
        };
        let is_anew = |name: &String| touched(name).is_some_and(|it| it.anew);
        let is_swapped =
            |name: &String| rebuilt.contains(name) || touched(name).is_some_and(|it| it.swapped);
        let (anew, swaps): (BTreeSet<String>, Vec<String>) = (
            plugins.changed.iter().filter(|name| is_anew(name)).cloned().collect(),
            plugins.changed.iter().filter(|name| is_swapped(name)).cloned().collect(),
        );
        let cameras =
            changes(&old.cameras, &new.cameras, |camera| &camera.name, |one, other| one != other);
        let restarts = changes(&old.cameras, &new.cameras, |camera| &camera.name, begins_anew);
        let filmed = |config: &Config| -> Vec<_> {
            let of = |camera: &Camera| (camera.name.clone(), camera.clips, camera.timezone.clone());
            config.cameras.iter().map(of).collect()
        };
        let clips = old.clips != new.clips || filmed(old) != filmed(new);
        let memory = old.plugin_memory_bytes != new.plugin_memory_bytes;
        Self { cameras, restarts: restarts.changed, plugins, anew, clips, swaps, memory }
    }

    pub(super) fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// How a plugin that is another is taken over where it sits.
struct Touched {
    /// It is made anew.
    anew: bool,
    /// It is swapped.
    swapped: bool,
}

impl Touched {
    fn of(one: &Plugin, other: &Plugin) -> Self {
        // All fields are named, so that a new one is placed. Candidates come and go with the crews.
        let Plugin { name: _, component, params, cameras, chain, grant, trust, shadow: _ } = one;
        let anew = *chain != other.chain || *cameras != other.cameras;
        let swapped = *component != other.component
            || *params != other.params
            || *grant != other.grant
            || *trust != other.trust;
        Self { anew, swapped }
    }
}

/// Whether a camera is another beyond who works on it.
fn begins_anew(one: &Camera, other: &Camera) -> bool {
    // What the recorder does is the same: policies only add reasons to keep it.
    let is_whole = |mode| matches!(mode, Mode::Continuous | Mode::Both);
    let mode = if is_whole(one.mode) && is_whole(other.mode) { other.mode } else { one.mode };
    // A second stream is fetched for analyzers only.
    let fetches = |camera: &Camera| camera.analysis.is_some() && !camera.analyzers.is_empty();
    let crew = Camera {
        mode,
        analyzers: other.analyzers.clone(),
        policies: other.policies.clone(),
        hears: other.hears.clone(),
        ..one.clone()
    };
    crew != *other || fetches(one) != fetches(other)
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
    use crate::config::{self, Anything};

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
        config::parse(text, Path::new("wardline.toml"), &Anything).unwrap()
    }

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    /// What is found after `from` is written as `to`: changed cameras, those that begin anew, changed
    /// plugins, those made anew, those swapped.
    fn found(from: &str, to: &str) -> [Vec<String>; 5] {
        let old = read(BASE);
        let new = read(&BASE.replace(from, to));
        let found = Difference::of(&old, &new, &BTreeSet::new());
        assert_eq!(found.is_empty(), from == to, "{to}");
        assert!(found.cameras.added.is_empty() && found.cameras.removed.is_empty(), "{to}");
        let anew = found.anew.into_iter().collect();
        [found.cameras.changed, found.restarts, found.plugins.changed, anew, found.swaps]
    }

    #[test]
    fn only_who_is_touched_is_named() {
        let nobody = &[][..];
        for (from, to, expected) in [
            ("", "", [nobody; 5]),
            ("rtsp://gate/", "rtsp://gate/2", [&["gate"][..], &["gate"], nobody, nobody, nobody]),
            ("\"policy-pre-post\"", "\"k.wasm\"", [nobody, nobody, &["keep"], nobody, &["keep"]]),
            (
                "[plugins.motion]",
                "[plugins.motion]\nparams = { sensitivity = \"low\" }",
                [nobody, nobody, &["motion"], nobody, &["motion"]],
            ),
            (
                "[plugins.keep]",
                "[plugins.keep]\ngrant = [\"kv\"]",
                [nobody, nobody, &["keep"], nobody, &["keep"]],
            ),
            (
                "[plugins.motion]",
                "[plugins.motion]\nafter = [\"api\"]",
                [nobody, nobody, &["motion"], &["motion"], nobody],
            ),
            (
                "[plugins.keep]",
                "[plugins.next]\ncomponent = \"n.wasm\"\n[plugins.keep]\nshadow = \"next\"",
                [nobody, nobody, &["keep"], nobody, nobody],
            ),
            // Who works on a camera does not interrupt it.
            ("[\"motion\"]", "[]", [&["gate"], nobody, nobody, nobody, nobody]),
            ("[\"keep\"]", "[]", [&["yard"], nobody, nobody, nobody, nobody]),
            (
                "[\"motion\"]",
                "[\"motion\"]\nhears = [\"yard\"]",
                [&["gate"], nobody, nobody, nobody, nobody],
            ),
            // But for what it takes to see.
            (
                "rtsp://gate/\"",
                "rtsp://gate/\"\nanalysis-url = \"rtsp://gate/2\"",
                [&["gate"], &["gate"], nobody, nobody, nobody],
            ),
            (
                "[\"keep\"]",
                "[\"keep\"]\nmode = \"events\"",
                [&["yard"], &["yard"], nobody, nobody, nobody],
            ),
        ] {
            assert_eq!(found(from, to), expected.map(names), "{to}");
        }
    }

    #[test]
    fn cameras_come_and_go() {
        let found = Difference::of(
            &read(BASE),
            &read(&BASE.replace("[cameras.yard]", "[cameras.porch]")),
            &BTreeSet::new(),
        );
        let cameras =
            Changes { added: names(&["porch"]), removed: names(&["yard"]), changed: names(&[]) };
        assert_eq!((found.cameras, found.restarts), (cameras, names(&[])));
    }

    #[test]
    fn a_second_stream_comes_with_the_first_analyzer() {
        let second =
            BASE.replace("rtsp://gate/\"", "rtsp://gate/\"\nanalysis-url = \"rtsp://g/2\"");
        let none = read(&second.replace("[\"motion\"]", "[]"));
        let found = Difference::of(&none, &read(&second), &BTreeSet::new());
        assert_eq!(found.restarts, names(&["gate"]));
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
    fn memory_of_plugins_is_taken_over() {
        let old = read(BASE);
        let more = read(&format!("limits.plugin-memory = \"3GiB\"\n{BASE}"));
        let found = Difference::of(&old, &more, &BTreeSet::new());
        assert!(found.memory && !found.is_empty());
        assert_eq!(needs_restart(&old, &more), [""; 0]);
    }

    #[test]
    fn what_needs_a_restart_is_named() {
        let old = read(BASE);
        for (more, expected) in [
            ("http.listen = \"127.0.0.1:99\"", &["http.listen"][..]),
            ("store.sync = \"3s\"\nhttp.token = \"0123456789\"", &["http.token", "store"]),
            ("http.proxies = [\"10.0.0.1\"]", &["http.proxies"]),
            ("stores.large.path = \"large\"", &["stores"]),
            ("clips.directory = \"clips\"", &[]),
        ] {
            let text =
                BASE.replace("store.path = \"rec\"", &format!("store.path = \"rec\"\n{more}"));
            assert_eq!(needs_restart(&old, &read(&text)), expected, "{more}");
        }
    }
}
