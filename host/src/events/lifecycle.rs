//! The life of a plugin instance's events: qualified ids, renewal, and an end for each beginning.
//!
//! Pure: events and times in, events out. (`wit/README.md`, "Life of an event".)

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{Attribute, Event, Phase, Value, hops};
use crate::base::{Timestamp, limits};

/// An open event that is not renewed for so long is ended by the host.
pub const RENEWAL: Duration = Duration::from_secs(5);

/// How much later than [`RENEWAL`] the host acts, so that a renewal in time is never cut short.
const RENEWAL_GRACE: Duration = Duration::from_secs(2);

/// The open events of one run of one plugin instance.
#[derive(Debug)]
pub struct Lifecycle {
    prefix: String,
    /// Last form of each open event, and when it was last heard of; by qualified id. Monotonic: a
    /// step of the wall clock neither ends an event nor keeps it open.
    open: BTreeMap<String, (Event, Instant)>,
    /// How many events led to what it says now, one after the other.
    hops: u32,
}

impl Lifecycle {
    /// For the instance of `plugin` on `camera` (or a source, without one) that started at `start`.
    pub fn new(camera: Option<&str>, plugin: &str, start: Timestamp) -> Self {
        let run = run_name(start);
        let prefix = match camera {
            Some(camera) => format!("{camera}/{plugin}/{run}"),
            None => format!("{plugin}/{run}"),
        };
        Self { prefix, open: BTreeMap::new(), hops: 0 }
    }

    /// Qualifies an id of this run.
    pub fn qualify(&self, id: &str) -> String {
        format!("{}/{id}", self.prefix)
    }

    /// The instance hears these: what it says from now on came of them.
    pub fn heard<'e>(&mut self, events: impl IntoIterator<Item = &'e Event>) {
        if let Some(hops) = events.into_iter().map(hops::of).max() {
            self.hops = hops.saturating_add(1);
        }
    }

    /// Takes what the instance said at `now`; gives it as others shall hear it, or `None` for an
    /// event beyond the limit of open ones and for the end of one that is not open.
    pub fn accept(&mut self, mut event: Event, now: Instant) -> Option<Event> {
        event.id = self.qualify(&event.id);
        hops::stamp(&mut event, self.hops);
        let known = self.open.contains_key(&event.id);
        match event.phase {
            Phase::Instant => return Some(event),
            Phase::End if !known => return None,
            Phase::End => {
                self.open.remove(&event.id);
                return Some(event);
            }
            Phase::Update if !known => event.phase = Phase::Begin,
            Phase::Begin if known => event.phase = Phase::Update,
            Phase::Begin | Phase::Update => {}
        }
        if !known && self.open.len() >= limits::OPEN_EVENTS {
            return None;
        }
        self.open.insert(event.id.clone(), (event.clone(), now));
        Some(event)
    }

    /// When the next open event runs out.
    pub fn deadline(&self) -> Option<Instant> {
        self.open.values().map(|(_, heard)| *heard + RENEWAL + RENEWAL_GRACE).min()
    }

    /// Ends what was not renewed.
    pub fn expire(&mut self, now: Instant) -> Vec<Event> {
        let late: Vec<String> = self
            .open
            .iter()
            .filter(|(_, (_, heard))| *heard + RENEWAL + RENEWAL_GRACE <= now)
            .map(|(id, _)| id.clone())
            .collect();
        late.into_iter().filter_map(|id| self.open.remove(&id)).map(ended).collect()
    }

    /// Ends all: the instance is gone, or its stream is broken.
    pub fn end_all(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.open).into_values().map(ended).collect()
    }
}

/// The end that the host says for an event: at the time when it was last true.
fn ended((mut event, _): (Event, Instant)) -> Event {
    event.phase = Phase::End;
    event.attributes.retain(|attribute| attribute.key != "ended-by");
    event.attributes.push(Attribute { key: "ended-by".into(), value: Value::Text("host".into()) });
    event
}

/// Names a run by its start, in base 36: the same start gives the same name.
fn run_name(start: Timestamp) -> String {
    let mut rest = u64::try_from(start.millis()).unwrap_or(0);
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit((rest % 36) as u32, 36).expect("below 36"));
        rest /= 36;
        if rest == 0 {
            return digits.iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, phase: Phase, seconds: i64) -> Event {
        Event {
            id: id.into(),
            kind: "motion".into(),
            phase,
            time: at(seconds),
            confidence: 1.0,
            regions: Vec::new(),
            cameras: Vec::new(),
            correlation: None,
            attributes: Vec::new(),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn phases_are_put_right() {
        let now = Instant::now();
        let mut life = Lifecycle::new(Some("gate"), "motion", at(1));
        let cases = [
            (Phase::Update, Some(Phase::Begin)),
            (Phase::Begin, Some(Phase::Update)),
            (Phase::End, Some(Phase::End)),
            (Phase::End, None),
            (Phase::Instant, Some(Phase::Instant)),
        ];
        for (said, heard) in cases {
            let got = life.accept(event("a", said, 1), now);
            assert_eq!(got.as_ref().map(|event| event.phase), heard, "{said:?}");
            assert!(got.is_none_or(|event| event.id == "gate/motion/rs/a"));
        }
    }

    #[test]
    fn what_is_not_renewed_ends_at_its_last_time() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut life = Lifecycle::new(None, "door", at(0));
        life.accept(event("a", Phase::Begin, 10), after(10));
        life.accept(event("a", Phase::Update, 14), after(14));
        assert!(life.expire(after(20)).is_empty());
        let ended = life.expire(after(21));
        assert_eq!((ended[0].phase, ended[0].time), (Phase::End, at(14)));
        assert_eq!(ended[0].attributes[0].key, "ended-by");
        assert_eq!(life.deadline(), None);
    }

    #[test]
    fn what_comes_of_others_counts_its_hops() {
        let now = Instant::now();
        let mut life = Lifecycle::new(None, "door", at(0));
        let said = |life: &mut Lifecycle| {
            let mut event = event("a", Phase::Instant, 1);
            hops::stamp(&mut event, 7);
            life.accept(event, now).unwrap()
        };
        assert_eq!(hops::of(&said(&mut life)), 0, "a plugin does not count itself");
        life.heard([&event("b", Phase::Instant, 1)]);
        let first = said(&mut life);
        assert_eq!(hops::of(&first), 1);
        life.heard([&first, &event("b", Phase::Instant, 1)]);
        assert_eq!(hops::of(&said(&mut life)), 2);
    }

    #[test]
    fn open_events_are_bounded() {
        let now = Instant::now();
        let mut life = Lifecycle::new(None, "door", at(0));
        for n in 0..limits::OPEN_EVENTS {
            assert!(life.accept(event(&n.to_string(), Phase::Begin, 1), now).is_some());
        }
        assert!(life.accept(event("more", Phase::Begin, 1), now).is_none());
        assert_eq!(life.end_all().len(), limits::OPEN_EVENTS);
    }
}
