//! The audit trail: who came, was refused, changed or took something. Said here, stored by the
//! pipeline as events `audit.*`, which admins see.
//!
//! Refusals can be a flood: the first of its kind is said at once, those of the next minute as one
//! with their number. What is said otherwise waits in a bounded queue; when that is full, it is
//! logged and dropped. Never holds a password, token or cookie.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::access::Visitor;

/// What waits for the index.
const QUEUE: usize = 256;

/// Refusals of one kind are folded for so long.
const FOLD: Duration = Duration::from_secs(60);

/// Kinds of refusals, by reason, address and user, that are told apart at a time. What comes beyond
/// is one kind.
const KINDS_MAX: usize = 32;

/// The longest value, in bytes: requests are long at times.
const VALUE_MAX: usize = 512;

/// Something that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// Of the event: `audit.login`, for example.
    pub kind: &'static str,
    /// The camera that it is about; `None`: the host as a whole.
    pub camera: Option<String>,
    /// More, by names in kebab-case.
    pub what: Vec<(&'static str, String)>,
}

impl Audited {
    pub(super) fn new(kind: &'static str) -> Self {
        Self { kind, camera: None, what: Vec::new() }
    }

    /// Who did it, from where.
    pub(super) fn by(self, visitor: &Visitor, peer: IpAddr) -> Self {
        self.with("who", visitor.name.to_string())
            .with("role", visitor.role.to_string())
            .with("address", peer.to_canonical().to_string())
    }

    pub(super) fn on(self, camera: Option<String>) -> Self {
        Self { camera, ..self }
    }

    pub(super) fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        let mut value = value.into();
        let end = (0..=VALUE_MAX).rev().find(|at| value.is_char_boundary(*at)).unwrap_or(0);
        value.truncate(end);
        self.what.push((key, value));
        self
    }
}

/// What a handler adds to what is told of its request: an extension of its answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// Nothing is told: it goes on with what was told before.
    pub(super) silent: bool,
    pub(super) camera: Option<String>,
    pub(super) what: Vec<(&'static str, String)>,
}

/// What makes refusals the same.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Refusal {
    reason: &'static str,
    peer: Option<IpAddr>,
    who: String,
}

/// Refusals of one kind since `began`, beside the first, which was told.
struct Folded {
    began: Instant,
    more: u64,
}

#[derive(Default)]
struct Folder(BTreeMap<Refusal, Folded>);

impl Folder {
    /// One more; whether it is to be told by itself.
    fn add(&mut self, mut refusal: Refusal, now: Instant) -> Option<Audited> {
        if !self.0.contains_key(&refusal) && self.0.len() >= KINDS_MAX {
            refusal = Refusal { peer: None, who: String::new(), ..refusal };
        }
        if let Some(folded) = self.0.get_mut(&refusal) {
            folded.more += 1;
            return None;
        }
        let told = event(&refusal, 1);
        self.0.insert(refusal, Folded { began: now, more: 0 });
        Some(told)
    }

    /// What was folded long enough.
    fn due(&mut self, now: Instant) -> Vec<Audited> {
        let mut due = Vec::new();
        self.0.retain(|refusal, folded| {
            if now - folded.began < FOLD {
                return true;
            }
            // Who goes on stays folded; who was silent meanwhile is new the next time.
            let goes_on = folded.more > 0;
            if goes_on {
                due.push(event(refusal, folded.more));
                *folded = Folded { began: now, more: 0 };
            }
            goes_on
        });
        due
    }
}

fn event(refusal: &Refusal, count: u64) -> Audited {
    let Refusal { reason, peer, who } = refusal;
    let address = peer.map_or("many".into(), |peer| peer.to_canonical().to_string());
    let told = Audited::new("audit.refused").with("reason", *reason).with("address", address);
    let told = if who.is_empty() { told } else { told.with("who", who.clone()) };
    told.with("count", count.to_string())
}

/// Where it is said. Cheap to clone.
#[derive(Clone)]
pub struct Trail {
    folder: Arc<Mutex<Folder>>,
    queue: mpsc::Sender<Audited>,
}

/// Where it is heard.
pub struct Heard {
    folder: Arc<Mutex<Folder>>,
    queue: mpsc::Receiver<Audited>,
    due: Vec<Audited>,
}

