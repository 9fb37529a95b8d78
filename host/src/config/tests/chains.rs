//! Who comes after whom, and which camera hears which.

use std::time::Duration;

use super::{check, read, with_base};
use crate::base::kinds::{Kinds, KindsOf};
use crate::config::Pictures;

/// Plugins with their `after`; analyzers of a camera `gate` all.
fn chain(after: &[(&str, &str)]) -> String {
    let plugin = |(name, after): &(&str, &str)| {
        format!("[plugins.{name}]\ncomponent = \"b\"\nafter = [{after}]\n")
    };
    let names: Vec<String> = after.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let plugins: String = after.iter().map(plugin).collect();
    with_base(&format!(
        "{plugins}[cameras.gate]\nurl = \"rtsp://x/\"\nanalyzers = [{}]\n",
        names.join(", ")
    ))
}

#[test]
fn chains_are_read() {
    let config = read(&with_base(
        r#"
[plugins.motion]
component = "a"
[plugins.tracker]
component = "a"
after = ["motion"]
pictures = "while-open"
[plugins.line]
component = "a"
after = ["tracker/track.*", "api/door.opened"]
[plugins.keep]
component = "p"
[templates.yard]
policies = ["keep"]
hears = ["gate/*"]
[cameras.gate]
url = "rtsp://gate/"
analyzers = ["line", "tracker", "motion"]
policies = ["keep"]
hears = ["yard/motion"]
[cameras.yard]
template = "yard"
url = "rtsp://yard/"
"#,
    ))
    .unwrap();
    let chain = |name: &str| config.plugin(name).unwrap().chain.clone();
    assert_eq!((chain("motion").depth, chain("tracker").depth, chain("line").depth), (0, 1, 2));
    assert_eq!(chain("motion").pictures, Pictures::Always);
    assert_eq!(chain("tracker").pictures, Pictures::WhileOpen(Duration::from_secs(5)));
    let group = KindsOf { name: "tracker".into(), kinds: Kinds::Group("track.".into()) };
    assert_eq!(chain("line").after[0], group);
    // Each on the other's motion: no circle, since what policies say stays with their camera.
    assert_eq!(config.camera("yard").unwrap().hears[0].name, "gate");
    assert_eq!(config.camera("gate").unwrap().hears[0].kinds, Kinds::One("motion".into()));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn circles_are_refused_once_by_name() {
    check(&chain(&[("a", "\"a\"")]), &["5: plugin `a` can't come after itself"]);
    check(
        &chain(&[("c", "\"a\""), ("a", "\"b\""), ("b", "\"c\""), ("d", "\"c\"")]),
        &[
            "8: plugins come after one another in a circle: `a` after `b` after `c` after `a`: leave",
        ],
    );
    let names: Vec<String> = (0..10).map(|number| format!("p{number}")).collect();
    let before: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let mut long = vec![("p0", "\"api\"")];
    long.extend((1..10).map(|at| (names[at].as_str(), before[at - 1].as_str())));
    check(&chain(&long[..9].to_vec()), &[]);
    check(&chain(&long), &["32: plugin `p9` comes after 9 others in a row"]);
}

#[test]
fn what_would_never_hear_is_a_mistake() {
    for (text, expected) in [
        (chain(&[("a", "\"motoin\""), ("motion", "")]), "5: there is no plugin `motoin`: did you"),
        (chain(&[("a", "\"b/\""), ("b", "")]), "5: `after`: `b/` names no kind of event: write"),
        (
            with_base("[plugins.a]\ncomponent = \"b\"\npictures = \"while-open\""),
            "3: `pictures = \"while-open\"` in `[plugins.a]` needs `after`",
        ),
        (
            with_base("[plugins.a]\ncomponent = \"b\"\ntail = \"3s\""),
            "5: `tail` in `[plugins.a]` is for `pictures = \"while-open\"`",
        ),
        (
            with_base(
                "[plugins.m]\ncomponent = \"b\"\n[plugins.a]\ncomponent = \"b\"\nafter = [\"m\"]\n[cameras.x]\nurl = \"rtsp://x/\"\nanalyzers = [\"m\"]\n[cameras.y]\nurl = \"rtsp://y/\"\nanalyzers = [\"a\"]",
            ),
            "7: plugin `a` comes after `m`, which says nothing of camera `y`",
        ),
        (
            with_base("[cameras.y]\nurl = \"rtsp://y/\"\nhears = [\"y/*\"]"),
            "5: camera `y` hears itself anyway",
        ),
        (
            with_base("[cameras.y]\nurl = \"rtsp://y/\"\nhears = [\"bsae/*\"]"),
            "5: there is no camera `bsae`: did you mean `base`?",
        ),
    ] {
        check(&text, &[expected]);
    }
}
