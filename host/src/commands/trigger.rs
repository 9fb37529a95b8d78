//! `wardline trigger`: tells a running host to record now.

use serde::Deserialize;
use serde_json::{Value, json};

use super::host::Destination;
use super::output;
use crate::base::{Error, Result};
use crate::cli::Trigger;
use crate::config::show_duration;

/// What a host says of a trigger that it took.
#[derive(Deserialize)]
struct Taken {
    start: jiff::Timestamp,
    end: jiff::Timestamp,
}

pub(super) async fn trigger(arguments: Trigger) -> Result<()> {
    let host = Destination::named(&arguments.host)?;
    let camera = arguments.camera.clone();
    if camera.contains(['/', '?', '#', '%']) {
        return Err(Error::refuse(format!("`{camera}` is no name of a camera")));
    }
    let mut body = serde_json::Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        body.extend(value.map(|value| (key.to_owned(), value)));
    };
    put("before", arguments.before.map(|length| json!(show_duration(length))));
    put("for", arguments.length.map(|length| json!(show_duration(length))));
    put("label", arguments.label.map(|label| json!(label)));
    let path = format!("/api/v1/cameras/{camera}/trigger");
    let answer: Value = host.post(&path, &Value::Object(body)).await?;
    if arguments.json {
        return output::json(&answer);
    }
    let taken: Taken = serde_json::from_value(answer).map_err(|error| {
        Error::refuse("the host answers, but not as a wardline host").with(error)
    })?;
    let (start, end) = (taken.start.strftime("%FT%TZ"), taken.end.strftime("%FT%TZ"));
    output::line(format!("camera {camera}: keeping {start} to {end}"))
}
