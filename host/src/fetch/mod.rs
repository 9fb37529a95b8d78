//! Requests that plugins are granted: asked now, answered later.
//!
//! Takes a [`Request`] from a [`Line`], which returns at once with a ticket; gives an [`Answer`]
//! where the line ends. Each request has a thread of its own while it is under way, and so many are
//! under way at most. Knows no plugin and no grant: who may ask what is decided before.
//!
//! What a request can reach: see `address`. Redirects are answers like others, and no proxy of the
//! environment is used: nothing goes where nobody granted it. Of the system's trust store all
//! certificates count.

mod address;
mod exchange;

pub use exchange::takes_body;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use url::Url;

use crate::base::Timestamp;
use address::Guarded;

/// Requests of one instance that are under way, or whose answers it has not taken.
pub const UNDER_WAY: usize = 8;

/// Requests of all plugins that are on their way, each with a thread. One that is answered makes room,
/// whether or not the answer is taken: who takes none must not be in the way of others.
const UNDER_WAY_ALL: usize = 32;

/// Bytes of a body, either way.
pub const BODY_BYTES: usize = 1 << 20;

/// The longest time for a whole exchange.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(60);

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// `GET`, `POST` ...
    pub method: &'static str,
    /// Absolute, `http` or `https`.
    pub url: Url,
    /// Names in lower case, each allowed.
    pub headers: Vec<(String, String)>,
    /// At most [`BODY_BYTES`].
    pub body: Vec<u8>,
    /// For the whole exchange, at most [`TIMEOUT_MAX`].
    pub timeout: Duration,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, each once.
    pub headers: Vec<(String, String)>,
    /// At most [`BODY_BYTES`].
    pub body: Vec<u8>,
}

/// The answer to one request. As long as it lives, it counts as under way for its instance.
#[derive(Debug)]
pub struct Answer {
    /// What [`Line::send`] gave.
    pub ticket: u64,
    /// What came back, or why nothing did.
    pub result: Result<Response, String>,
    _room: OwnedSemaphorePermit,
}

/// Answers, as they come.
pub type Answers = mpsc::Receiver<Answer>;

/// The next answer. Waits for ever where none can come any more.
pub async fn next(answers: &mut Answers) -> Answer {
    match answers.recv().await {
        Some(answer) => answer,
        None => std::future::pending().await,
    }
}

/// Sends requests for all plugins of a host. Clones are the same one.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    agent: ureq::Agent,
    room: Arc<Semaphore>,
    ticket: AtomicU64,
}

/// Where one instance asks. Clones are the same one.
#[derive(Clone)]
pub struct Line {
    client: Client,
    room: Arc<Semaphore>,
    answers: mpsc::Sender<Answer>,
}

impl Client {
    /// `now` begins the tickets: none of an earlier run is given again, which a plugin may still
    /// remember.
    pub fn new(now: Timestamp) -> Self {
        Self::with(exchange::agent(ureq::tls::RootCerts::PlatformVerifier, Guarded), now)
    }

    fn with(agent: ureq::Agent, now: Timestamp) -> Self {
        let ticket = AtomicU64::new(u64::try_from(now.micros()).unwrap_or(0));
        Self(Arc::new(Shared { agent, room: Arc::new(Semaphore::new(UNDER_WAY_ALL)), ticket }))
    }

    /// A line for one instance (and those that follow it), and where its answers come.
    pub fn line(&self) -> (Line, Answers) {
        // Answers have their room before they are asked for, so that none waits.
        let (answers, end) = mpsc::channel(UNDER_WAY);
        let line =
            Line { client: self.clone(), room: Arc::new(Semaphore::new(UNDER_WAY)), answers };
        (line, end)
    }
}

impl Line {
    /// Sends a request; gives its ticket. Does not wait.
    ///
    /// # Errors
    /// Too many are under way.
    pub fn send(&self, request: Request) -> Result<u64, String> {
        let too_many = |who: &str, most: usize| {
            format!("{most} requests{who} are under way: wait for an answer")
        };
        let own = self.room.clone().try_acquire_owned();
        let own = own.map_err(|_| too_many("", UNDER_WAY))?;
        let shared = self.client.0.clone();
        let all = shared.room.clone().try_acquire_owned();
        let all = all.map_err(|_| too_many(" of all plugins", UNDER_WAY_ALL))?;
        let ticket = shared.ticket.fetch_add(1, Ordering::Relaxed);
        let answers = self.answers.clone();
        let ask = move || {
            let result = exchange::exchange(&shared.agent, request);
            drop(all);
            // Nobody is there any more: fine.
            let _gone = answers.try_send(Answer { ticket, result, _room: own });
        };
        // Not awaited: it ends by its timeout, and with the process.
        let thread = std::thread::Builder::new().name("plugin-http".into()).spawn(ask);
        thread.map_err(|error| format!("the system has no thread for it: {error}"))?;
        Ok(ticket)
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({} free)", self.room.available_permits())
    }
}

#[cfg(test)]
mod tests;
