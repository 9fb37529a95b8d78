//! `wardline plugin promote`: a candidate and the one in charge change places, in the configuration.
//!
//! Only the values are touched; what else the operator wrote stays. What came of it is read back
//! and compared before anything is written.

use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::shadow::pairs;
use crate::base::{Error, Result};
use crate::cli::Promote;
use crate::commands::output;
use crate::config::{self, Config, Surroundings};

pub(super) fn promote(arguments: &Promote) -> Result<()> {
    let path = &arguments.config;
    let config = config::load(path)?;
    let candidate = arguments.name.as_str();
    let pairs = pairs(&config, candidate)?;
    let place = config.plugins.iter().find(|one| one.shadow.as_deref() == Some(candidate));
    let place = place.map(|plugin| plugin.name.clone()).unwrap_or_default();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::refuse(format!("read {}", path.display())).with(error))?;
    let new = exchange(&text, &place, candidate)
        .filter(|new| is_exchanged(&config, new, path, &config::Machine, [&place, candidate]))
        .ok_or_else(|| {
            Error::refuse(format!(
                "{} is not written so that this can be done by a machine: exchange `component` and \
                 `params` of [plugins.{place}] and [plugins.{candidate}] by hand",
                path.display()
            ))
        })?;
    if arguments.dry_run {
        return output::line(new.trim_end());
    }
    replace(path, &new)
        .map_err(|error| Error::refuse(format!("write {}", path.display())).with(error))?;
    let cameras: Vec<String> = pairs.into_iter().map(|pair| pair.camera).collect();
    output::line(format!(
        "`{place}` is now what `{candidate}` was, for: {}\nto undo it, promote `{candidate}` again; \
         a running host takes it over when it reads its configuration again",
        if cameras.is_empty() { "no camera".into() } else { cameras.join(", ") },
    ))
}

/// Where something stands in the text.
struct Place {
    component: Range<usize>,
    /// From the key to the end of the value, and the value alone.
    params: Option<(Range<usize>, Range<usize>)>,
}

/// The text with component and params of the two exchanged. `None`: it is written otherwise.
fn exchange(text: &str, one: &str, other: &str) -> Option<String> {
    let document = DeTable::parse(text).ok()?;
    let plugins = table(document.get_ref().get("plugins")?.get_ref())?;
    let (first, second) = (place(plugins, one)?, place(plugins, other)?);
    let mut edits: Vec<(Range<usize>, String)> = vec![
        (first.component.clone(), text.get(second.component.clone())?.to_owned()),
        (second.component.clone(), text.get(first.component.clone())?.to_owned()),
    ];
    match (&first.params, &second.params) {
        (None, None) => {}
        (Some((_, one)), Some((_, other))) => {
            edits.push((one.clone(), text.get(other.clone())?.to_owned()));
            edits.push((other.clone(), text.get(one.clone())?.to_owned()));
        }
        (Some((whole, _)), None) => edits.extend(moved(text, whole, &second.component)?),
        (None, Some((whole, _))) => edits.extend(moved(text, whole, &first.component)?),
    }
    edits.sort_by_key(|(at, _)| std::cmp::Reverse(at.start));
    let mut new = text.to_owned();
    for (at, with) in edits {
        new.replace_range(at, &with);
    }
    Some(new)
}

/// Takes `key = value` out, with its line, and puts it on a line of its own after the component.
fn moved(
    text: &str,
    whole: &Range<usize>,
    component: &Range<usize>,
) -> Option<[(Range<usize>, String); 2]> {
    let line = text[..whole.start].rfind('\n').map_or(0, |at| at + 1);
    let end_of = |at: usize| text[at..].find('\n').map_or(text.len(), |end| at + end);
    let (gone, after) = (line..(end_of(whole.end) + 1).min(text.len()), end_of(component.end));
    let with = format!("\n{}", text.get(line..end_of(whole.end))?);
    Some([(gone, String::new()), (after..after, with)])
}

