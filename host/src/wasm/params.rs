//! Parameters of a plugin: fills in the defaults of its JSON Schema and checks the whole.
//!
//! Pure. Messages name the key, and never show a value: it may be a secret.

use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value};

use super::manifest::Manifest;
use crate::base::{Error, Result};

/// Nesting of a schema beyond which no default is filled in.
const DEPTH_MAX: usize = 32;

/// Values of a schema, those that it refers to counted at each reference.
const NODES_MAX: usize = 10_000;

/// The format of text that is a length of time.
const DURATION: &str = "human-duration";

/// What a length of time is counted in.
const UNITS: [&str; 8] = ["us", "ms", "s", "m", "min", "h", "d", "w"];

/// Nesting of a schema, references followed.
const NESTED_MAX: usize = 128;

/// The parameters `given` for the plugin that is configured as `name`, defaults filled in, checked
/// against the manifest's schema. All mistakes are told at once.
pub(super) fn complete(name: &str, manifest: &Manifest, given: &Value) -> Result<Value> {
    let mut params = match given {
        Value::Null => Value::Object(Map::new()),
        given => given.clone(),
    };
    fill(&manifest.params, &mut params, 0);
    let validator = validator(&manifest.params)
        .map_err(|why| Error::refuse(format!("plugin {name}: the schema of its params: {why}")))?;
    let mistakes: Vec<String> = validator
        .iter_errors(&params)
        .map(|error| {
            let place = place(error.instance_path().as_str());
            match error.kind() {
                ValidationErrorKind::Format { format } if format == DURATION => {
                    format!("{place}: not a duration: write a number and ms, s, m, h, d or w")
                }
                _ => format!("{place}: {}", error.masked()),
            }
        })
        .collect();
    if mistakes.is_empty() {
        return Ok(params);
    }
    Err(Error::refuse(format!(
        "plugin {name} ({} {}): {}",
        manifest.id,
        manifest.version,
        mistakes.join("; ")
    )))
}

/// Whether a manifest's schema is one, and its defaults keep to it.
pub(super) fn check_schema(schema: &Value) -> Result<(), String> {
    if schema.get("type") != Some(&Value::from("object")) {
        return Err("the schema's `type` must be \"object\"".into());
    }
    measure(schema, schema, (&mut { NODES_MAX }, 0))?;
    let _ = validator(schema)?;
    check_defaults(schema, "params", 0)
}

/// Takes what a schema comes to from `left`, with what it refers to in the place of each reference:
/// so much work may it be to hold one value against it.
fn measure(schema: &Value, root: &Value, (left, depth): (&mut usize, usize)) -> Result<(), String> {
    if *left == 0 || depth > NESTED_MAX {
        return Err(format!(
            "the schema refers to itself, or comes to more than {NODES_MAX} values or {NESTED_MAX} \
             levels"
        ));
    }
    *left -= 1;
    let depth = depth + 1;
    let (members, items) = (schema.as_object(), schema.as_array());
    for (key, value) in members.into_iter().flatten() {
        match (key.as_str(), value) {
            ("$ref", Value::String(reference)) => {
                measure(referred(reference, root)?, root, (left, depth))?;
            }
            ("$dynamicRef" | "$recursiveRef" | "$id" | "$anchor", Value::String(_)) => {
                return Err(format!("`{key}` is not taken: refer by `$ref = \"#/...\"`"));
            }
            (_, value) => measure(value, root, (left, depth))?,
        }
    }
    items.into_iter().flatten().try_for_each(|item| measure(item, root, (left, depth)))
}

fn referred<'a>(reference: &str, root: &'a Value) -> Result<&'a Value, String> {
    let within =
        reference.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with('/'));
    within.and_then(|pointer| root.pointer(pointer)).ok_or_else(|| {
        format!("`{reference}` is nothing in the schema: refer by `$ref = \"#/...\"`")
    })
}

/// The crate is built without its resolvers, so that a schema reaches neither files nor network.
fn validator(schema: &Value) -> Result<jsonschema::Validator, String> {
    jsonschema::options()
        .with_format(DURATION, is_duration)
        .should_validate_formats(true)
        .build(schema)
        .map_err(|error| error.to_string())
}

/// As people write them for plugins: `30s`, `1.5m`, `1h30m`, `-5s`, `0`.
fn is_duration(text: &str) -> bool {
    let text = text.trim();
    let mut rest = text.strip_prefix('-').unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        if number.parse::<f64>().is_err() || !UNITS.contains(&unit) {
            return false;
        }
        (rest, parts) = (after.trim_start(), parts + 1);
    }
    parts > 0
}

fn check_defaults(schema: &Value, place: &str, depth: usize) -> Result<(), String> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Ok(());
    };
    if depth > DEPTH_MAX {
        return Err(format!("{place}: nested deeper than {DEPTH_MAX}"));
    }
    for (key, property) in properties {
        let place = format!("{place}.{key}");
        if let Some(default) = property.get("default") {
            let mut whole = default.clone();
            fill(property, &mut whole, depth);
            if let Ok(validator) = validator(property)
                && let Err(error) = validator.validate(&whole)
            {
                return Err(format!("{place}: the default does not keep to its schema: {error}"));
            }
        }
        check_defaults(property, &place, depth + 1)?;
    }
    Ok(())
}

