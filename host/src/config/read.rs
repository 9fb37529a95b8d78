//! The whole file: its tables, one after the other, then what they say of each other.

use std::path::Path;
use std::time::Duration;

use toml::de::DeTable;

use super::camera::{self, Role, camera, check_name};
use super::suggest::nearest;
use super::table::{Context, Table, Text};
use super::{
    Component, Config, Mistakes, Params, Plugin, Store, Surroundings, chains, clips, http, rules,
    show, stores, trust,
};
use crate::trust::Trust;
use crate::wasm::Capability;
use crate::wasm::grants::Reach;

const DAY: Duration = Duration::from_secs(86_400);

/// A plugin and where the parts stand that others must check.
pub(super) struct ReadPlugin {
    pub(super) plugin: Plugin,
    pub(super) at: usize,
    pub(super) cameras: Vec<Text>,
    pub(super) chain: chains::ReadChain,
    pub(super) shadow: Option<Text>,
}

pub(super) fn config(
    text: &str,
    path: &Path,
    surroundings: &dyn Surroundings,
) -> Result<Config, Mistakes> {
    let context = Context::new(text, path, surroundings);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        context.mistake(error.span().map_or(0, |span| span.start), error.message());
    }
    if !errors.is_empty() {
        // What can't be read would be missed as well, and that helps nobody.
        return Err(context.finish().expect_err("a mistake was noted"));
    }
    let root = Table::new(&context, "", 0, vec![document.get_ref()]);
    let (store, main_move) = store(&context, root.table("store"));
    let stores = stores::stores(&context, &root.table("stores"));
    let http = http::http(&context, root.table("http"));
    let trust = trust::trust(&context, root.table("trust"));
    let plugins = plugins(&context, &root.table("plugins"), &trust);
    let (cameras, names) = cameras(&context, &root.table("templates"), &root.table("cameras"));
    let plugin_memory_bytes = limits(root.table("limits"));
    let clips = clips::clips(&context, &root, store.as_ref());
    root.finish();
    rules::check(&context, &plugins, &cameras, &names);
    chains::check(&context, &plugins, &cameras, &names);
    stores::check(&context, store.as_ref(), main_move.as_ref(), &stores, &cameras);
    let warnings = context.finish()?;
    let mut plugins: Vec<Plugin> = plugins.into_iter().map(|read| read.plugin).collect();
    chains::count(&mut plugins);
    Ok(Config {
        store: store.expect("a missing path is a mistake"),
        stores: stores.into_iter().filter_map(|read| read.directory).collect(),
        http,
        plugins,
        cameras: cameras.into_iter().map(|read| read.camera).collect(),
        clips,
        plugin_memory_bytes,
        warnings,
    })
}

fn store(context: &Context<'_>, table: Table<'_, '_>) -> (Option<Store>, Option<Text>) {
    let path = table.text("path");
    if path.is_none() && table.get("path").is_none() {
        context.mistake(table.at, "there is no `path` in `[store]`: write where recordings go, for example `path = \"recordings\"`");
    }
    let sync = table.duration("sync", Duration::from_millis(100)..=Duration::from_secs(60));
    let free_floor_bytes = table.size("free-floor", stores::FLOOR);
    let size_max = table.size("size-max", stores::SIZE);
    let (move_to, moving) = stores::moving(context, &table);
    let allow_filesystem = table.flag("allow-filesystem").unwrap_or(false);
    let check_rate = table.size("check-rate", 0..=1 << 40);
    let event_keep = table.duration("event-keep", Duration::from_secs(3600)..=36_500 * DAY);
    table.finish();
    let store = path.map(|path| Store {
        path: context.resolve(&path.value),
        sync: sync.unwrap_or(Duration::from_secs(2)),
        free_floor_bytes,
        size_max,
        moving,
        event_keep: event_keep.unwrap_or(90 * DAY),
        check_rate: check_rate.unwrap_or(8 << 20),
        allow_filesystem,
    });
    (store, move_to)
}

fn limits(table: Table<'_, '_>) -> Option<u64> {
    let plugin_memory = table.size("plugin-memory", 1 << 20..=1 << 40);
    table.finish();
    plugin_memory
}

