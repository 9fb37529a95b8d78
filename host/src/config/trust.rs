//! `[trust]` and what a plugin's own table says of it: keys, signatures, pins.

use super::table::{Context, Table};
use crate::trust::{ComponentDigest, PublicKey, Trust};

/// `[trust]`: what holds for every component that is a file.
pub(super) fn trust(context: &Context<'_>, table: Table<'_, '_>) -> Trust {
    let keys = keys(context, &table);
    let require_signature = table.flag("require-signature").unwrap_or(false);
    if require_signature && keys.is_empty() && table.texts("trusted-keys").is_empty() {
        context.mistake(
            table.at,
            "`[trust]` has `require-signature` and no `trusted-keys`, so no plugin could be loaded: add them, as in the .pub file of `wardline plugin keygen`",
        );
    }
    table.finish();
    Trust { keys, require_signature, digest: None }
}

/// What holds for one plugin: stricter than `all`, never looser.
pub(super) fn of_plugin(context: &Context<'_>, table: &Table<'_, '_>, all: &Trust) -> Trust {
    let own = keys(context, table);
    let required = table.flag("require-signature");
    if required == Some(false)
        && all.require_signature
        && let Some((_, at)) = table.get("require-signature")
    {
        context.mistake(
            at,
            format!(
                "`require-signature` in `[{}]` is false, and `[trust]` asks it of every plugin: leave it out here",
                table.name
            ),
        );
    }
    let digest =
        table.text("digest").and_then(|text| match text.value.parse::<ComponentDigest>() {
            Ok(digest) => Some(digest),
            Err(why) => {
                context.mistake(
                    text.at,
                    format!("`digest`: {why}, as `wardline plugin inspect` shows"),
                );
                None
            }
        });
    let keys = if own.is_empty() { all.keys.clone() } else { own };
    let require_signature = required.unwrap_or(false) || all.require_signature;
    if required == Some(true) && keys.is_empty() && table.texts("trusted-keys").is_empty() {
        context.mistake(
            table.at,
            format!("`[{}]` has `require-signature` and there are no `trusted-keys`: add them here or in `[trust]`", table.name),
        );
    }
    Trust { keys, require_signature, digest }
}

fn keys(context: &Context<'_>, table: &Table<'_, '_>) -> Vec<PublicKey> {
    let mut keys = Vec::new();
    for text in table.texts("trusted-keys") {
        match text.value.parse() {
            Ok(key) => keys.push(key),
            // The text itself is not shown: it may be a secret key in the wrong place.
            Err(why) => context.mistake(text.at, format!("`trusted-keys`: {why}")),
        }
    }
    keys
}
