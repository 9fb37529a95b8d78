//! Who comes after whom (`after`, `pictures`, `tail` of plugins) and which camera hears which
//! (`hears`): read, and checked for names that must exist and circles.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Plugin;
use super::camera::Read;
use super::read::{ReadPlugin, unknown};
use super::table::{Context, Table, Text};
use crate::base::kinds::KindsOf;

/// The longest chain: also what the host lets an event go through.
const LENGTH_MAX: usize = crate::base::limits::HOPS_MAX as usize;

/// How long an analyzer goes on looking where nobody says otherwise.
const TAIL: Duration = Duration::from_secs(5);

/// Who says events and is no plugin.
const OTHERS: [&str; 2] = ["api", "host"];

/// `after`, `pictures` and `tail` of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// It hears these plugins' events, on its own cameras.
    pub after: Vec<KindsOf>,
    /// For analyzers: when it gets pictures.
    pub pictures: Pictures,
    /// So many plugins stand before it, one after the other.
    pub depth: usize,
}

/// When an analyzer gets pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pictures {
    /// As many as it wishes.
    Always,
    /// Only while an event of those it comes after is open, and so long after.
    WhileOpen(Duration),
}

/// A chain, and where its names stand.
pub(super) struct ReadChain {
    pub(super) chain: Chain,
    after: Vec<Text>,
}

/// Reads what a plugin says of those before it.
pub(super) fn chain(context: &Context<'_>, table: &Table<'_, '_>) -> ReadChain {
    let (after, texts) = kinds_of(context, table, "after", "motion");
    let while_open = table.choice("pictures", &[("always", false), ("while-open", true)]);
    let tail = table.duration("tail", Duration::ZERO..=Duration::from_secs(3600));
    if while_open == Some(true) && table.get("after").is_none() {
        context.mistake(
            table.at,
            format!("`pictures = \"while-open\"` in `[{}]` needs `after`: write which plugin's events wake it, for example `after = [\"motion\"]`", table.name),
        );
    }
    if let Some((_, at)) = table.get("tail").filter(|_| while_open != Some(true)) {
        context.mistake(
            at,
            format!(
                "`tail` in `[{}]` is for `pictures = \"while-open\"`: add that, or leave it out",
                table.name
            ),
        );
    }
    let pictures = match while_open {
        Some(true) => Pictures::WhileOpen(tail.unwrap_or(TAIL)),
        _ => Pictures::Always,
    };
    ReadChain { chain: Chain { after, pictures, depth: 0 }, after: texts }
}

/// A list of names, each with the kinds that are meant.
pub(super) fn kinds_of(
    context: &Context<'_>,
    table: &Table<'_, '_>,
    key: &'static str,
    example: &str,
) -> (Vec<KindsOf>, Vec<Text>) {
    let parse = |text: Text| {
        let parsed = KindsOf::parse(&text.value);
        if parsed.is_none() {
            context.mistake(
                text.at,
                format!("`{key}`: `{}` names no kind of event: write `{example}`, `{example}/door.*` or `{example}/*`", text.raw),
            );
        }
        Some((parsed?, text))
    };
    table.texts(key).into_iter().filter_map(parse).unzip()
}

/// Notes how many stand before each plugin, where nothing is wrong.
pub(super) fn count(plugins: &mut [Plugin]) {
    let depths = depths(plugins.iter()).unwrap_or_default();
    let depths: Vec<_> = depths.into_iter().map(|(name, depth)| (name.to_owned(), depth)).collect();
    for plugin in plugins {
        let found = depths.iter().find(|(name, _)| *name == plugin.name);
        plugin.chain.depth = found.map_or(0, |(_, depth)| *depth);
    }
}

/// The name in a text, for messages.
fn name_of(text: &Text) -> &str {
    text.raw.split('/').next().unwrap_or_default()
}

pub(super) fn check(
    context: &Context<'_>,
    plugins: &[ReadPlugin],
    cameras: &[Read],
    camera_names: &[&str],
) {
    for read in plugins {
        names(context, plugins, read);
    }
    lengths(context, plugins);
    for read in cameras {
        hears(context, read, camera_names);
        for analyzer in &read.camera.analyzers {
            if let Some(plugin) = plugins.iter().find(|one| one.plugin.name == *analyzer) {
                deaf(context, plugins, plugin, read);
            }
        }
    }
}

fn names(context: &Context<'_>, plugins: &[ReadPlugin], read: &ReadPlugin) {
    for (of, text) in read.plugin.chain.after.iter().zip(&read.chain.after) {
        let known = || plugins.iter().map(|read| read.plugin.name.as_str()).chain(OTHERS);
        if of.name == read.plugin.name {
            context.mistake(
                text.at,
                format!(
                    "plugin `{}` can't come after itself: it never hears what it says",
                    text.raw
                ),
            );
        } else if !known().any(|name| name == of.name) {
            context.mistake(text.at, unknown("plugin", name_of(text), known()));
        }
    }
}

