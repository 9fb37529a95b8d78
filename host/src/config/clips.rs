//! `[clips]`: files that are made of event recordings by themselves, and how they are named.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::Store;
use super::table::{Context, Table, Text};
use crate::policy::Span;

/// What a placeholder becomes is cut to this: several fit into a file name of 255 bytes.
const VALUE_BYTES_MAX: usize = 72;

/// The pattern where none is given.
const PATTERN: &str = "{camera}/{date}/{time}-{label}-{span}.mp4";

/// `[clips]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Clips {
    /// Where clips go; made at the first start.
    pub directory: PathBuf,
    /// How they are named below it.
    pub pattern: Pattern,
    /// The oldest clips are deleted above so many bytes; `None`: none are.
    pub size_max: Option<u64>,
}

/// What a pattern is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placeholder {
    Camera,
    Date,
    Time,
    Label,
    Policy,
    Span,
}

const PLACEHOLDERS: [(&str, Placeholder); 6] = [
    ("camera", Placeholder::Camera),
    ("date", Placeholder::Date),
    ("time", Placeholder::Time),
    ("label", Placeholder::Label),
    ("policy", Placeholder::Policy),
    ("span", Placeholder::Span),
];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Placeholder),
}

/// The name of a file with places to be filled in: whatever these become, it is a path below its
/// directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Part>);

impl Pattern {
    /// Reads a pattern such as `{camera}/{date}/{time}-{span}.mp4`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, after) = rest.split_at(open);
            let close = after.find('}').ok_or("`{` has no `}`")?;
            let name = &after[1..close];
            let known = PLACEHOLDERS.iter().find(|(known, _)| *known == name);
            let (_, place) = known.ok_or_else(|| {
                let known = PLACEHOLDERS.map(|(name, _)| format!("`{{{name}}}`")).join(", ");
                format!("there is no `{{{name}}}`: known are {known}")
            })?;
            parts.extend([Part::Text(before.to_owned()), Part::Place(*place)]);
            rest = &after[close + 1..];
        }
        parts.push(Part::Text(rest.to_owned()));
        if !rest.ends_with(".mp4") {
            return Err("it does not end with `.mp4`".into());
        }
        if !parts.contains(&Part::Place(Placeholder::Span)) {
            return Err("it has no `{span}`: two clips could have one name".into());
        }
        // Places become neither nothing nor dots, so this holds for every name.
        if text.split('/').any(|part| part.starts_with('.') || part.is_empty()) {
            return Err("each part of the path must have a name that does not begin with a dot, \
                        and the whole begins below `directory`"
                .into());
        }
        let wrong = |c: char| c.is_control() || c == '\\' || c == '}';
        if parts.iter().any(|part| matches!(part, Part::Text(text) if text.contains(wrong))) {
            return Err("it has characters that a file name should not have".into());
        }
        Ok(Self(parts))
    }

    /// The path of a span's clip, below the directory. `zone`: of date and time.
    pub fn path(&self, span: &Span, zone: &TimeZone) -> PathBuf {
        let start = span.start.civil().to_zoned(zone.clone());
        let mut path = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Place(place) => path.push_str(&match place {
                    Placeholder::Camera => plain(&span.camera),
                    Placeholder::Date => start.strftime("%Y-%m-%d").to_string(),
                    Placeholder::Time => start.strftime("%H-%M-%S").to_string(),
                    Placeholder::Label => plain(&span.label),
                    Placeholder::Policy => plain(&span.policy),
                    Placeholder::Span => plain(tail(&span.id)),
                }),
            }
        }
        PathBuf::from(path)
    }
}

/// The end of an id: what differs from one span to the next.
fn tail(id: &str) -> &str {
    let mut from = id.len().saturating_sub(VALUE_BYTES_MAX);
    while !id.is_char_boundary(from) {
        from += 1;
    }
    &id[from..]
}

