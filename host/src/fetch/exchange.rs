//! One exchange: a request out, its whole answer in, within bounds. Blocks.

use std::time::Duration;

use ureq::http::{self, HeaderMap};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::Resolver;
use ureq::unversioned::transport::DefaultConnector;

use super::{BODY_BYTES, Request, Response};

/// Headers of an answer that are given on; there is room for the status beside them.
const HEADERS_MAX: usize = 60;

/// Bytes of the value of a header that is given on.
const HEADER_BYTES_MAX: usize = 4 << 10;

/// Bytes of all headers of an answer.
const HEADERS_BYTES_MAX: usize = 64 << 10;

/// How long a connection that may be used again is kept.
const IDLE: Duration = Duration::from_secs(10);

/// An agent that goes nowhere by itself.
pub(super) fn agent(roots: RootCerts, resolver: impl Resolver) -> ureq::Agent {
    let tls = TlsConfig::builder().root_certs(roots).build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .max_response_header_size(HEADERS_BYTES_MAX)
        .max_idle_age(IDLE)
        .user_agent(concat!("wardline/", env!("CARGO_PKG_VERSION")))
        .build();
    ureq::Agent::with_parts(config, DefaultConnector::new(), resolver)
}

/// Asks, and waits for all of the answer. Why there is none is said for the plugin that asked.
pub(super) fn exchange(agent: &ureq::Agent, request: Request) -> Result<Response, String> {
    let timeout = request.timeout;
    let run = || -> Result<Response, ureq::Error> {
        let mut builder = http::Request::builder().method(request.method).uri(request.url.as_str());
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let mut answer = if takes_body(request.method) {
            let request = agent.configure_request(builder.body(request.body)?);
            agent.run(request.timeout_global(Some(timeout)).build())?
        } else {
            let request = agent.configure_request(builder.body(())?);
            agent.run(request.timeout_global(Some(timeout)).build())?
        };
        let body = answer.body_mut().with_config().limit(BODY_BYTES as u64).read_to_vec()?;
        let (status, headers) = (answer.status().as_u16(), headers(answer.headers()));
        Ok(Response { status, headers, body })
    };
    run().map_err(|error| match error {
        ureq::Error::Timeout(_) => format!("no answer within {} ms", timeout.as_millis()),
        ureq::Error::BodyExceedsLimit(_) => {
            format!("the answer has more than {} MiB", BODY_BYTES >> 20)
        }
        error => error.to_string(),
    })
}

/// Whether requests of this method carry a body.
pub fn takes_body(method: &str) -> bool {
    matches!(method, "POST" | "PUT" | "PATCH")
}

fn headers(map: &HeaderMap) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    for name in map.keys().take(HEADERS_MAX) {
        let values =
            map.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let mut value = values.collect::<Vec<_>>().join(", ");
        value.truncate(value.floor_char_boundary(HEADER_BYTES_MAX));
        headers.push((name.as_str().to_owned(), value));
    }
    headers
}