/// Both ends.
pub fn trail() -> (Trail, Heard) {
    let folder = Arc::default();
    let (sender, queue) = mpsc::channel(QUEUE);
    (Trail { folder: Arc::clone(&folder), queue: sender }, Heard { folder, queue, due: Vec::new() })
}

impl Trail {
    /// Tells something, and logs it. Does not wait.
    pub(super) fn tell(&self, told: Audited) {
        let what: Vec<_> = told.what.iter().map(|(key, value)| format!("{key}={value}")).collect();
        tracing::info!(kind = told.kind, camera = told.camera, "{}", what.join(" "));
        if let Err(mpsc::error::TrySendError::Full(told)) = self.queue.try_send(told) {
            tracing::warn!(kind = told.kind, "too much to tell in the audit trail: dropped");
        }
    }

    /// Tells that somebody was refused. `who` is a name that is known to be one; empty: he did not
    /// say, or nobody has it.
    pub(super) fn refused(&self, reason: &'static str, peer: IpAddr, who: &str) {
        let refusal = Refusal { reason, peer: Some(peer), who: who.to_owned() };
        let mut folder = self.folder.lock().expect("no panic under this lock");
        let told = folder.add(refusal, Instant::now());
        drop(folder);
        if let Some(told) = told {
            self.tell(told);
        }
    }
}

impl Heard {
    /// The next thing; `None` once nobody can say anything any more.
    pub async fn next(&mut self) -> Option<Audited> {
        loop {
            if let Some(told) = self.due.pop() {
                return Some(told);
            }
            tokio::select! {
                biased;
                told = self.queue.recv() => return told,
                () = tokio::time::sleep(FOLD / 12) => {}
            }
            let mut folder = self.folder.lock().expect("no panic under this lock");
            self.due = folder.due(Instant::now());
        }
    }

    /// What waits, without waiting; and what was folded so far.
    pub fn rest(&mut self) -> Vec<Audited> {
        let mut rest = std::mem::take(&mut self.due);
        while let Ok(told) = self.queue.try_recv() {
            rest.push(told);
        }
        let mut folder = self.folder.lock().expect("no panic under this lock");
        rest.extend(folder.due(Instant::now() + FOLD));
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u16) -> IpAddr {
        IpAddr::from([10, 0, (last >> 8) as u8, last as u8])
    }

    fn value<'t>(told: &'t Audited, key: &str) -> &'t str {
        told.what.iter().find(|(name, _)| *name == key).map_or("", |(_, value)| value)
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_refusals_is_few_events() {
        let (trail, mut heard) = trail();
        for n in 0..10_000_u16 {
            trail.refused("password", address(n % 1000), "");
        }
        trail.tell(Audited::new("audit.export"));
        let (mut events, mut refusals, mut exports) = (0, 0, 0);
        while let Ok(Some(told)) = tokio::time::timeout(2 * FOLD, heard.next()).await {
            events += 1;
            exports += u64::from(told.kind == "audit.export");
            refusals += value(&told, "count").parse().unwrap_or(0);
        }
        assert_eq!((refusals, exports), (10_000, 1), "none is lost");
        assert!(events <= 2 * (KINDS_MAX + 2), "{events}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_is_told_at_once_and_who_was_silent_is_new() {
        let (trail, mut heard) = trail();
        for (told, count) in [(true, "1"), (false, "2")] {
            trail.refused("role", address(1), "anna");
            if !told {
                trail.refused("role", address(1), "anna");
            }
            let next = heard.next().await.unwrap();
            assert_eq!((value(&next, "count"), value(&next, "who")), (count, "anna"));
        }
        tokio::time::timeout(3 * FOLD, heard.next()).await.unwrap_err();
        trail.refused("role", address(1), "anna");
        assert_eq!(value(&heard.next().await.unwrap(), "count"), "1");
    }

    #[test]
    fn long_values_are_cut_at_a_character() {
        let told = Audited::new("audit.pin").with("request", "ü".repeat(400));
        assert_eq!(value(&told, "request").len(), VALUE_MAX);
        let told = Audited::new("audit.pin").with("request", format!("a{}", "ü".repeat(400)));
        assert_eq!(value(&told, "request").len(), VALUE_MAX - 1);
    }
}