fn plugins(context: &Context<'_>, tables: &Table<'_, '_>, all: &Trust) -> Vec<ReadPlugin> {
    let mut plugins = Vec::new();
    for (name, at, layer) in tables.named() {
        if let Err(why) = check_name(name) {
            context.mistake(at, format!("plugin name `{name}`: {why}"));
        }
        let table = Table::new(context, format!("plugins.{name}"), at, vec![layer]);
        let component = table.text("component").map(|text| component(context, &text));
        if component.is_none() && table.get("component").is_none() {
            context.mistake(at, format!("`[plugins.{name}]` has no `component`: write the name of a bundled one, or the path of a .wasm file"));
        }
        let mut params = Params::new(table.json("params"));
        if let Some((value, _)) = table.get("params") {
            params.from_environment = show::from_environment(value.get_ref());
        }
        let cameras = table.texts("cameras");
        let chain = chains::chain(context, &table);
        let grant = grants(context, &table);
        let trust = trust::of_plugin(context, &table, all);
        let shadow = table.text("shadow");
        table.finish();
        let plugin = Plugin {
            name: name.into(),
            // Only read when nothing is wrong.
            component: component.unwrap_or_else(|| Component::Bundled(String::new())),
            params,
            cameras: cameras.iter().map(|text| text.value.clone()).collect(),
            chain: chain.chain.clone(),
            grant,
            trust,
            shadow: shadow.as_ref().map(|text| text.value.clone()),
        };
        plugins.push(ReadPlugin { plugin, at, cameras, chain, shadow });
    }
    plugins
}

/// What the operator grants a plugin. Whether it asks for that is known once it is loaded.
fn grants(context: &Context<'_>, table: &Table<'_, '_>) -> Vec<Capability> {
    let mut grants = Vec::new();
    for text in table.texts("grant") {
        match text.value.parse() {
            Ok(Capability::Http(Reach { origin: None, .. })) => context.mistake(
                text.at,
                format!("`grant`: `{}`: name the host: `https://HOST[:PORT]`", text.raw),
            ),
            Ok(grant) => grants.push(grant),
            Err(why) => context.mistake(text.at, format!("`grant`: `{}`: {why}", text.raw)),
        }
    }
    grants
}

/// A name without a dot or slash is a bundled component; `wasm` knows which there are.
fn component(context: &Context<'_>, text: &Text) -> Component {
    if !text.value.contains(['/', '.', '\\']) {
        return Component::Bundled(text.value.clone());
    }
    let path = context.resolve(&text.value);
    if !context.surroundings.is_file(&path) {
        context.mistake(
            text.at,
            format!("`component`: there is no file {}", context.resolve(&text.raw).display()),
        );
    }
    Component::File(path)
}

/// The cameras that are whole, and the names of all, so that a mistake in one is not also one in
/// what refers to it.
fn cameras<'c>(
    context: &'c Context<'_>,
    templates: &Table<'_, 'c>,
    tables: &Table<'_, 'c>,
) -> (Vec<camera::Read>, Vec<&'c str>) {
    let templates = templates.named();
    for (name, at, layer) in &templates {
        let table = Table::new(context, format!("templates.{name}"), *at, vec![layer]);
        if let Some((_, at)) = table.get("template") {
            context.mistake(
                at,
                format!("template `{name}` names a template itself: write its keys out"),
            );
        }
        camera(context, name, table, Role::Template);
    }
    let (mut cameras, mut names) = (Vec::new(), Vec::new());
    for (name, at, layer) in tables.named() {
        names.push(name);
        if let Err(why) = check_name(name) {
            context.mistake(at, format!("camera name `{name}`: {why}"));
        }
        let mut layers = vec![layer];
        let own = Table::new(context, format!("cameras.{name}"), at, vec![layer]);
        if let Some(wanted) = own.text("template") {
            match templates.iter().find(|(name, _, _)| *name == wanted.value) {
                Some((_, _, template)) => layers.push(template),
                None => {
                    let known = templates.iter().map(|(name, _, _)| *name);
                    context.mistake(wanted.at, unknown("template", &wanted.raw, known));
                    // What the template would have given is not missed as well.
                    continue;
                }
            }
        }
        cameras.extend(camera(
            context,
            name,
            Table::new(context, format!("cameras.{name}"), at, layers),
            Role::Camera,
        ));
    }
    if names.is_empty() {
        context.mistake(tables.at, "there is no camera: write `[cameras.NAME]` with a `url`");
    }
    (cameras, names)
}

/// The message for a name that nothing has.
pub(super) fn unknown<'k>(what: &str, name: &str, known: impl Iterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.collect();
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("there is no {what} `{name}`: did you mean `{near}`?"),
        None if known.is_empty() => {
            format!("there is no {what} `{name}`: add `[{what}s.{name}]`")
        }
        None => format!("there is no {what} `{name}`: there are `{}`", known.join("`, `")),
    }
}
