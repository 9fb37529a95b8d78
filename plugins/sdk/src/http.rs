//! Requests, asked now and answered later: the answer comes to [`Messages`](crate::Messages) with
//! topic `http:<ticket>`. Granted: the manifest asks for `http:METHODS ORIGIN`, and the operator
//! allows it.

pub use crate::bindings::granted::wardline::plugin::http::Request;

/// Sends a request; gives its ticket. On native targets nothing is sent.
///
/// # Errors
/// Why nothing was sent: no grant, too many under way, out of bounds.
pub fn send(request: &Request, body: &[u8]) -> Result<u64, String> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::granted::wardline::plugin::http::send(request, body);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = (request, body);
        Err("nothing is sent on native targets".into())
    }
}

/// The ticket that a message answers, if it is an answer.
pub fn ticket(topic: &str) -> Option<u64> {
    topic.strip_prefix("http:")?.parse().ok()
}