/// A part of a file name: letters and digits of any script, `-` and `_`; never empty.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.trim().chars() {
        let c = if c.is_alphanumeric() || c == '_' { c } else { '-' };
        if out.len() + c.len_utf8() > VALUE_BYTES_MAX {
            break;
        }
        if c != '-' || !out.ends_with('-') {
            out.push(c);
        }
    }
    let out = out.trim_matches('-');
    if out.is_empty() { "unnamed".into() } else { out.to_owned() }
}

/// Reads the table, if there is one.
pub(super) fn clips(
    context: &Context<'_>,
    root: &Table<'_, '_>,
    store: Option<&Store>,
) -> Option<Clips> {
    root.get("clips")?;
    let table = root.table("clips");
    let directory = table.text("directory");
    let pattern = table.text("pattern");
    let size_max = table.size("size-max", 1 << 20..=1 << 50);
    if directory.is_none() && table.get("directory").is_none() {
        context.mistake(
            table.at,
            "there is no `directory` in `[clips]`: write where clips go, for example \
             `directory = \"clips\"`",
        );
    }
    table.finish();
    let read = |text: &Text| match Pattern::parse(&text.value) {
        Ok(pattern) => Some(pattern),
        Err(why) => {
            context.mistake(text.at, format!("`pattern`: `{}`: {why}", text.raw));
            None
        }
    };
    let pattern = match &pattern {
        Some(text) => read(text)?,
        None => Pattern::parse(PATTERN).expect("the default is one"),
    };
    let text = directory?;
    let directory = context.resolve(&text.value);
    if store.is_some_and(|store| directory.starts_with(&store.path)) {
        context.mistake(
            text.at,
            "`directory` of `[clips]` lies in the store: choose a place outside of it",
        );
    }
    Some(Clips { directory, pattern, size_max })
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::{prop_assert, proptest};

    use super::*;
    use crate::base::Timestamp;

    fn span(label: &str, id: &str) -> Span {
        let start = Timestamp::from_millis(1_763_800_000_000);
        Span {
            id: id.into(),
            camera: "gate".into(),
            policy: "visits".into(),
            start,
            end: start,
            keep: None,
            label: label.into(),
            because: Vec::new(),
            correlation: None,
        }
    }

    #[test]
    fn names_are_filled_in() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (pattern, label, name) in [
            (PATTERN, "somebody", "gate/2025-11-22/09-26-40-somebody-gate-visits-1-7.mp4"),
            ("{policy}-{span}.mp4", "", "visits-gate-visits-1-7.mp4"),
            ("{label}/{span}.mp4", "../../etc", "etc/gate-visits-1-7.mp4"),
            ("{label}/{span}.mp4", "..", "unnamed/gate-visits-1-7.mp4"),
            ("{label}/{span}.mp4", " Tür: auf! ", "Tür-auf/gate-visits-1-7.mp4"),
        ] {
            let pattern = Pattern::parse(pattern).unwrap();
            let path = pattern.path(&span(label, "gate/visits/1/7"), &berlin);
            assert_eq!(path, Path::new(name), "{label}");
        }
    }

    #[test]
    fn wrong_patterns_are_refused() {
        for (pattern, says) in [
            ("{span}", ".mp4"),
            ("{camera}.mp4", "{span}"),
            ("{spam}-{span}.mp4", "there is no `{spam}`"),
            ("{span.mp4", "no `}`"),
            ("/tmp/{span}.mp4", "below"),
            ("../{span}.mp4", "dot"),
            ("a//{span}.mp4", "name"),
            ("a\\{span}.mp4", "characters"),
        ] {
            let error = Pattern::parse(pattern).unwrap_err();
            assert!(error.contains(says), "{pattern}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_name_leaves_the_directory(label in "\\PC*", id in "\\PC*") {
            let path = Pattern::parse(PATTERN).unwrap().path(&span(&label, &id), &TimeZone::UTC);
            prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
            prop_assert!(path.components().count() == 3);
            prop_assert!(path.iter().all(|part| part.len() <= 255));
        }
    }
}