/// Refuses what comes after itself by way of others, and chains that are too long.
fn lengths(context: &Context<'_>, plugins: &[ReadPlugin]) {
    let at = |name: &str| {
        let read = plugins.iter().find(|read| read.plugin.name == name);
        read.and_then(|read| read.chain.after.first()).map_or(0, |text| text.at)
    };
    match depths(plugins.iter().map(|read| &read.plugin)) {
        Err(circle) => context.mistake(
            at(&circle[0]),
            format!(
                "plugins come after one another in a circle: `{}`: leave one `after` out",
                circle.join("` after `")
            ),
        ),
        Ok(depths) => {
            for (name, depth) in depths.into_iter().filter(|(_, depth)| *depth > LENGTH_MAX) {
                context.mistake(
                    at(name),
                    format!("plugin `{name}` comes after {depth} others in a row, and an event goes through {LENGTH_MAX} plugins at most: shorten the chain"),
                );
            }
        }
    }
}

/// How many plugins stand before each, one after the other; `Err`: a circle, its first name again at
/// its end.
pub(super) fn depths<'a>(
    plugins: impl Iterator<Item = &'a Plugin>,
) -> Result<BTreeMap<&'a str, usize>, Vec<String>> {
    // What comes after itself is a mistake of its own.
    let others = |plugin: &'a Plugin| {
        let names = plugin.chain.after.iter().map(|of| of.name.as_str());
        names.filter(|name| *name != plugin.name).collect()
    };
    let after: BTreeMap<&str, Vec<&str>> =
        plugins.map(|plugin| (plugin.name.as_str(), others(plugin))).collect();
    let mut depths: BTreeMap<&str, usize> = after.keys().map(|name| (*name, 0)).collect();
    let deepest = |depths: &BTreeMap<&'a str, usize>, name: &str| {
        let known = after[name].iter().filter_map(|one| Some((*depths.get(one)?, *one)));
        known.max()
    };
    // Each round makes sure of one more depth. What still grows after all of them is in a circle, or
    // comes after one.
    for _ in 0..=after.len() {
        let mut grown = None;
        for name in after.keys().copied() {
            let depth = deepest(&depths, name).map_or(0, |(depth, _)| depth + 1);
            if depth > depths[name] {
                depths.insert(name, depth);
                grown = Some(name);
            }
        }
        let Some(name) = grown else { return Ok(depths) };
        if depths[name] > after.len() {
            return Err(circle(name, |name| deepest(&depths, name).map(|(_, deepest)| deepest)));
        }
    }
    Ok(depths)
}

/// The circle that one gets into who goes on from `name`, from its first in the alphabet to that.
fn circle<'a>(name: &'a str, next: impl Fn(&str) -> Option<&'a str>) -> Vec<String> {
    let mut way = vec![name];
    let mut last = name;
    while let Some(name) = next(last) {
        if let Some(begin) = way.iter().position(|one| *one == name) {
            way.drain(..begin);
            break;
        }
        way.push(name);
        last = name;
    }
    let first = way.iter().enumerate().min_by_key(|(_, name)| **name).map_or(0, |(at, _)| at);
    way.rotate_left(first);
    way.push(way[0]);
    way.into_iter().map(str::to_owned).collect()
}

fn hears(context: &Context<'_>, read: &Read, camera_names: &[&str]) {
    for (of, text) in read.camera.hears.iter().zip(&read.hears) {
        if of.name == read.camera.name {
            context.mistake(
                text.at,
                format!(
                    "camera `{}` hears itself anyway: leave `{}` out of `hears`",
                    read.camera.name, text.raw
                ),
            );
        } else if !camera_names.contains(&of.name.as_str()) {
            context
                .mistake(text.at, unknown("camera", name_of(text), camera_names.iter().copied()));
        }
    }
    if let (Some(first), true) = (read.hears.first(), read.camera.policies.is_empty()) {
        context.warn(
            first.at,
            format!(
                "camera `{}` hears others but has no policy, so nothing comes of it",
                read.camera.name
            ),
        );
    }
}

/// An analyzer that comes only after plugins which say nothing of this camera.
fn deaf(context: &Context<'_>, plugins: &[ReadPlugin], plugin: &ReadPlugin, read: &Read) {
    let camera = &read.camera;
    let Some(text) = plugin.chain.after.first() else { return };
    let speaks = |name: &String| {
        let source = plugins.iter().find(|one| one.plugin.name == *name);
        OTHERS.contains(&name.as_str())
            || camera.analyzers.contains(name)
            || camera.policies.contains(name)
            || source.is_none_or(|one| one.plugin.cameras.contains(&camera.name))
    };
    if !plugin.plugin.chain.after.iter().any(|of| speaks(&of.name)) {
        context.mistake(
            text.at,
            format!("plugin `{}` comes after `{}`, which says nothing of camera `{}`: name it there under `analyzers`", plugin.plugin.name, text.raw, camera.name),
        );
    }
}
