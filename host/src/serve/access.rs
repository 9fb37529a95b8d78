//! Who asks, and whether that may be: every request comes by here before its handler.
//!
//! [`identify`] finds out who it is (a token, a visit's cookie, or nobody), [`authorize`] compares
//! with what the route needs (`rights`). What handlers get is a [`Visitor`]; lists must leave out
//! what he does not [see](Visitor::sees).

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, MatchedPath, OptionalFromRequestParts, RawPathParams};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::attempts::Attempts;
use super::audit::{Audited, Told, Trail};
use super::origin;
use super::problem::{Problem, problem};
use super::recall::{AGAIN, Recall};
use super::rights::{self, Needs};
use super::visits::{LOOK, Visits};
use crate::config::Secret;
use crate::people::{Cameras, Digest, Known, Right, Role};

/// The cookie that a browser shows after a log-in.
pub(super) const COOKIE: &str = "wardline";

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    /// A user's name, `token NAME`, or `loopback`.
    pub(super) name: Arc<str>,
    /// What he may.
    pub(super) role: Role,
    /// What he sees.
    pub(super) cameras: Cameras,
    /// Nobody had to say who he is: this host is for those who sit at it.
    pub(super) open: bool,
    /// Cancelled when he may no longer: what streams to him ends.
    pub(super) revoked: CancellationToken,
}

impl Visitor {
    /// Who needs to say nothing, because only those at this machine can come.
    pub(super) fn open() -> Self {
        let right = Right { role: Role::Admin, cameras: Cameras::All };
        Self { open: true, ..Self::new("loopback", right, CancellationToken::new()) }
    }

    pub(super) fn new(name: &str, right: Right, revoked: CancellationToken) -> Self {
        Self { name: name.into(), role: right.role, cameras: right.cameras, open: false, revoked }
    }

    /// Whether a camera is for his eyes.
    pub(super) fn sees(&self, camera: &str) -> bool {
        self.cameras.contains(camera)
    }

    /// The only cameras that he sees; `None`: all.
    pub(super) fn only(&self) -> Option<&BTreeSet<String>> {
        match &self.cameras {
            Cameras::All => None,
            Cameras::Some(names) => Some(names),
        }
    }

    /// Whether he may know that there is this: a qualified id, that begins with a camera's name.
    pub(super) fn knows(&self, id: &str) -> bool {
        id.split_once('/').is_none_or(|(camera, _)| self.sees(camera))
    }

    /// Sees all cameras, and so may know of the host as a whole.
    pub(super) fn sees_all(&self) -> bool {
        self.cameras == Cameras::All
    }

    /// Whether an event is for his eyes: `camera` is empty for those of the host as a whole. The
    /// audit trail is for admins.
    pub(super) fn hears(&self, camera: &str, kind: &str) -> bool {
        match kind.starts_with("audit.") {
            true => self.role == Role::Admin,
            false if camera.is_empty() => self.sees_all(),
            false => self.sees(camera),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(|| problem(StatusCode::UNAUTHORIZED, ASK))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        Ok(parts.extensions.get().cloned())
    }
}

/// The address of who asks: at the other end of the connection, or of its [proxy](super::passed).
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

impl Peer {
    /// Where no connection is behind a request, as in tests.
    pub(super) const LOCAL: Self = Self(IpAddr::V4(Ipv4Addr::LOCALHOST));

    /// Of a request.
    pub(super) fn of(extensions: &axum::http::Extensions) -> IpAddr {
        extensions.get().copied().unwrap_or(Self::LOCAL).0
    }
}

const ASK: &str = "a token is needed: log in, or send `authorization: Bearer <token>`";

/// What is asked, and of whom.
#[derive(Clone)]
pub(super) struct Gate(Arc<Inner>);

pub(super) struct Inner {
    /// `[http] token`: an admin's.
    pub(super) token: Option<Secret>,
    pub(super) known: Known,
    pub(super) visits: Visits,
    /// Where those are kept; `None`: nowhere.
    pub(super) recall: Option<Recall>,
    pub(super) attempts: Attempts,
    pub(super) trail: Trail,
    /// Only those at this machine can come.
    pub(super) is_loopback: bool,
    pub(super) is_tls: bool,
}

impl std::ops::Deref for Gate {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Gate {
    pub(super) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// One without users and tokens on loopback.
    #[cfg(any(test, fuzzing))]
    pub(super) fn of_tests() -> Self {
        let (_, known) = tokio::sync::watch::channel(Arc::default());
        Self::new(Inner {
            token: None,
            known,
            visits: Visits::default(),
            recall: None,
            attempts: Attempts::default(),
            trail: super::audit::trail().0,
            is_loopback: true,
            is_tls: false,
        })
    }

