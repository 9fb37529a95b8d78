//! `cargo xtask reference`: the contract in `wit/` as a page for people, `docs/plugin-reference.md`.
//! Takes the package, gives Markdown; adds nothing of its own but order.

use std::fmt::Write as _;
use std::path::Path;

use wit_parser::{
    Docs, Function, Interface, Resolve, Type, TypeDef, TypeDefKind, TypeId, World, WorldItem,
};

use crate::step::say;

/// Where the page lies, seen from the workspace's folder.
const PAGE: &str = "docs/plugin-reference.md";

/// What the page begins with.
const HEAD: &str = "# The plugin contract, item by item

Made from `wit/` by `cargo xtask reference`: change it there. The rules around it are in `wit/README.md`.
";

/// Interfaces in the order in which they are met.
const ORDER: [&str; 13] = [
    "analyzer",
    "event-source",
    "messages",
    "recording-policy",
    "state",
    "reconfigure",
    "listener",
    "log",
    "clock",
    "metrics",
    "kv",
    "crop",
    "http",
];

/// Writes the page.
///
/// # Errors
/// The contract does not parse, or the page can't be written.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let path = root.join(PAGE);
    let page = page(root)?;
    let write = || {
        std::fs::create_dir_all(path.parent().unwrap_or(root))?;
        std::fs::write(&path, page)
    };
    write().map_err(|error| format!("write {}: {error}", path.display()))?;
    say(&format!("{PAGE} is what wit/ says"));
    Ok(())
}

fn page(root: &Path) -> Result<String, String> {
    let mut resolve = Resolve::default();
    let (package, _) =
        resolve.push_dir(root.join("wit")).map_err(|error| format!("read wit/: {error:#}"))?;
    let package = &resolve.packages[package];
    let mut page = format!("{HEAD}\nPackage `{}`.\n", package.name);
    page.push_str("\n## Worlds\n");
    for id in package.worlds.values() {
        page.push_str(&world(&resolve, &resolve.worlds[*id]));
    }
    let mut names: Vec<&String> = package.interfaces.keys().collect();
    // What is in no list comes last, and the shared types at the end of all.
    let place = |name: &str| match name {
        "types" => ORDER.len() + 1,
        name => ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len()),
    };
    names.sort_by_key(|name| (place(name), name.to_owned()));
    for name in names {
        let id = package.interfaces[name];
        page.push_str(&interface(&resolve, name, &resolve.interfaces[id]));
    }
    Ok(page)
}

fn world(resolve: &Resolve, world: &World) -> String {
    let names = |items: &wit_parser::IndexMap<wit_parser::WorldKey, WorldItem>| {
        let name = |item: &WorldItem| match item {
            WorldItem::Interface { id, .. } => resolve.interfaces[*id].name.clone(),
            _ => None,
        };
        let names = items.values().filter_map(name).filter(|name| name != "types");
        names.map(|name| format!("[`{name}`](#{name})")).collect::<Vec<_>>().join(", ")
    };
    let mut text = format!("\n**`{}`** {}", world.name, one_line(&world.docs));
    for (word, items) in [("Imports", &world.imports), ("Exports", &world.exports)] {
        let names = names(items);
        if !names.is_empty() {
            let _ = write!(text, " {word} {names}.");
        }
    }
    text.push('\n');
    text
}

fn interface(resolve: &Resolve, name: &str, interface: &Interface) -> String {
    let mut text = format!("\n## {name}\n\n{}\n", one_line(&interface.docs));
    for function in interface.functions.values() {
        text.push_str(&function_text(resolve, function));
    }
    for (name, id) in &interface.types {
        text.push_str(&type_text(resolve, name, &resolve.types[*id]));
    }
    text
}

fn function_text(resolve: &Resolve, function: &Function) -> String {
    let params: Vec<String> = function
        .params
        .iter()
        .map(|param| format!("{}: {}", param.name, show(resolve, &param.ty)))
        .collect();
    let result =
        function.result.map_or_else(String::new, |ty| format!(" -> {}", show(resolve, &ty)));
    let (name, docs) = (&function.name, one_line(&function.docs));
    format!("\n### {name}\n\n```wit\n{name}: func({}){result}\n```\n{docs}\n", params.join(", "))
}