/// Adds the defaults of properties that are missing, in objects and in the items of lists.
fn fill(schema: &Value, value: &mut Value, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::Object(object) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            for (key, property) in properties.into_iter().flatten() {
                if let (None, Some(default)) = (object.get(key), property.get("default")) {
                    object.insert(key.clone(), default.clone());
                }
                if let Some(inner) = object.get_mut(key) {
                    fill(property, inner, depth + 1);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| fill(schema, item, depth + 1));
            }
        }
        _ => {}
    }
}

fn place(pointer: &str) -> String {
    format!("params{}", pointer.replace('/', "."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(params: Value) -> Manifest {
        let text = "id = 'p'\nversion = '0.1.0'\nworld = 'policy-plugin'\napi = '0.1'\n";
        let mut manifest = Manifest::parse("p", text.as_bytes()).unwrap();
        manifest.params = params;
        manifest
    }

    fn example() -> Manifest {
        manifest(json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["before"],
            "properties": {
                "before": { "type": "number", "minimum": 0, "default": 5 },
                "token": { "type": "string", "minLength": 8 },
                "match": {
                    "type": "object", "default": {},
                    "properties": { "kinds": { "type": "array", "default": ["motion"] } }
                },
                "zones": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": { "name": { "type": "string", "default": "all" } }
                    }
                }
            }
        }))
    }

    #[test]
    fn defaults_are_filled_in_at_every_depth() {
        let given = json!({ "zones": [{}, { "name": "door" }] });
        assert_eq!(
            complete("gate", &example(), &given).unwrap(),
            json!({
                "before": 5,
                "match": { "kinds": ["motion"] },
                "zones": [{ "name": "all" }, { "name": "door" }]
            })
        );
        assert_eq!(complete("gate", &example(), &Value::Null).unwrap()["before"], 5);
    }

    #[test]
    fn a_schema_is_as_much_work_as_it_says() {
        let doubled = |at: usize| {
            json!({ "allOf": [
            { "$ref": format!("#/$defs/d{}", at + 1) }, { "$ref": format!("#/$defs/d{}", at + 1) },
        ] })
        };
        let mut bomb: Map<_, _> = (0..40).map(|at| (format!("d{at}"), doubled(at))).collect();
        bomb.insert("d40".into(), json!({ "type": "number" }));
        let referring = |to: &str| {
            let mut defs = json!({ "seconds": { "type": "number", "minimum": 0 } });
            if to.ends_with("self") {
                defs["self"] = json!({ "$ref": to });
            }
            json!({
                "type": "object",
                "$defs": defs,
                "properties": { "before": { "$ref": to }, "after": { "$ref": to, "default": 3 } }
            })
        };
        for (name, schema, said) in [
            ("two references", referring("#/$defs/seconds"), None),
            (
                "a bomb",
                json!({
                    "type": "object", "$defs": bomb, "properties": { "x": { "$ref": "#/$defs/d0", "default": 1 } }
                }),
                Some("more than 10000 values"),
            ),
            ("itself", referring("#/$defs/self"), Some("refers to itself")),
            ("all of it", referring("#"), Some("refers to itself")),
            ("nothing", referring("#/$defs/minutes"), Some("is nothing in the schema")),
            ("elsewhere", referring("https://a.example/schema"), Some("is nothing in the schema")),
            (
                "a name of its own",
                json!({ "type": "object", "$id": "x" }),
                Some("`$id` is not taken"),
            ),
        ] {
            match (check_schema(&schema), said) {
                (Ok(()), None) => {}
                (Err(why), Some(said)) => assert!(why.contains(said), "{name}: {why}"),
                (other, _) => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_length_of_time_is_one() {
        let schema = json!({
            "type": "object",
            "properties": { "before": { "type": "string", "format": "human-duration" } }
        });
        for (text, is_one) in [
            ("30s", true),
            ("1.5m", true),
            ("1h30m", true),
            ("-5s", true),
            ("1 w", true),
            ("0", true),
            ("10", false),
            ("30 days", false),
            ("abc", false),
            ("s", false),
            ("", false),
            ("5s later", false),
        ] {
            let told = complete("gate", &manifest(schema.clone()), &json!({ "before": text }));
            assert_eq!(told.is_ok(), is_one, "{text}");
            let said = told.err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(said.contains("params.before: not a duration"), !is_one, "{said}");
        }
    }

    #[test]
    fn mistakes_name_plugin_and_key_but_no_value() {
        let given = json!({ "before": -1, "token": "s3cret", "speed": 7 });
        let error = complete("gate", &example(), &given).unwrap_err().to_string();
        assert!(error.starts_with("plugin gate (p 0.1.0): "), "{error}");
        for said in ["params.before", "params.token", "speed"] {
            assert!(error.contains(said), "{said}: {error}");
        }
        assert!(!error.contains("s3cret"), "{error}");
    }
}
