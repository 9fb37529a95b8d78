//! A TOML table that is read key by key, notes every mistake, and knows which keys nobody asked for.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::suggest::nearest;
use super::units::{parse_duration, parse_size, show_duration, show_size};
use super::{Mistake, Mistakes, Surroundings};

/// What all readers share: the text, where it stands, and what is wrong with it so far.
pub(super) struct Context<'a> {
    /// For lines.
    pub(super) text: &'a str,
    /// The file, for messages and relative paths.
    pub(super) file: &'a Path,
    /// Environment and files.
    pub(super) surroundings: &'a dyn Surroundings,
    mistakes: RefCell<Vec<Mistake>>,
    warnings: RefCell<Vec<String>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(text: &'a str, file: &'a Path, surroundings: &'a dyn Surroundings) -> Self {
        let (mistakes, warnings) = Default::default();
        Self { text, file, surroundings, mistakes, warnings }
    }

    /// Notes a mistake at a byte of the text. The same one twice (a template serves many cameras)
    /// counts once.
    pub(super) fn mistake(&self, at: usize, message: impl Into<String>) {
        let mistake = Mistake { line: self.line(at), message: message.into() };
        let mut list = self.mistakes.borrow_mut();
        if !list.contains(&mistake) {
            list.push(mistake);
        }
    }

    /// Notes something that is allowed but probably not meant.
    pub(super) fn warn(&self, at: usize, message: impl AsRef<str>) {
        let text = format!("{}:{}: {}", self.file.display(), self.line(at), message.as_ref());
        self.warnings.borrow_mut().push(text);
    }

    fn line(&self, at: usize) -> usize {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    /// The warnings, if nothing is wrong.
    pub(super) fn finish(self) -> Result<Vec<String>, Mistakes> {
        let mut list = self.mistakes.into_inner();
        if list.is_empty() {
            return Ok(self.warnings.into_inner());
        }
        list.sort();
        Err(Mistakes { file: self.file.into(), list })
    }

    /// A path of the file's text, seen from the file's own directory.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    /// Puts the environment's values in for `${NAME}`; `$${` stands for `${`.
    fn expand(&self, raw: &str, at: usize) -> String {
        let mut text = String::new();
        let mut rest = raw;
        while let Some(dollar) = rest.find("${") {
            if rest[..dollar].ends_with('$') {
                text.push_str(&rest[..dollar]);
                text.push('{');
                rest = &rest[dollar + 2..];
                continue;
            }
            text.push_str(&rest[..dollar]);
            let after = &rest[dollar + 2..];
            let Some(end) = after.find('}') else {
                self.mistake(
                    at,
                    "`${` has no `}`: write `${NAME}`, or `$${` for the characters themselves",
                );
                return text;
            };
            let name = &after[..end];
            match self.surroundings.variable(name) {
                Some(value) => text.push_str(&value),
                None => self.mistake(
                    at,
                    format!(
                        "the environment has no variable `{name}`: set it before starting wardline"
                    ),
                ),
            }
            rest = &after[end + 1..];
        }
        text.push_str(rest);
        text
    }
}

/// A string of the file.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// With the environment's values: may be a secret, must not be shown.
    pub(super) value: String,
    /// As it stands in the file: for messages.
    pub(super) raw: String,
    /// Where it stands.
    pub(super) at: usize,
}

/// Layers of one table: the first that has a key gives its value.
pub(super) struct Table<'a, 'c> {
    context: &'c Context<'a>,
    /// As in the file, for messages: `cameras.gate`.
    pub(super) name: String,
    /// Where it begins.
    pub(super) at: usize,
    layers: Vec<&'c DeTable<'c>>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a, 'c> Table<'a, 'c> {
    pub(super) fn new(
        context: &'c Context<'a>,
        name: impl Into<String>,
        at: usize,
        layers: Vec<&'c DeTable<'c>>,
    ) -> Self {
        Self { context, name: name.into(), at, layers, asked: RefCell::default() }
    }