    /// There is nobody to ask for: no user, no token, and only those at this machine can come.
    pub(super) fn is_open(&self) -> bool {
        self.is_loopback && self.token.is_none() && self.known.borrow().is_empty()
    }

    /// Who asks; `None`: somebody who does not say.
    fn who(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Option<Visitor>, Response> {
        if let Some(shown) = bearer(headers) {
            return self.program(shown, peer).map(Some);
        }
        if let Some(visitor) = cookie(headers).and_then(|shown| self.guest(shown)) {
            return Ok(Some(visitor));
        }
        if !self.is_open() {
            return Ok(None);
        }
        if let Err(why) = origin::is_at_home(headers) {
            self.trail.refused("name", peer, "");
            return Err(problem(StatusCode::MISDIRECTED_REQUEST, why).into_response());
        }
        Ok(Some(Visitor::open()))
    }

    /// Who has this token. Wrong ones are counted as wrong passwords are.
    fn program(&self, shown: &[u8], peer: IpAddr) -> Result<Visitor, Response> {
        if let Some(token) = &self.token
            && token.matches(shown)
        {
            let right = Right { role: Role::Admin, cameras: Cameras::All };
            return Ok(Visitor::new("token of [http]", right, CancellationToken::new()));
        }
        let roll = self.known.borrow().clone();
        if let Some(program) = Digest::of(shown).and_then(|digest| roll.bearer(&digest)) {
            let revoked = self.visits.program(program);
            return Ok(Visitor::new(&format!("token {}", program.name), program.right(), revoked));
        }
        self.trail.refused("token", peer, "");
        match self.attempts.wrong(peer, Instant::now()) {
            Ok(()) => Err(unknown()),
            Err(wait) => Err(super::session::too_many(wait)),
        }
    }

    /// Whose visit this is, if it is one of a user who still may.
    fn guest(&self, shown: &[u8]) -> Option<Visitor> {
        let digest = Digest::of(shown)?;
        let visit = self.visits.find(&digest, Instant::now())?;
        let roll = self.known.borrow().clone();
        let user = roll.user(&visit.user.name).filter(|user| **user == visit.user)?;
        Some(Visitor::new(&user.name, user.right(), visit.revoked))
    }

    /// Ends the visits that are over, and those of who is no longer on the roll as he was, until
    /// `shutdown`; keeps what is left; and tells of all that has changed on the roll.
    pub(super) async fn follow_roll(self, shutdown: CancellationToken) {
        let mut known = self.known.clone();
        let mut before = known.borrow_and_update().clone();
        let mut looks = tokio::time::interval(LOOK);
        let mut kept_at = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                changed = known.changed() => if changed.is_err() {
                    // The host is ending, and the last requests are still to be answered.
                    shutdown.cancelled().await;
                    break;
                },
                _ = looks.tick() => {}
            }
            let now = known.borrow_and_update().clone();
            self.visits.keep(&now, Instant::now());
            for change in now.changes(&before) {
                self.trail.tell(Audited::new("audit.users").with("change", change));
            }
            before = now;
            if self.visits.have_changed() || kept_at.elapsed() >= AGAIN {
                kept_at = Instant::now();
                self.keep_visits().await;
            }
        }
        self.keep_visits().await;
    }

    /// Keeps the visits there are, whether or not somebody waits for it.
    pub(super) async fn keep_visits(&self) {
        let gate = self.clone();
        let keep = move || gate.recall.as_ref().map(|recall| recall.keep(&gate.visits));
        // One that panicked has said so.
        drop(tokio::task::spawn_blocking(keep).await);
    }
}

/// What follows `Bearer`. Another scheme is none of ours.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(header::AUTHORIZATION)?.as_bytes().strip_prefix(b"Bearer ")
}

/// The value of our cookie, among others.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&[u8]> {
    let lines = headers.get_all(header::COOKIE).iter();
    let mut pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.find_map(|pair| pair.trim_ascii().strip_prefix(COOKIE.as_bytes())?.strip_prefix(b"="))
}

