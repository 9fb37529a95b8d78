//! Log-in, log-out, and who somebody is: `/api/v1/session`.

use std::time::Duration;

use axum::Json;
use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::{COOKIE, Gate, Peer, Visitor, cookie};
use super::audit::Audited;
use super::extract::Sent;
use super::problem::{Problem, again, problem};
use super::visits::WHOLE;
use crate::config::Secret;
use crate::people::{Cameras, Digest, Hashed, PASSWORD_BYTES_MAX, Role, User, check_name};

/// A name and a password, escaped in JSON.
const BODY_BYTES: usize = 4 * PASSWORD_BYTES_MAX + 1024;

pub(super) fn router() -> OpenApiRouter<Gate> {
    OpenApiRouter::default()
        .routes(routes!(who, log_in, log_out))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
}

/// Who wants in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LogIn {
    /// The name.
    user: String,
    /// The password.
    #[schema(format = Password)]
    password: String,
}

/// Who somebody is.
#[derive(Serialize, ToSchema)]
struct Session {
    /// A user's name, `token NAME`, or `loopback`.
    user: String,
    /// What may be done.
    role: Role,
    /// The cameras that are seen: `["*"]` is all.
    #[schema(value_type = Vec<String>, example = json!(["*"]))]
    cameras: Cameras,
    /// Nobody is asked who he is.
    open: bool,
}

/// Who asks.
#[utoipa::path(
    get,
    path = "/api/v1/session",
    tag = "session",
    responses(
        (status = 200, description = "A user, a program, or whoever sits at the machine", body = Session),
        (status = 401, description = "Nobody: log in", body = Problem),
    )
)]
async fn who(visitor: Visitor) -> Json<Session> {
    let Visitor { name, role, cameras, open, .. } = visitor;
    Json(Session { user: name.to_string(), role, cameras, open })
}

/// Logs in: the cookie that is set is shown with what follows.
#[utoipa::path(
    post,
    path = "/api/v1/session",
    tag = "session",
    request_body = LogIn,
    responses(
        (status = 204, description = "The cookie `wardline` is set"),
        (status = 400, description = "The body is wrong", body = Problem),
        (status = 401, description = "This is no user with that password", body = Problem),
        (status = 409, description = "There are no users: nobody needs to log in", body = Problem),
        (status = 429, description = "Too many attempts: `retry-after` says when", body = Problem),
        (status = 503, description = "Not now: try again", body = Problem),
    )
)]
async fn log_in(
    State(gate): State<Gate>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    sent: Result<Sent<LogIn>, Problem>,
) -> Response {
    let peer = peer.map_or(Peer::LOCAL, |Extension(peer)| peer).0;
    let LogIn { user: name, password } = match sent {
        Ok(Sent(log_in)) => log_in,
        // What is said of a wrong body may show a part of it.
        Err(wrong) => {
            let why = "send JSON: `{\"user\": \"...\", \"password\": \"...\"}`";
            return problem(wrong.status(), why).into_response();
        }
    };
    let password = Secret::new(password);
    if gate.is_open() {
        let why = "there are no users: nobody needs to log in on this machine";
        return problem(StatusCode::CONFLICT, why).into_response();
    }
    // What can be no name is no key to remember either.
    let key = check_name(&name).map_or("", |()| name.as_str());
    if let Err(wait) = gate.attempts.log_in(key, peer, Instant::now()) {
        gate.trail.refused("too-many-attempts", peer, "");
        return too_many(wait);
    }
    let user = gate.known.borrow().user(&name).cloned();
    let Some(turn) = gate.attempts.turn().await else {
        return again("too many log in at once".into());
    };
    let is_right = match compare(user.clone(), password, turn).await {
        Ok(is_right) => is_right,
        Err(answer) => return answer,
    };
    // The name is told only where it is one: people type passwords into the wrong field.
    let known = user.as_ref().map_or("", |user| user.name.as_str());
    let Some(user) = user.as_ref().filter(|_| is_right) else {
        gate.trail.refused("password", peer, known);
        let why = "this is not a user with that password";
        return problem(StatusCode::UNAUTHORIZED, why).into_response();
    };
    gate.attempts.was_right(&name, peer);
    let token = match gate.visits.begin(user, Instant::now()) {
        Ok(token) => token,
        Err(error) => return again(error.chain()),
    };
    let visitor = Visitor::new(&user.name, user.right(), Default::default());
    gate.trail.tell(Audited::new("audit.login").by(&visitor, peer));
    let over_tls = gate.is_tls || said_by_https(&headers);
    let cookie = set_cookie(token.reveal(), WHOLE, over_tls);
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}