fn table<'t, 'i>(value: &'t DeValue<'i>) -> Option<&'t DeTable<'i>> {
    match value {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

fn place(plugins: &DeTable<'_>, name: &str) -> Option<Place> {
    let plugin = table(plugins.get(name)?.get_ref())?;
    let component = plugin.get("component")?.span();
    let params = plugin.iter().find(|(key, _)| key.get_ref() == "params");
    let params = params.map(|(key, value)| (key.span().start..value.span().end, value.span()));
    Some(Place { component, params })
}

/// What was read back is as before, but for the two.
fn is_exchanged(
    before: &Config,
    new: &str,
    path: &Path,
    surroundings: &dyn Surroundings,
    [one, other]: [&str; 2],
) -> bool {
    let Ok(after) = config::parse(new, path, surroundings) else { return false };
    let what = |config: &Config, name: &str| {
        config.plugin(name).map(|plugin| (plugin.component.clone(), plugin.params.clone()))
    };
    let others = before.plugins.iter().filter(|plugin| plugin.name != one && plugin.name != other);
    what(before, one) == what(&after, other)
        && what(before, other) == what(&after, one)
        && others.into_iter().all(|plugin| what(before, &plugin.name) == what(&after, &plugin.name))
}

/// Whole or not at all.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("toml.new");
    std::fs::write(&beside, text)?;
    std::fs::set_permissions(&beside, std::fs::metadata(path)?.permissions())?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Anything;

    impl Surroundings for Anything {
        fn variable(&self, _: &str) -> Option<String> {
            None
        }

        fn secret_file(&self, _: &Path) -> std::io::Result<String> {
            Err(std::io::ErrorKind::NotFound.into())
        }

        fn is_file(&self, _: &Path) -> bool {
            true
        }
    }

    const CAMERA: &str = "store.path = \"rec\"\n[cameras.gate]\nurl = \"rtsp://10.0.0.5/s\"\n\
                          policies = [\"keep\"]\n";

    fn check(plugins: &str, possible: bool) {
        let path = Path::new("wardline.toml");
        let text = format!("{CAMERA}{plugins}");
        let before = config::parse(&text, path, &Anything).unwrap();
        let good = |before: &Config, new: &String| {
            is_exchanged(before, new, path, &Anything, ["keep", "next"])
        };
        let once = exchange(&text, "keep", "next").filter(|new| good(&before, new));
        assert_eq!(once.is_some(), possible, "{once:?}");
        let Some(once) = once else { return };
        let comments = |text: &str| text.matches('#').count();
        assert_eq!(comments(&once), comments(&text), "{once}");
        let between = config::parse(&once, path, &Anything).unwrap();
        assert_eq!(between.plugin("keep").unwrap().shadow.as_deref(), Some("next"));
        let twice = exchange(&once, "keep", "next").unwrap();
        assert!(good(&between, &twice), "{twice}");
    }

    #[test]
    fn twice_promoted_is_as_before_and_comments_stay() {
        check(
            "[plugins.keep]\n# The old one.\ncomponent = \"policy-pre-post\" # bundled\n\
             params = { before = \"5s\", after = \"20s\" } # long enough\nshadow = \"next\"\n\
             [plugins.next]\ncomponent = \"./next.wasm\"\nparams = { before = \"10s\" }\n",
            true,
        );
        check(
            "[plugins.keep]\ncomponent = \"policy-pre-post\"\nshadow = \"next\" # tried\n\
             params = { before = \"5s\" }\n[plugins.next]\ncomponent = \"./next.wasm\"",
            true,
        );
    }

    #[test]
    fn what_a_machine_can_not_do_is_left_alone() {
        check(
            "[plugins.keep]\ncomponent = \"policy-pre-post\"\nshadow = \"next\"\n\
             [plugins.keep.params]\nbefore = \"5s\"\n[plugins.next]\ncomponent = \"./next.wasm\"\n",
            false,
        );
    }
}
