//! `[stores.NAME]`: further directories for recordings, who records there, and what moves where.
//!
//! Takes tables, gives [`Directory`]s and [`Moving`]s whose names exist. Touches no disk.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::Store;
use super::camera::{self, check_name};
use super::read::unknown;
use super::table::{Context, Table, Text};

/// The name of `[store]` where others are named.
pub const MAIN_STORE: &str = "main";

const MOVE_AFTER: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(36_500 * 24 * 3600);
/// What a floor may be.
pub(super) const FLOOR: RangeInclusive<u64> = 0..=1 << 50;
/// What a limit by size may be: less than this would hold no minute of any camera.
pub(super) const SIZE: RangeInclusive<u64> = 1 << 20..=1 << 60;

/// `[stores.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Directory {
    /// Its name; not `main`.
    pub name: String,
    /// The directory, made at the first start.
    pub path: PathBuf,
    /// Bytes of its filesystem that stay free; `None` is max(5 %, 1 GiB), at most 50 GiB.
    pub free_floor_bytes: Option<u64>,
    /// The most bytes of recordings in it; `None`: no limit.
    pub size_max: Option<u64>,
    /// Where old recordings go.
    pub moving: Option<Moving>,
    /// A kind of filesystem that is refused otherwise is taken, and one that is warned about is
    /// not mentioned.
    pub allow_filesystem: bool,
}

/// `move-to` and `move-after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moving {
    /// The name of another store; `main` is `[store]`.
    pub to: String,
    /// So long after their end.
    pub after: Duration,
}

/// A directory and where its parts stand.
pub(super) struct Read {
    pub(super) directory: Option<Directory>,
    name: String,
    at: usize,
    move_to: Option<Text>,
}

/// Reads all tables of `[stores]`.
pub(super) fn stores(context: &Context<'_>, tables: &Table<'_, '_>) -> Vec<Read> {
    let mut stores = Vec::new();
    for (name, at, layer) in tables.named() {
        if let Err(why) = check_name(name) {
            context.mistake(at, format!("store name `{name}`: {why}"));
        }
        if name == MAIN_STORE {
            context.mistake(at, "`main` is the name of `[store]`: choose another");
        }
        let table = Table::new(context, format!("stores.{name}"), at, vec![layer]);
        let path = table.text("path");
        if path.is_none() && table.get("path").is_none() {
            context.mistake(at, format!("there is no `path` in `[stores.{name}]`: write where recordings go, for example `path = \"/mnt/large/wardline\"`"));
        }
        let free_floor_bytes = table.size("free-floor", FLOOR);
        let size_max = table.size("size-max", SIZE);
        let (move_to, moving) = moving(context, &table);
        let allow_filesystem = table.flag("allow-filesystem").unwrap_or(false);
        table.finish();
        let directory = path.map(|path| Directory {
            name: name.into(),
            path: context.resolve(&path.value),
            free_floor_bytes,
            size_max,
            moving,
            allow_filesystem,
        });
        stores.push(Read { directory, name: name.into(), at, move_to });
    }
    stores
}

/// Reads `move-to` and `move-after`; gives where the name stands too.
pub(super) fn moving(
    context: &Context<'_>,
    table: &Table<'_, '_>,
) -> (Option<Text>, Option<Moving>) {
    let to = table.text("move-to");
    let after = table.duration("move-after", MOVE_AFTER);
    let given = |key| table.get(key).map(|(_, at)| at);
    match (given("move-to"), given("move-after")) {
        (Some(at), None) => context.mistake(
            at,
            format!(
                "`[{}]` has `move-to` and no `move-after`: write for example `move-after = \"1d\"`",
                table.name
            ),
        ),
        (None, Some(at)) => context.mistake(
            at,
            format!("`[{}]` has `move-after` and no `move-to`: write to which store", table.name),
        ),
        _ => {}
    }
    let moving = to.as_ref().zip(after).map(|(to, after)| Moving { to: to.value.clone(), after });
    (to, moving)
}

/// What stores and cameras say of one another. `main` is `[store]` and where its `move-to` stands.
pub(super) fn check(
    context: &Context<'_>,
    main: Option<&Store>,
    main_move: Option<&Text>,
    stores: &[Read],
    cameras: &[camera::Read],
) {
    let names = || std::iter::once(MAIN_STORE).chain(stores.iter().map(|read| read.name.as_str()));
    let moves = stores.iter().map(|read| (read.name.as_str(), read.move_to.as_ref()));
    for (from, to) in std::iter::once((MAIN_STORE, main_move)).chain(moves) {
        let Some(to) = to else { continue };
        if to.value == from {
            context.mistake(to.at, format!("store `{from}` moves to itself: name another"));
        } else if !names().any(|name| name == to.value) {
            context.mistake(to.at, unknown("store", &to.raw, names()));
        } else if in_circle(from, main_move, stores) {
            context.mistake(
                to.at,
                format!("`move-to`: what moves from `{from}` comes back to it: leave one out"),
            );
        }
    }
    for wanted in cameras.iter().filter_map(|read| read.store.as_ref()) {
        if !names().any(|name| name == wanted.value) {
            context.mistake(wanted.at, unknown("store", &wanted.raw, names()));
        }
    }
    apart(context, main, stores);
}

