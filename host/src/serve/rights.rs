//! Which role each route needs, and which requests are told in the audit trail. The one table: a
//! route that is not in it is for admins only.

use axum::http::Method;

use crate::people::Role;

/// Whether all is well, without details: for everybody.
pub(super) const HEALTHZ: &str = "/healthz";

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Anybody may.
    Nothing,
    /// Somebody with this role, or more. Cameras that are named in path or query must be his.
    Role(Role),
    /// A viewer of all cameras, or more: it tells of the whole host.
    Overview,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    method: Verb,
    path: &'static str,
    pub(super) needs: Needs,
    /// The kind of event that tells of it.
    pub(super) audit: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Get,
    Post,
    Delete,
}

use Needs::{Nothing, Overview};
use Verb::{Delete, Get, Post};

const VIEWER: Needs = Needs::Role(Role::Viewer);
const OPERATOR: Needs = Needs::Role(Role::Operator);
const ADMIN: Needs = Needs::Role(Role::Admin);

const fn row(method: Verb, path: &'static str, needs: Needs) -> Row {
    Row { method, path, needs, audit: None }
}

const fn told(method: Verb, path: &'static str, needs: Needs, kind: &'static str) -> Row {
    Row { method, path, needs, audit: Some(kind) }
}

/// All of them. GET goes for HEAD, too.
const TABLE: &[Row] = &[
    row(Get, "/", Nothing),
    row(Get, "/page/{*name}", Nothing),
    row(Get, "/favicon.ico", Nothing),
    row(Get, HEALTHZ, Nothing),
    row(Get, "/metrics", Overview),
    row(Post, "/hooks/{source}", OPERATOR),
    row(Get, "/api/v1/openapi.json", VIEWER),
    row(Get, "/api/v1/session", Nothing),
    row(Post, "/api/v1/session", Nothing),
    row(Delete, "/api/v1/session", Nothing),
    row(Get, "/api/v1/cameras", VIEWER),
    row(Get, "/api/v1/cameras/{camera}", VIEWER),
    row(Get, "/api/v1/cameras/{camera}/timeline", VIEWER),
    row(Get, "/api/v1/cameras/{camera}/availability", VIEWER),
    row(Get, "/api/v1/cameras/{camera}/playback.m3u8", VIEWER),
    row(Get, "/api/v1/cameras/{camera}/hls/{sequence}/{name}", VIEWER),
    row(Get, "/api/v1/cameras/{camera}/live.m3u8", VIEWER),
    row(Get, "/api/v1/cameras/{camera}/live/{stream}/{run}/{name}", VIEWER),
    row(Get, "/api/v1/cameras/{camera}/live.mp4", VIEWER),
    row(Get, "/api/v1/cameras/{camera}/snapshot.jpg", VIEWER),
    row(Get, "/api/v1/cameras/{camera}/strip.jpg", VIEWER),
    told(Post, "/api/v1/cameras/{camera}/trigger", OPERATOR, "audit.trigger"),
    row(Get, "/api/v1/live", VIEWER),
    row(Get, "/api/v1/events", VIEWER),
    row(Get, "/api/v1/events/stream", VIEWER),
    row(Get, "/api/v1/events/{sequence}/picture.jpg", VIEWER),
    row(Get, "/api/v1/recordings", VIEWER),
    told(Delete, "/api/v1/recordings", ADMIN, "audit.delete"),
    row(Get, "/api/v1/segments", VIEWER),
    row(Get, "/api/v1/segments/{camera}/{file}", VIEWER),
    told(Post, "/api/v1/pins", OPERATOR, "audit.pin"),
    told(Delete, "/api/v1/pins", OPERATOR, "audit.unpin"),
    told(Post, "/api/v1/exports", OPERATOR, "audit.export"),
    row(Get, "/api/v1/exports", OPERATOR),
    row(Get, "/api/v1/exports/{id}", OPERATOR),
    told(Delete, "/api/v1/exports/{id}", OPERATOR, "audit.export-removed"),
    told(Get, "/api/v1/exports/{id}/{file}", OPERATOR, "audit.download"),
    row(Get, "/api/v1/plugins", Overview),
    told(Post, "/api/v1/plugins/{plugin}/reload", OPERATOR, "audit.plugin"),
    row(Get, "/api/v1/plan", Overview),
    row(Get, "/api/v1/health", Overview),
    row(Get, "/api/v1/config", ADMIN),
    told(Post, "/api/v1/config/reload", ADMIN, "audit.config"),
    told(Post, "/api/v1/time/confirm", ADMIN, "audit.time"),
];

/// What is not in the table.
const OTHERS: Row = told(Post, "", ADMIN, "audit.other");

/// The row of a request to a route, as the router has it.
pub(super) fn of(method: &Method, route: &str) -> Row {
    let method = match method.as_str() {
        "GET" | "HEAD" => Some(Get),
        "POST" => Some(Post),
        "DELETE" => Some(Delete),
        _ => None,
    };
    let fits = |row: &&Row| Some(row.method) == method && row.path == route;
    TABLE.iter().find(fits).copied().unwrap_or(OTHERS)
}

/// Whether the table has a route.
#[cfg(test)]
pub(super) fn has(method: &str, route: &str) -> bool {
    let method: Method = method.parse().expect("a method");
    !of(&method, route).path.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_stands_once_and_what_does_not_is_for_admins() {
        for (index, row) in TABLE.iter().enumerate() {
            let again = |other: &Row| (other.method, other.path) == (row.method, row.path);
            assert!(!TABLE[index + 1..].iter().any(again), "{} stands twice", row.path);
            assert!(row.audit.is_none_or(|kind| kind.starts_with("audit.")), "{}", row.path);
        }
        for (method, route) in [
            ("GET", "/api/v1/nothing"),
            ("PUT", "/api/v1/cameras"),
            ("GET", "/api/v1/cameras/gate"),
            ("POST", "/healthz"),
        ] {
            assert_eq!(of(&method.parse().unwrap(), route).needs, ADMIN, "{method} {route}");
            assert!(!has(method, route));
        }
        assert_eq!(of(&Method::HEAD, "/api/v1/cameras").needs, VIEWER);
    }

    #[test]
    fn what_changes_something_is_told() {
        let silent = ["/hooks/{source}", "/api/v1/session"];
        for row in TABLE.iter().filter(|row| row.method != Get && !silent.contains(&row.path)) {
            assert!(row.audit.is_some(), "{}", row.path);
        }
    }
}
