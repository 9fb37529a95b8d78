//! The document is valid, and says what there is.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;

use super::super::access::Gate;
use super::super::fuzz::{Willing, nothing, nowhere};
use super::super::{rights, routes};
use crate::base::metrics::Metrics;
use crate::base::tasks::Tasks;
use crate::view::exports::Exports;

fn router() -> axum::Router {
    let (host, metrics) = (Arc::new(Willing), Metrics::default());
    let (gate, exports) = (Gate::of_tests(), Exports::of_tests());
    let (view, looks, changes) = (nowhere(), nothing(), Tasks::new());
    routes::router(routes::Desk { host, view, looks, gate, exports, metrics, changes })
}

async fn ask(method: &str, path: &str) -> (u16, String) {
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    let request = request.body(Body::empty()).unwrap();
    let answer = TowerToHyperService::new(router()).call(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(answer.into_body(), 4 << 20).await.unwrap();
    (status, String::from_utf8_lossy(&body).into_owned())
}

async fn document() -> Value {
    let (status, text) = ask("GET", "/api/v1/openapi.json").await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// Path, method and operation.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let item = item.as_object().unwrap().clone();
        let path = path.clone();
        item.into_iter().map(move |(method, operation)| (path.clone(), method, operation))
    };
    paths.iter().flat_map(of).collect()
}

fn references<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_is_valid() {
    let document = document().await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{document:#}");
    let info = &document["info"];
    assert!(info["title"].is_string() && info["version"].is_string(), "{info}");
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 10);
    for reference in found {
        let place = document.pointer(reference.trim_start_matches('#'));
        assert!(place.is_some(), "{reference} leads nowhere");
    }
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let name = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{name}: no id"));
        assert!(ids.insert(id.to_owned()), "{name}: `{id}` is another's");
        assert!(operation["summary"].is_string(), "{name}: nothing is said of it");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(!responses.is_empty(), "{name}: no answers");
        for (status, response) in responses {
            assert!(status.len() == 3 && response["description"].is_string(), "{name}: {status}");
        }
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let in_path: BTreeSet<&str> = parameters
            .iter()
            .filter(|one| one["in"] == "path" && one["required"] == true)
            .filter_map(|one| one["name"].as_str())
            .collect();
        let templates = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        assert_eq!(templates.collect::<BTreeSet<_>>(), in_path, "{name}");
        let mut all = BTreeSet::new();
        for one in &parameters {
            let key = (one["in"].to_string(), one["name"].to_string());
            assert!(all.insert(key) && one["schema"].is_object(), "{name}: {one}");
        }
    }
}

#[tokio::test]
async fn what_it_describes_is_there() {
    let document = document().await;
    let operations = operations(&document);
    assert!(operations.len() > 20, "{}", operations.len());
    for (path, method, _) in operations {
        let path = path.replace("{sequence}", "1").replace("{file}", "1.mp4");
        let path = path.split('{').enumerate().map(|(at, part)| match at {
            0 => part.to_owned(),
            _ => format!("x{}", part.split_once('}').map_or("", |(_, rest)| rest)),
        });
        let path: String = path.collect();
        let (status, text) = ask(&method.to_uppercase(), &path).await;
        assert!(
            status != 405 && !text.contains("no such page"),
            "{method} {path}: {status} {text}"
        );
    }
}

#[tokio::test]
async fn the_table_of_rights_has_every_request() {
    let missing: Vec<_> = operations(&document().await)
        .into_iter()
        .map(|(path, method, _)| (method.to_uppercase(), path))
        .filter(|(method, path)| !rights::has(method, path))
        .collect();
    assert!(missing.is_empty(), "not in `rights`, so for admins only: {missing:?}");
}

/// A name that two types have is the other's: clients refuse what they were not told of.
#[tokio::test]
async fn why_exports_are_interrupted_is_said_as_it_is_sent() {
    use crate::export::Why;
    let sent = [Why::Gap, Why::ClockStepped, Why::Parameters, Why::NotDecodable];
    let document = document().await;
    let schemas = &document["components"]["schemas"];
    let why = &schemas["Interruption"]["properties"]["why"]["$ref"];
    let name = why.as_str().unwrap().rsplit('/').next().unwrap();
    let known = schemas[name]["enum"].as_array().unwrap();
    let sent: Vec<Value> = sent.map(|why| serde_json::to_value(why).unwrap()).to_vec();
    assert_eq!(known, &sent);
    // Of continuous video nobody knows who asked for it.
    let facts = &schemas["PerhapsSpanFacts"];
    assert!(facts["properties"]["policy"].is_object() && facts.get("required").is_none());
}