fn in_circle(from: &str, main_move: Option<&Text>, stores: &[Read]) -> bool {
    let next = |name: &str| match name {
        MAIN_STORE => main_move,
        name => stores.iter().find(|read| read.name == name)?.move_to.as_ref(),
    };
    let mut at = from;
    // Longer ways than there are stores go round.
    for _ in 0..=stores.len() {
        let Some(to) = next(at) else { return false };
        if to.value == from {
            return true;
        }
        at = &to.value;
    }
    false
}

/// A store inside another would look like a camera of it.
fn apart(context: &Context<'_>, main: Option<&Store>, stores: &[Read]) {
    let mut seen: Vec<(&str, &PathBuf)> = Vec::new();
    seen.extend(main.map(|store| (MAIN_STORE, &store.path)));
    for read in stores {
        let Some(directory) = &read.directory else { continue };
        let path = &directory.path;
        for (other, there) in &seen {
            if path.starts_with(there) || there.starts_with(path) {
                context.mistake(
                    read.at,
                    format!("stores `{}` and `{other}` lie one in the other: give each a directory of its own", read.name),
                );
            }
        }
        seen.push((&read.name, path));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Config, Machine, Mistakes, parse};
    use super::*;

    fn read(text: &str) -> Result<Config, Mistakes> {
        let camera = "[cameras.gate]\nurl = \"rtsp://gate/\"\n";
        parse(&format!("{camera}{text}"), Path::new("etc/wardline.toml"), &Machine)
    }

    #[test]
    fn stores_are_named_and_move() {
        let config = read(
            r#"store = "fast"
            [cameras.door]
            url = "rtsp://door/"
            [store]
            path = "rec"
            move-to = "large"
            move-after = "7d"
            allow-filesystem = true
            [stores.fast]
            path = "/ssd/wardline"
            free-floor = "2GiB"
            size-max = "200GB"
            move-to = "main"
            move-after = "1h"
            [stores.large]
            path = "../large""#,
        )
        .unwrap();
        let stored: Vec<_> = config.cameras.iter().map(|camera| camera.store.as_str()).collect();
        assert_eq!(stored, ["fast", MAIN_STORE]);
        let sizes: Vec<_> = config.stores.iter().map(|store| store.size_max).collect();
        assert_eq!(sizes, [Some(200_000_000_000), None]);
        let moves = |to: &str, hours: u64| {
            Some(Moving { to: to.into(), after: Duration::from_secs(hours * 3600) })
        };
        assert_eq!(config.store.moving, moves("large", 7 * 24));
        assert!(config.store.allow_filesystem);
        assert!(config.stores.iter().all(|store| !store.allow_filesystem));
        let known: Vec<_> = config
            .stores
            .into_iter()
            .map(|store| (store.name, store.path, store.free_floor_bytes, store.moving))
            .collect();
        let expected = [
            ("fast".into(), "/ssd/wardline".into(), Some(2 << 30), moves("main", 1)),
            ("large".into(), "etc/../large".into(), None, None),
        ];
        assert_eq!(known, expected);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, expected) in [
            ("store = \"fats\"\n[stores.fast]\npath = \"/a\"", "did you mean `fast`"),
            ("[stores.fast]\npath = \"/a\"\nmove-to = \"x\"\nmove-after = \"1d\"", "no store `x`"),
            ("[stores.fast]\npath = \"/a\"\nmove-to = \"main\"", "no `move-after`"),
            ("[stores.fast]\npath = \"/a\"\nmove-after = \"1d\"", "no `move-to`"),
            (
                "[stores.fast]\npath = \"/a\"\nmove-to = \"fast\"\nmove-after = \"1d\"",
                "moves to itself",
            ),
            (
                "[stores.a]\npath = \"/a\"\nmove-to = \"b\"\nmove-after = \"1d\"\n\
                 [stores.b]\npath = \"/b\"\nmove-to = \"a\"\nmove-after = \"1d\"",
                "comes back",
            ),
            ("[stores.a]\npath = \"rec/a\"", "one in the other"),
            ("[stores.a]\npath = \"/a\"\n[stores.b]\npath = \"/a/b\"", "one in the other"),
            ("[stores.main]\npath = \"/a\"", "`main` is the name"),
            ("[stores.A]\npath = \"/a\"", "store name `A`"),
            ("[stores.a]\npath = \"/a\"\nsize-max = \"0B\"", "`size-max` is 0 B"),
            ("[stores.a]\nfree-floor = \"1GiB\"", "no `path`"),
            ("[stores.a]\npath = \"/a\"\nfloor = 1", "unknown key `floor`"),
        ] {
            let text = format!("{text}\n[store]\npath = \"rec\"\n");
            let mistakes = read(&text).expect_err(&text).to_string();
            assert!(mistakes.contains(expected), "{text}:\n{mistakes}");
        }
    }
}
