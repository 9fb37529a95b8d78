//! Ids that are never used again, and what is open. Takes events with the sender's ids, gives them with
//! the contract's; renews what is open, and ends what was forgotten. Pure: knows no JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wardline_sdk::{Attribute, Event, Microseconds, Phase, Timestamp};

/// Open events, by the contract.
const OPEN_MAX: usize = 256;

/// What happened so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    count: u64,
    /// By the sender's id.
    open: BTreeMap<String, Open>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Open {
    event: Event,
    until: Timestamp,
}

impl Ledger {
    /// Gives events their ids. One that begins again while it is open goes on; one that ends without
    /// having begun is an instant.
    ///
    /// # Errors
    /// Too much is open; nothing has been admitted.
    pub fn admit(
        &mut self,
        events: Vec<Event>,
        received: Timestamp,
        open_max: Microseconds,
    ) -> Result<Vec<Event>, String> {
        let opening =
            events.iter().filter(|event| matches!(event.phase, Phase::Begin | Phase::Update));
        if opening.filter(|event| !self.open.contains_key(&event.id)).count() + self.open.len()
            > OPEN_MAX
        {
            return Err(format!(
                "too many events are open: {OPEN_MAX} are allowed, end some first"
            ));
        }
        let until = received.saturating_add(open_max);
        Ok(events.into_iter().map(|event| self.admit_one(event, until)).collect())
    }

    /// Updates of all that is open, and the ends of what was not heard of for too long.
    pub fn renew(&mut self, now: Timestamp) -> Vec<Event> {
        let mut events = Vec::new();
        self.open.retain(|_, open| {
            let mut event = open.event.clone();
            let goes_on = now < open.until;
            event.phase = if goes_on { Phase::Update } else { Phase::End };
            event.time = if goes_on { now } else { open.until };
            if !goes_on {
                event.attributes.retain(|attribute| attribute.key != "ended-by");
                event.attributes.push(Attribute::text("ended-by", "timeout"));
            }
            events.push(event);
            goes_on
        });
        events
    }

    fn admit_one(&mut self, mut event: Event, until: Timestamp) -> Event {
        let sender_id = event.id.clone();
        let known = self.open.get(&sender_id).map(|open| open.event.id.clone());
        event.phase = match (event.phase, &known) {
            (Phase::Begin, Some(_)) => Phase::Update,
            (Phase::Update, None) => Phase::Begin,
            (Phase::End, None) => Phase::Instant,
            (phase, _) => phase,
        };
        event.id = match (event.phase, known) {
            (Phase::Update | Phase::End, Some(id)) => id,
            _ => self.next_id(&sender_id),
        };
        match event.phase {
            Phase::Begin | Phase::Update => {
                self.open.insert(sender_id, Open { event: event.clone(), until });
            }
            Phase::End => {
                self.open.remove(&sender_id);
            }
            Phase::Instant => {}
        }
        event
    }

    fn next_id(&mut self, sender_id: &str) -> String {
        self.count += 1;
        if sender_id.is_empty() {
            self.count.to_string()
        } else {
            format!("{sender_id}-{}", self.count)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, phase: Phase) -> Event {
        Event::new(id, "door.open", phase, 5)
    }

    /// `id:phase` words in, `id:phase` words out.
    fn check(words: &str, expected: &str) {
        let mut ledger = Ledger::default();
        let mut said = Vec::new();
        for word in words.split(' ') {
            let (id, phase) = word.split_once(':').unwrap();
            let phase = match phase {
                "begin" => Phase::Begin,
                "update" => Phase::Update,
                "end" => Phase::End,
                _ => Phase::Instant,
            };
            let event = ledger.admit(vec![event(id, phase)], 0, 100).unwrap().remove(0);
            said.push(
                format!("{}:{:?}", event.id, event.phase).replace("Phase::", "").to_lowercase(),
            );
        }
        assert_eq!(said.join(" "), expected, "{words}");
    }

    #[test]
    fn a_happening_has_one_id_and_the_next_one_another() {
        check("a:begin a:update a:end a:begin", "a-1:begin a-1:update a-1:end a-2:begin");
        check("a:begin b:begin a:end b:end", "a-1:begin b-2:begin a-1:end b-2:end");
        check(":now :now x:now x:now", "1:instant 2:instant x-3:instant x-4:instant");
    }

    #[test]
    fn what_does_not_fit_is_made_to_fit() {
        check("a:begin a:begin", "a-1:begin a-1:update");
        check("a:update a:end", "a-1:begin a-1:end");
        check("a:end", "a-1:instant");
    }

    #[test]
    fn what_is_open_is_renewed_until_it_is_forgotten() {
        let mut ledger = Ledger::default();
        ledger.admit(vec![event("a", Phase::Begin)], 0, 100).unwrap();
        let renewed = ledger.renew(99);
        assert_eq!((renewed[0].phase, renewed[0].time), (Phase::Update, 99));
        let ended = ledger.renew(101);
        assert_eq!((ended[0].phase, ended[0].time, ended[0].id.as_str()), (Phase::End, 100, "a-1"));
        assert_eq!(ended[0].attributes, [Attribute::text("ended-by", "timeout")]);
        assert_eq!(ledger.renew(200), []);
    }

    #[test]
    fn too_much_open_is_refused_as_a_whole() {
        let mut ledger = Ledger::default();
        let many =
            |count: usize| (0..count).map(|id| event(&id.to_string(), Phase::Begin)).collect();
        assert!(ledger.admit(many(257), 0, 100).is_err());
        assert_eq!(ledger.count, 0);
        assert!(ledger.admit(many(256), 0, 100).is_ok());
        assert!(ledger.admit(vec![event("more", Phase::Begin)], 0, 100).is_err());
        assert!(
            ledger.admit(vec![event("7", Phase::End), event("x", Phase::Instant)], 0, 100).is_ok()
        );
    }
}
