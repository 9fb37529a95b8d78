//! Sources: messages from people who mean ill, and time that does not pass as it should.

use super::{NAME, Trial, at, inputs};
use crate::wasm::{Message, Source};

/// Messages one after the other: a source that keeps what it hears shows it.
const FLOOD: i64 = 2000;

pub(super) fn run(trial: &mut Trial<'_>) {
    let Some((_, topics)) = made(trial, "beginning") else { return };
    for (case, body) in inputs::bodies() {
        let Some((mut source, _)) = made(trial, case) else { return };
        for topic in &topics {
            if !tell(trial, &mut source, message(topic, body.clone())) {
                break;
            }
        }
    }
    if let Some((mut source, _)) =
        made(trial, "headers as large as may be, on a topic not asked for")
    {
        let mut odd = message("mqtt:some/where", b"{}".to_vec());
        odd.content_type = "x/y; ".repeat(40);
        odd.attributes = inputs::attributes();
        tell(trial, &mut source, odd);
    }
    flood(trial, &topics);
    ticks(trial);
}

/// With the topics that it asks for.
fn made(trial: &mut Trial<'_>, case: &'static str) -> Option<(Source, Vec<String>)> {
    let made = Source::new(trial.plugin, trial.config(), &trial.setup_blind(), at(0));
    let (source, spec) = trial.made(case, made)?;
    let topics = if spec.topics.is_empty() { vec![format!("hook:{NAME}")] } else { spec.topics };
    Some((source, topics))
}

fn message(topic: &str, body: Vec<u8>) -> Message {
    Message {
        topic: topic.into(),
        content_type: "application/json".into(),
        received: at(1),
        attributes: Vec::new(),
        body,
    }
}

fn tell(trial: &mut Trial<'_>, source: &mut Source, message: Message) -> bool {
    let result = source.on_message(&message);
    trial.note(result, source.last_call())
}

fn flood(trial: &mut Trial<'_>, topics: &[String]) {
    let Some((mut source, _)) = made(trial, "a flood of messages") else { return };
    let Some(topic) = topics.first() else { return };
    for number in 0..FLOOD {
        let body = format!("{{\"kind\":\"door.opened\",\"id\":\"{number}\"}}");
        let message = Message { received: at(number / 100), ..message(topic, body.into()) };
        if !tell(trial, &mut source, message) {
            return;
        }
    }
}

fn ticks(trial: &mut Trial<'_>) {
    let Some((mut source, _)) = made(trial, "ticks at any time") else { return };
    for seconds in [1, 1, 86_400, 86_399, 31_536_000] {
        let result = source.on_tick(at(seconds));
        if !trial.note(result, source.last_call()) {
            return;
        }
    }
}