/// Whether the password is the user's. It takes as long for nobody's.
/// The turn is given back when the work is done, whether or not somebody still waits for it.
async fn compare(
    user: Option<User>,
    password: Secret,
    turn: OwnedSemaphorePermit,
) -> Result<bool, Response> {
    let compared = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        match user {
            Some(user) => user.password.is(&password),
            None => {
                Hashed::nobody(&password);
                false
            }
        }
    });
    compared.await.map_err(|_| again("the password could not be compared".into()))
}

/// A proxy before us speaks TLS: the browser's page says so of itself.
fn said_by_https(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

/// Logs out: the cookie opens nothing any more, and what streams by it ends.
#[utoipa::path(
    delete,
    path = "/api/v1/session",
    tag = "session",
    responses((status = 204, description = "Whoever had logged in is out"))
)]
async fn log_out(
    State(gate): State<Gate>,
    visitor: Option<Visitor>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Response {
    let peer = peer.map_or(Peer::LOCAL, |Extension(peer)| peer).0;
    let digest = cookie(&headers).and_then(Digest::of);
    if digest.and_then(|digest| gate.visits.end(&digest)).is_some() {
        if let Some(visitor) = visitor {
            gate.trail.tell(Audited::new("audit.logout").by(&visitor, peer));
        }
        gate.keep_visits().await;
    }
    let over_tls = gate.is_tls || said_by_https(&headers);
    let cookie = set_cookie("", Duration::ZERO, over_tls);
    // What the browser keeps of pictures and video goes, too.
    let headers = [(header::SET_COOKIE, cookie), (CLEAR, HeaderValue::from_static("\"cache\""))];
    (StatusCode::NO_CONTENT, headers).into_response()
}

const CLEAR: HeaderName = HeaderName::from_static("clear-site-data");

fn set_cookie(value: &str, age: Duration, over_tls: bool) -> HeaderValue {
    let secure = if over_tls { "; Secure" } else { "" };
    let age = age.as_secs();
    let text =
        format!("{COOKIE}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    let mut value = HeaderValue::try_from(text).expect("all of it is ASCII");
    value.set_sensitive(true);
    value
}

/// 429, with how long to wait.
pub(super) fn too_many(wait: Duration) -> Response {
    let seconds = wait.as_secs() + 1;
    let why = format!("too many attempts: try again in {seconds} s");
    let advice = [(header::RETRY_AFTER, HeaderValue::from(seconds))];
    (advice, problem(StatusCode::TOO_MANY_REQUESTS, why)).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::runtime::Builder;

    use super::super::attempts::Attempts;
    use super::*;

    /// One thread for what blocks, and it is taken.
    #[test]
    fn a_turn_lasts_as_long_as_the_work() {
        let runtime =
            Builder::new_current_thread().enable_time().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let attempts = Attempts::default();
            let (go, wait) = mpsc::sync_channel::<()>(1);
            let taken = tokio::task::spawn_blocking(move || wait.recv());
            for _ in 0..2 {
                let turn = attempts.turn().await.unwrap();
                let mut compared = Box::pin(compare(None, Secret::new("guess"), turn));
                assert!(futures::poll!(&mut compared).is_pending(), "who asked is gone");
            }
            assert_eq!(attempts.turns_left(), 0);
            drop(go);
            taken.await.unwrap().unwrap_err();
        });
    }
}