    /// A value of any type, and where its key stands.
    pub(super) fn get(&self, key: &'static str) -> Option<(&'c Spanned<DeValue<'c>>, usize)> {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
        }
        let (name, value) = self.layers.iter().find_map(|layer| layer.get_key_value(key))?;
        Some((value, name.span().start))
    }

    fn wrong_type(&self, key: &str, at: usize, wanted: &str, got: &DeValue<'_>) {
        self.context.mistake(
            at,
            format!(
                "`{key}` in `[{}]` must be {wanted}, not {}",
                self.name,
                article(got.type_str())
            ),
        );
    }

    pub(super) fn text(&self, key: &'static str) -> Option<Text> {
        let (value, at) = self.get(key)?;
        let Some(raw) = value.get_ref().as_str() else {
            self.wrong_type(key, at, "a text in quotes", value.get_ref());
            return None;
        };
        Some(Text { value: self.context.expand(raw, at), raw: raw.to_owned(), at })
    }

    /// A text that `parse` understands, within a range.
    fn quantity<T>(
        &self,
        key: &'static str,
        range: std::ops::RangeInclusive<T>,
        parse: fn(&str) -> Result<T, String>,
        show: fn(T) -> String,
    ) -> Option<T>
    where
        T: Copy + PartialOrd,
    {
        let text = self.text(key)?;
        match parse(&text.value) {
            Ok(value) if range.contains(&value) => return Some(value),
            Ok(value) => self.context.mistake(
                text.at,
                format!(
                    "`{key}` is {}, and must be between {} and {}",
                    show(value),
                    show(*range.start()),
                    show(*range.end())
                ),
            ),
            Err(why) => self.context.mistake(text.at, format!("`{key}`: `{}` is {why}", text.raw)),
        }
        None
    }

    pub(super) fn duration(
        &self,
        key: &'static str,
        range: std::ops::RangeInclusive<Duration>,
    ) -> Option<Duration> {
        self.quantity(key, range, parse_duration, show_duration)
    }

    pub(super) fn size(
        &self,
        key: &'static str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Option<u64> {
        self.quantity(key, range, parse_size, show_size)
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let (value, at) = self.get(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type(key, at, "true or false", value.get_ref());
        }
        flag
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text.value).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let known = known.join(", ");
            self.context
                .mistake(text.at, format!("`{key}` is `{}`, and must be one of {known}", text.raw));
        }
        found
    }

    /// A list of texts, each but once.
    pub(super) fn texts(&self, key: &'static str) -> Vec<Text> {
        let Some((value, at)) = self.get(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(
                key,
                at,
                "a list of names, for example `[\"a\", \"b\"]`",
                value.get_ref(),
            );
            return Vec::new();
        };
        let mut texts: Vec<Text> = Vec::new();
        for item in array.iter() {
            let at = item.span().start;
            let Some(raw) = item.get_ref().as_str() else {
                self.wrong_type(key, at, "a list of names", item.get_ref());
                continue;
            };
            if texts.iter().any(|text| text.raw == raw) {
                self.context.mistake(
                    at,
                    format!("`{raw}` stands twice in `{key}` of `[{}]`: leave one", self.name),
                );
                continue;
            }
            texts.push(Text { value: self.context.expand(raw, at), raw: raw.to_owned(), at });
        }
        texts
    }

    /// The one table under a key; an empty one where it is missing.
    pub(super) fn table(&self, key: &'static str) -> Table<'a, 'c> {
        let name = if self.name.is_empty() { key.into() } else { format!("{}.{key}", self.name) };
        let mut layers = Vec::new();
        let mut begins = self.at;
        if let Some((value, at)) = self.get(key) {
            begins = at;
            match value.get_ref().as_table() {
                Some(table) => layers.push(table),
                None => {
                    self.wrong_type(key, at, &format!("a table: write `[{name}]`"), value.get_ref())
                }
            }
        }
        Table::new(self.context, name, begins, layers)
    }

    /// The tables under a table, by name, in the order of the file.
    pub(super) fn named(&self) -> Vec<(&'c str, usize, &'c DeTable<'c>)> {
        let mut found = Vec::new();
        for (key, value) in self.layers.iter().flat_map(|layer| layer.iter()) {
            let at = key.span().start;
            match value.get_ref().as_table() {
                Some(table) => found.push((key.get_ref().as_ref(), at, table)),
                None => self.context.mistake(
                    at,
                    format!(
                        "`{0}` in `[{1}]` must be a table: write `[{1}.{0}]`",
                        key.get_ref(),
                        self.name
                    ),
                ),
            }
        }
        found.sort_by_key(|(_, at, _)| *at);
        found
    }

    /// The table under a key as JSON, with the environment's values put in.
    pub(super) fn json(&self, key: &'static str) -> serde_json::Map<String, Json> {
        let Some((value, at)) = self.get(key) else { return serde_json::Map::new() };
        match json(self.context, value) {
            Some(Json::Object(map)) => map,
            _ => {
                self.wrong_type(key, at, "a table", value.get_ref());
                serde_json::Map::new()
            }
        }
    }

    /// Refuses the keys that nobody has asked for.
    pub(super) fn finish(self) {
        let asked = self.asked.into_inner();
        for key in self.layers.iter().flat_map(|layer| layer.keys()) {
            let word = key.get_ref().as_ref();
            if asked.contains(&word) {
                continue;
            }
            let place = match self.name.as_str() {
                "" => "at the top of the file".to_owned(),
                name => format!("in `[{name}]`"),
            };
            let hint = match nearest(word, asked.iter().copied()) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("known are `{}`", asked.join("`, `")),
            };
            self.context.mistake(key.span().start, format!("unknown key `{word}` {place}: {hint}"));
        }
    }
}

fn json(context: &Context<'_>, value: &Spanned<DeValue<'_>>) -> Option<Json> {
    let at = value.span().start;
    Some(match value.get_ref() {
        DeValue::String(text) => Json::String(context.expand(text, at)),
        DeValue::Boolean(flag) => Json::Bool(*flag),
        DeValue::Datetime(time) => Json::String(time.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Json::from(number),
            Err(_) => {
                context.mistake(at, "this number is too large");
                Json::Null
            }
        },
        DeValue::Float(number) => {
            let parsed = number.as_str().parse().ok().and_then(serde_json::Number::from_f64);
            if parsed.is_none() {
                context.mistake(at, "parameters take finite numbers only");
            }
            parsed.map_or(Json::Null, Json::Number)
        }
        DeValue::Array(array) => {
            Json::Array(array.iter().filter_map(|item| json(context, item)).collect())
        }
        DeValue::Table(table) => Json::Object(
            table
                .iter()
                .filter_map(|(key, value)| Some((key.get_ref().to_string(), json(context, value)?)))
                .collect(),
        ),
    })
}

fn article(word: &str) -> String {
    let article = if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {word}")
}
