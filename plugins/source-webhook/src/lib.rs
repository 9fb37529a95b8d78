//! Turns JSON posted to `/hooks/<source>` into events: the glue between the contract and `mapping.rs`.
//! Takes messages of its own topic, gives events; a body it cannot read is rejected with the reason.

pub mod mapping;
pub mod time;
pub mod ledger;

use wardline_sdk::{
    Event, EventSource, Fault, Message, Messages, Microseconds, Reconfigure, Setup, Snapshot,
    SourceSpec, State, Timestamp, params, plugin,
};

use ledger::Ledger;
use mapping::Settings;

/// The layout of what [`State::save`] gives: JSON of [`Ledger`].
const SCHEMA: u32 = 2;

/// What is open is renewed so often; the contract asks for every 5 s.
const TICK: Microseconds = 3_000_000;

/// One configured source.
pub struct Webhook {
    settings: Settings,
    ledger: Ledger,
}

plugin!(Webhook: event_source, messages, state, reconfigure);

impl EventSource for Webhook {
    fn init(setup: &Setup) -> Result<(Self, SourceSpec), Fault> {
        let settings = params::parse(&setup.params)?;
        let topics = vec![format!("hook:{}", setup.name)];
        let source = Self { settings, ledger: Ledger::default() };
        Ok((source, SourceSpec { topics, tick: Some(TICK) }))
    }

    fn on_tick(&mut self, now: Timestamp) -> Result<Vec<Event>, Fault> {
        Ok(self.ledger.renew(now))
    }
}

impl Messages for Webhook {
    fn on_message(&mut self, message: &Message, body: &[u8]) -> Result<Vec<Event>, Fault> {
        let events = self.settings.events(body, message.received).map_err(Fault::Rejected)?;
        let open_max = self.settings.open_max.0.micros();
        self.ledger.admit(events, message.received, open_max).map_err(Fault::Rejected)
    }
}

impl State for Webhook {
    fn save(&mut self) -> Result<Snapshot, String> {
        let data = serde_json::to_vec(&self.ledger)
            .map_err(|error| format!("cannot write the ledger: {error}"))?;
        Ok(Snapshot { schema: SCHEMA, data })
    }

    fn load(&mut self, snapshot: Snapshot) -> Result<(), String> {
        if snapshot.schema != SCHEMA {
            return Err(format!("schema {} is not {SCHEMA}", snapshot.schema));
        }
        self.ledger = serde_json::from_slice(&snapshot.data)
            .map_err(|error| format!("cannot read the ledger: {error}"))?;
        Ok(())
    }
}

impl Reconfigure for Webhook {
    fn set_params(&mut self, params: &str) -> Result<(), Fault> {
        self.settings = params::parse(params)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(params: &str) -> (Webhook, SourceSpec) {
        let setup = Setup {
            name: "door".to_owned(),
            camera: None,
            video: None,
            params: params.to_owned(),
            attributes: Vec::new(),
        };
        Webhook::init(&setup).unwrap()
    }

    fn post(webhook: &mut Webhook, body: &str) -> Result<Vec<Event>, Fault> {
        let message = Message {
            topic: "hook:door".to_owned(),
            content_type: "application/json".to_owned(),
            received: 1_000_000,
            attributes: Vec::new(),
        };
        webhook.on_message(&message, body.as_bytes())
    }

    #[test]
    fn it_listens_to_its_own_path_only() {
        assert_eq!(webhook("{}").1.topics, ["hook:door"]);
    }

    #[test]
    fn a_bad_body_is_rejected_and_the_next_one_is_heard() {
        let (mut webhook, _) = webhook("{}");
        assert!(matches!(post(&mut webhook, "?"), Err(Fault::Rejected(_))));
        assert_eq!(post(&mut webhook, r#"{"kind":"door.opened"}"#).unwrap()[0].time, 1_000_000);
    }

    #[test]
    fn ids_go_on_in_a_new_instance() {
        let (mut old, _) = webhook("{}");
        let first = post(&mut old, r#"{"kind":"a"}"#).unwrap().remove(0);
        let (mut new, _) = webhook("{}");
        new.load(old.save().unwrap()).unwrap();
        let second = post(&mut new, r#"{"kind":"a"}"#).unwrap().remove(0);
        assert_ne!(first.id, second.id);
        for (schema, data) in [(1, vec![0; 8]), (2, vec![0])] {
            assert!(new.load(Snapshot { schema, data }).is_err());
        }
    }

    #[test]
    fn what_is_open_stays_open_in_a_new_instance() {
        let (mut old, _) = webhook("{}");
        let begun = post(&mut old, r#"{"id":"door","kind":"door.open","phase":"begin"}"#).unwrap();
        let (mut new, _) = webhook("{}");
        new.load(old.save().unwrap()).unwrap();
        assert_eq!(new.ledger, old.ledger);
        assert_eq!(new.on_tick(2_000_000).unwrap()[0].id, begun[0].id);
        let ended = post(&mut new, r#"{"id":"door","kind":"door.open","phase":"end"}"#).unwrap();
        assert_eq!((&ended[0].id, ended[0].phase), (&begun[0].id, wardline_sdk::Phase::End));
    }

    #[test]
    fn new_parameters_hold_at_once_and_bad_ones_never() {
        let (mut webhook, _) = webhook("{}");
        webhook.set_params(r#"{"kind":"bell"}"#).unwrap();
        assert!(webhook.set_params(r#"{"colour":"red"}"#).is_err());
        assert_eq!(post(&mut webhook, "{}").unwrap()[0].kind, "bell");
    }
}