fn type_text(resolve: &Resolve, name: &str, ty: &TypeDef) -> String {
    let docs = one_line(&ty.docs);
    let head = |kind: &str| format!("\n### {kind} {name}\n\n{docs}\n\n");
    let row = |name: &str, ty: String, docs: &Docs| {
        format!("| `{name}` | {ty} | {} |\n", one_line(docs).replace('|', "\\|"))
    };
    let code = |ty: &Type| format!("`{}`", show(resolve, ty));
    match &ty.kind {
        TypeDefKind::Record(record) => {
            let rows =
                record.fields.iter().map(|field| row(&field.name, code(&field.ty), &field.docs));
            format!(
                "{}| field | type | |\n|---|---|---|\n{}",
                head("record"),
                rows.collect::<String>()
            )
        }
        TypeDefKind::Variant(variant) => {
            let payload = |ty: &Option<Type>| ty.as_ref().map(code).unwrap_or_default();
            let rows =
                variant.cases.iter().map(|case| row(&case.name, payload(&case.ty), &case.docs));
            format!(
                "{}| case | holds | |\n|---|---|---|\n{}",
                head("variant"),
                rows.collect::<String>()
            )
        }
        TypeDefKind::Enum(cases) => {
            let row = |case: &wit_parser::EnumCase| {
                format!("| `{}` | {} |\n", case.name, one_line(&case.docs))
            };
            let rows: String = cases.cases.iter().map(row).collect();
            format!("{}| case | |\n|---|---|\n{rows}", head("enum"))
        }
        // What an interface takes over from another stands there.
        TypeDefKind::Type(Type::Id(_)) => String::new(),
        _ => format!("\n### type {name}\n\n`{}`. {docs}\n", kind(resolve, &ty.kind)),
    }
}

/// A type as WIT writes it.
fn show(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Id(id) => named(resolve, *id),
        plain => format!("{plain:?}").to_lowercase(),
    }
}

fn named(resolve: &Resolve, id: TypeId) -> String {
    let ty = &resolve.types[id];
    ty.name.clone().unwrap_or_else(|| kind(resolve, &ty.kind))
}

fn kind(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let show = |ty: &Type| show(resolve, ty);
    match kind {
        TypeDefKind::List(ty) => format!("list<{}>", show(ty)),
        TypeDefKind::Option(ty) => format!("option<{}>", show(ty)),
        TypeDefKind::Tuple(tuple) => {
            format!("tuple<{}>", tuple.types.iter().map(show).collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Result(result) => match (&result.ok, &result.err) {
            (Some(ok), Some(err)) => format!("result<{}, {}>", show(ok), show(err)),
            (None, Some(err)) => format!("result<_, {}>", show(err)),
            (Some(ok), None) => format!("result<{}>", show(ok)),
            (None, None) => "result".into(),
        },
        TypeDefKind::Type(ty) => show(ty),
        other => other.as_str().into(),
    }
}

fn one_line(docs: &Docs) -> String {
    let text = docs.contents.as_deref().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_contract_says() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let lies = std::fs::read_to_string(root.join(PAGE)).unwrap_or_default();
        assert!(lies == page(&root).unwrap(), "{PAGE} is not current: run `cargo xtask reference`");
    }

    #[test]
    fn every_item_has_its_documentation() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let page = page(&root).unwrap();
        for part in [
            "analyze: func(picture: picture, pixels: list<u8>) -> result<list<event>, fault>",
            "put: func(key: string, value: list<u8>) -> result<_, kv-error>",
            "| `headers` | `list<tuple<string, string>>` | At most 32.",
            "### variant fault\n",
            "### type timestamp\n\n`s64`. Microseconds since the Unix epoch",
            "**`source-plugin`** Turns messages and time into events. Imports [`log`](#log), ",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("\n\n\n\n"), "nothing without a word");
    }
}
