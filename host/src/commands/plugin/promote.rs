//! `wardline plugin promote`: a candidate and the one in charge change places, in the configuration,
//! which a running host is told to read.
//!
//! Only the values are touched; what else the operator wrote stays. What came of it is read back
//! and compared before anything is written.

use std::io::Write;
use std::ops::Range;
use std::path::Path;

use serde_json::json;
use toml::de::{DeTable, DeValue};

use super::shadow::pairs;
use crate::base::{Error, Kind, Result};
use crate::cli::Promote;
use crate::commands::host::Destination;
use crate::commands::output;
use crate::config::{self, Config, Surroundings};
use crate::serve::Reloaded;

/// What belongs to a component beside its place, and goes where it goes.
const KEYS: [&str; 3] = ["params", "grant", "digest"];

pub(super) async fn promote(arguments: &Promote) -> Result<()> {
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
                "{} is not written so that this can be done by a machine: exchange `component`, \
                 `params`, `grant` and `digest` of [plugins.{place}] and [plugins.{candidate}] by hand",
                path.display()
            ))
        })?;
    if arguments.dry_run {
        return output::line(new.trim_end());
    }
    write(path, &new)?;
    let cameras: Vec<String> = pairs.into_iter().map(|pair| pair.camera).collect();
    output::line(format!(
        "`{place}` is now what `{candidate}` was, for: {}\nto undo it, promote `{candidate}` again",
        if cameras.is_empty() { "no camera".into() } else { cameras.join(", ") },
    ))?;
    let host = match &arguments.host {
        Some(url) => Destination::at(url),
        None => Destination::of(path)?,
    };
    let answer: Result<Reloaded> = host.post("/api/v1/config/reload", &json!({})).await;
    match answer {
        Ok(done) if done.failed.is_empty() => output::line("the running host has taken it over"),
        Ok(done) => Err(Error::refuse(format!(
            "the running host has read it, but: {}",
            done.failed.join("\n")
        ))),
        // Nobody answers: whoever runs reads the file by himself, and whoever starts, too.
        Err(error) if error.kind() == Kind::Retry => output::line(
            "no running host was reached: one that runs with this file takes it over within \
             seconds, if not, name it with --host",
        ),
        Err(error) => {
            // It would not start with it either.
            write(path, &text)?;
            Err(Error::refuse(format!("{} is as it was: nothing was promoted", path.display()))
                .with(error))
        }
    }
}

/// Where something stands in the text.
struct Place {
    component: Range<usize>,
    /// Of each of [`KEYS`]: from the key to the end of the value, and the value alone.
    keys: Vec<Option<(Range<usize>, Range<usize>)>>,
}

/// The text with all that belongs to the components of the two exchanged. `None`: it is written
/// otherwise.
fn exchange(text: &str, one: &str, other: &str) -> Option<String> {
    let document = DeTable::parse(text).ok()?;
    let plugins = table(document.get_ref().get("plugins")?.get_ref())?;
    let (first, second) = (place(plugins, one)?, place(plugins, other)?);
    let mut edits: Vec<(Range<usize>, String)> = vec![
        (first.component.clone(), text.get(second.component.clone())?.to_owned()),
        (second.component.clone(), text.get(first.component.clone())?.to_owned()),
    ];
    for pair in first.keys.iter().zip(&second.keys) {
        match pair {
            (None, None) => {}
            (Some((_, one)), Some((_, other))) => {
                edits.push((one.clone(), text.get(other.clone())?.to_owned()));
                edits.push((other.clone(), text.get(one.clone())?.to_owned()));
            }
            (Some((whole, _)), None) => edits.extend(moved(text, whole, &second.component)?),
            (None, Some((whole, _))) => edits.extend(moved(text, whole, &first.component)?),
        }
    }
    // From the end on, so that what stands before keeps its place; what is put in at one place keeps
    // its order.
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
    let find = |wanted: &str| {
        let found = plugin.iter().find(|(key, _)| key.get_ref() == wanted);
        found.map(|(key, value)| (key.span().start..value.span().end, value.span()))
    };
    Some(Place { component, keys: KEYS.iter().map(|key| find(key)).collect() })
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
        let plugin = config.plugin(name)?;
        let (component, params) = (plugin.component.clone(), plugin.params.clone());
        Some((component, params, plugin.grant.clone(), plugin.trust.digest))
    };
    let others = before.plugins.iter().filter(|plugin| plugin.name != one && plugin.name != other);
    what(before, one) == what(&after, other)
        && what(before, other) == what(&after, one)
        && others.into_iter().all(|plugin| what(before, &plugin.name) == what(&after, &plugin.name))
}

/// Writes the configuration; the message says what to do where that can't be.
fn write(path: &Path, text: &str) -> Result<()> {
    replace(path, text).map_err(|error| {
        Error::refuse(format!(
            "write {}: promoting changes the configuration, so do it as somebody who may write it \
             and its folder; `--dry-run` shows what would stand there, to be put there otherwise",
            path.display()
        ))
        .with(error)
    })
}

/// Whole or not at all. A link stays a link, and the file its owner's.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let path = std::fs::canonicalize(path)?;
    let about = std::fs::metadata(&path)?;
    if about.permissions().readonly() {
        return Err(std::io::Error::new(
            std::io::ErrorKind::PermissionDenied,
            "the file is marked as read-only",
        ));
    }
    let beside = path.with_extension("toml.new");
    let written = std::fs::File::create(&beside)
        .and_then(|mut file| {
            file.set_permissions(about.permissions())?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| {
            // Only root may give files away; everybody else makes his own.
            let _ = std::os::unix::fs::chown(&beside, Some(about.uid()), Some(about.gid()));
            std::fs::rename(&beside, &path)
        });
    if written.is_err() {
        // Perhaps it never was.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Anything;

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
    fn grants_and_pins_go_with_the_component() {
        let pin = |digit: &str| format!("digest = \"sha256:{}\"\n", digit.repeat(64));
        check(
            &format!(
                "[plugins.keep]\ncomponent = \"./keep.wasm\"\nshadow = \"next\"\n{}\
                 [plugins.next]\ncomponent = \"./next.wasm\"\ngrant = [\"kv\"] # counts\n{}",
                pin("1"),
                pin("2")
            ),
            true,
        );
        check(
            "[plugins.keep]\ncomponent = \"./keep.wasm\"\nshadow = \"next\"\n\
             [plugins.next]\ncomponent = \"./next.wasm\"\ngrant = [\"kv\"]\n\
             params = { before = \"10s\" }\n",
            true,
        );
    }

    #[test]
    fn what_must_not_be_written_is_left_and_a_link_stays_one() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("real.toml"), folder.path().join("wardline.toml"));
        std::fs::write(&file, "a").unwrap();
        symlink(&file, &link).unwrap();
        write(&link, "b").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "b");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o440)).unwrap();
        let said = write(&link, "c").unwrap_err().chain();
        assert!(said.contains("wardline.toml") && said.contains("--dry-run"), "{said}");
        assert!(said.contains("read-only"), "{said}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "b");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
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