fn unknown() -> Response {
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (challenge, problem(StatusCode::UNAUTHORIZED, ASK)).into_response()
}

/// Finds out who asks, and lets nobody pass who says it wrongly.
pub(super) async fn identify(
    State(gate): State<Gate>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = Peer::of(request.extensions());
    if let Err(why) = origin::same_site(request.method(), request.headers()) {
        gate.trail.refused("site", peer, "");
        return problem(StatusCode::FORBIDDEN, why).into_response();
    }
    match gate.who(request.headers(), peer) {
        Ok(Some(visitor)) => {
            let revoked = visitor.revoked.clone();
            request.extensions_mut().insert(visitor);
            super::revocable::until(revoked, next.run(request).await)
        }
        Ok(None) => next.run(request).await,
        // Whether all is well is for everybody, whatever he shows.
        Err(_) if request.uri().path() == rights::HEALTHZ => next.run(request).await,
        Err(answer) => answer,
    }
}

/// Lets through who may.
pub(super) async fn authorize(
    State(gate): State<Gate>,
    matched: MatchedPath,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    let params = match params {
        Ok(params) => params,
        Err(wrong) => return problem(wrong.status(), wrong.body_text()).into_response(),
    };
    let row = rights::of(request.method(), matched.as_str());
    let peer = Peer::of(request.extensions());
    let visitor: Option<&Visitor> = request.extensions().get();
    if let Err(answer) = allow(&gate, row.needs, visitor, peer) {
        return answer;
    }
    let queried = origin::queried_cameras(request.uri().query().unwrap_or_default());
    let mut named = cameras(&params).chain(queried);
    if let Some(visitor) = visitor
        && let Some(hidden) = named.find(|camera| !visitor.sees(camera))
    {
        gate.trail.refused("camera", peer, &visitor.name);
        // As if it were not there: whether it is, is not for him to know.
        let why = format!("there is no camera `{hidden}` for {}", visitor.name);
        return problem(StatusCode::NOT_FOUND, why).into_response();
    }
    drop(named);
    next.run(request).await
}

/// The cameras that a path names.
fn cameras(params: &RawPathParams) -> impl Iterator<Item = String> {
    params.iter().filter(|(name, _)| *name == "camera").map(|(_, camera)| camera.to_owned())
}

/// Tells what was done, once it is. Belongs to what is carried out, so that nobody who hangs up
/// leaves a change that was not told.
pub(super) async fn tell(
    State(gate): State<Gate>,
    matched: MatchedPath,
    params: RawPathParams,
    request: Request,
    next: Next,
) -> Response {
    let row = rights::of(request.method(), matched.as_str());
    let peer = Peer::of(request.extensions());
    let visitor: Option<Visitor> = request.extensions().get().cloned();
    let (Some(kind), Some(visitor)) = (row.audit, visitor) else { return next.run(request).await };
    let camera = cameras(&params).next();
    let asked = format!("{} {}", request.method(), request.uri());
    let mut response = next.run(request).await;
    let more = response.extensions_mut().remove::<Told>().unwrap_or_default();
    if more.silent {
        return response;
    }
    let audited = Audited::new(kind)
        .by(&visitor, peer)
        .on(camera.or(more.camera))
        .with("request", asked)
        .with("status", response.status().as_u16().to_string());
    gate.trail
        .tell(more.what.into_iter().fold(audited, |told, (key, value)| told.with(key, value)));
    response
}

fn allow(
    gate: &Gate,
    needs: Needs,
    visitor: Option<&Visitor>,
    peer: IpAddr,
) -> Result<(), Response> {
    let (role, all) = match needs {
        Needs::Nothing => return Ok(()),
        Needs::Overview => (Role::Viewer, true),
        Needs::Role(role) => (role, false),
    };
    let Some(visitor) = visitor else { return Err(unknown()) };
    let why = match all && !visitor.sees_all() {
        _ if visitor.role < role => {
            format!("{} is {}: this needs the role {role}", visitor.name, visitor.role)
        }
        true => format!("{} does not see all cameras: this tells of all", visitor.name),
        false => return Ok(()),
    };
    gate.trail.refused("role", peer, &visitor.name);
    Err(problem(StatusCode::FORBIDDEN, why).into_response())
}
