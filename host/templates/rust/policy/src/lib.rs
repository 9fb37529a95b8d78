//! Keeps video around each event. This file stands between the host and `keeper.rs`, which decides.

mod keeper;

use keeper::Keeper;
use wardline_sdk::{
    Answer, Fault, Microseconds, Notice, RecordingPolicy, Setup, Span, Timestamp, params, plugin,
};

/// Who says what is no reason to keep video: a camera comes and goes, and what a person asks for,
/// the host keeps by itself.
const NOT_HEARD: [&str; 2] = ["host", "api"];

const SECOND: Microseconds = 1_000_000;

/// As `plugin.toml` describes them. The host has checked them and filled in the defaults.
#[derive(serde::Deserialize)]
struct Params {
    before: i64,
    after: i64,
}

struct MyPlugin {
    keeper: Keeper,
}

plugin!(MyPlugin: recording_policy);

impl RecordingPolicy for MyPlugin {
    fn init(setup: &Setup) -> Result<Self, Fault> {
        let params: Params = params::parse(&setup.params)?;
        Ok(Self { keeper: Keeper::new(params.before * SECOND, params.after * SECOND) })
    }

    fn on_event(&mut self, notice: &Notice, _now: Timestamp) -> Result<Answer, Fault> {
        let mut answer = Answer { spans: Vec::new(), wake: None, events: Vec::new() };
        if !NOT_HEARD.contains(&notice.origin.as_str()) {
            let stretch = self.keeper.hear(&notice.event.id, notice.event.time);
            answer.spans.push(Span {
                id: stretch.number.to_string(),
                start: stretch.start,
                end: stretch.end,
                keep: None,
                label: notice.event.kind.clone(),
                because: stretch.because.clone(),
                attributes: Vec::new(),
            });
        }
        Ok(answer)
    }
}
