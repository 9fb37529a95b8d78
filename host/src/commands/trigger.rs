//! `wardline trigger`: tells a running host to record now.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::output;
use crate::base::{Error, Result};
use crate::cli::Trigger;
use crate::config::{self, Secret, show_duration};

/// A host answers a trigger at once.
const ANSWER: Duration = Duration::from_secs(10);

/// What a host says of a trigger that it took.
#[derive(Deserialize)]
struct Taken {
    start: jiff::Timestamp,
    end: jiff::Timestamp,
}

pub(super) async fn trigger(arguments: Trigger) -> Result<()> {
    let (host, token) = destination(&arguments)?;
    let camera = arguments.camera.clone();
    if camera.contains(['/', '?', '#', '%']) {
        return Err(Error::refuse(format!("`{camera}` is no name of a camera")));
    }
    let url = format!("{host}/api/v1/cameras/{camera}/trigger");
    let mut body = serde_json::Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        body.extend(value.map(|value| (key.to_owned(), value)));
    };
    put("before", arguments.before.map(|length| json!(show_duration(length))));
    put("for", arguments.length.map(|length| json!(show_duration(length))));
    put("label", arguments.label.map(|label| json!(label)));
    let body = Value::Object(body);
    let answer = tokio::task::spawn_blocking(move || post(&url, token, &body))
        .await
        .map_err(|error| Error::bug("ask the host").with(error))??;
    if arguments.json {
        return output::json(&answer);
    }
    let taken: Taken = serde_json::from_value(answer).map_err(|error| {
        Error::refuse(format!("{host} answers, but not as a wardline host")).with(error)
    })?;
    let (start, end) = (taken.start.strftime("%FT%TZ"), taken.end.strftime("%FT%TZ"));
    output::line(format!("camera {camera}: keeping {start} to {end}"))
}

/// Where the host listens, and its token.
fn destination(arguments: &Trigger) -> Result<(String, Option<Secret>)> {
    let Some(file) = &arguments.config else {
        let token = std::env::var("WARDLINE_TOKEN").ok().map(Secret::new);
        return Ok((arguments.host.trim_end_matches('/').to_owned(), token));
    };
    let http = config::load(file)?.http;
    Ok((format!("http://{}", reachable(http.listen)), http.token))
}

/// "Any address" is one to listen on, not to go to.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn post(url: &str, token: Option<Secret>, body: &Value) -> Result<Value> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER))
        .http_status_as_error(false)
        .build()
        .into();
    let mut request = agent.post(url);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {}", token.reveal()));
    }
    let mut answer = request.send_json(body).map_err(|error| {
        Error::retry(format!("ask {url}: is the host running, and is this its address?"))
            .with(error)
    })?;
    let status = answer.status();
    let value: Value = answer.body_mut().read_json().unwrap_or_default();
    if status.is_success() {
        return Ok(value);
    }
    let why = value.get("error").and_then(Value::as_str).unwrap_or("no reason given");
    Err(Error::refuse(format!("the host refuses ({status}): {why}")))
}
