//! Turns the words `open` and `closed` into events of a door. This file stands between the host and
//! `door.rs`, which reads.

mod door;

use wardline_sdk::{
    Event, EventSource, Fault, Message, Messages, Phase, Setup, SourceSpec, plugin,
};

struct MyPlugin {
    count: u64,
}

plugin!(MyPlugin: event_source, messages);

impl EventSource for MyPlugin {
    fn init(setup: &Setup) -> Result<(Self, SourceSpec), Fault> {
        // Its own path, /hooks/<name>.
        let topics = vec![format!("hook:{}", setup.name)];
        Ok((Self { count: 0 }, SourceSpec { topics, tick: None }))
    }
}

impl Messages for MyPlugin {
    fn on_message(&mut self, message: &Message, body: &[u8]) -> Result<Vec<Event>, Fault> {
        // Who sent it gets 400 with this text.
        let kind = door::read(body).map_err(Fault::Rejected)?;
        self.count += 1;
        // No cameras named: all those that the source is configured for.
        Ok(vec![Event::new(self.count.to_string(), kind, Phase::Instant, message.received)])
    }
}
