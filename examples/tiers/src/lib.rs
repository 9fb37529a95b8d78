//! Everything 3 days, with motion 7, alerts 30: how long a file is kept by what happened in it. What
//! is pinned is kept for ever, by the host. Asks for no span: this is about continuous video only.

use wardline_sdk::{
    Answer, ClosedSegment, Fault, Microseconds, Notice, RecordingPolicy, Setup, Timestamp, params,
    plugin,
};

/// How long each tier is kept.
#[derive(serde::Deserialize)]
pub struct Tiers {
    everything: params::Duration,
    motion: params::Duration,
    alerts: params::Duration,
}

plugin!(Tiers: recording_policy);

impl RecordingPolicy for Tiers {
    fn init(setup: &Setup) -> Result<Self, Fault> {
        params::parse(&setup.params)
    }

    fn on_event(&mut self, _: &Notice, _: Timestamp) -> Result<Answer, Fault> {
        Ok(Answer { spans: Vec::new(), wake: None, events: Vec::new() })
    }

    fn keep_continuous(
        &mut self,
        segment: &ClosedSegment,
        _: Timestamp,
    ) -> Result<Option<Microseconds>, Fault> {
        let had = |kind: &str| segment.events.iter().any(|tally| tally.kind == kind);
        let alert = had("alert").then_some(self.alerts);
        let motion = had("motion").then_some(self.motion);
        let keep = alert.max(motion).max(Some(self.everything));
        Ok(keep.map(params::Duration::micros))
    }
}

#[cfg(test)]
mod tests {
    use wardline_sdk::Tally;

    use super::*;

    #[test]
    fn the_best_tier_counts() {
        let params = r#"{"everything":"3d","motion":"7d","alerts":"30d"}"#.to_owned();
        let setup = Setup {
            name: "tiers".to_owned(),
            camera: None,
            video: None,
            params,
            attributes: Vec::new(),
        };
        let mut policy = Tiers::init(&setup).unwrap();
        for (kinds, days) in [
            (&[][..], 3),
            (&["door.opened"], 3),
            (&["motion"], 7),
            (&["alert"], 30),
            (&["alert", "door.opened", "motion"], 30),
        ] {
            let events =
                kinds.iter().map(|kind| Tally { kind: (*kind).to_owned(), count: 1 }).collect();
            let segment = ClosedSegment {
                start: 0,
                end: 60,
                bytes: 1,
                gap: false,
                events,
                attributes: Vec::new(),
            };
            let kept = policy.keep_continuous(&segment, 60).unwrap();
            assert_eq!(kept, Some(days * 86_400_000_000), "{kinds:?}");
        }
    }
}
