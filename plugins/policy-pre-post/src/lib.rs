//! Keeps video from some time before an event to some time after it: the glue between the contract and
//! the arithmetic of `activation.rs`. Takes notices, gives spans; asks for no wake, since every span
//! has its end from the start.

pub mod activation;
pub mod params;
pub mod predicate;

use wardline_sdk::snapshot::{Reader, Writer};
use wardline_sdk::{
    Answer, ClosedSegment, Fault, Microseconds, Notice, Reconfigure, RecordingPolicy, Setup,
    Snapshot, Span, State, Timestamp, metrics, plugin,
};

use activation::{Activation, Activations, Edges, Moment, Outcome};
use params::Settings;

/// The layout of what [`State::save`] gives: [`Activations::save`].
const SCHEMA: u32 = 2;

/// One camera's policy.
pub struct PrePost {
    settings: Settings,
    activations: Activations,
}

plugin!(PrePost: recording_policy, state, reconfigure);

impl RecordingPolicy for PrePost {
    fn init(setup: &Setup) -> Result<Self, Fault> {
        Ok(Self { settings: Settings::read(&setup.params)?, activations: Activations::default() })
    }

    fn on_event(&mut self, notice: &Notice, now: Timestamp) -> Result<Answer, Fault> {
        let event = &notice.event;
        let mut answer = Answer { spans: Vec::new(), wake: None, events: Vec::new() };
        if !self.settings.predicate.matches(notice) {
            return Ok(answer);
        }
        let label = if self.settings.label.is_empty() { &event.kind } else { &self.settings.label };
        let moment = Moment { happened: event.time, received: notice.received, now };
        match self.activations.observe(&self.settings.rules, moment, label, &event.id) {
            Outcome::Changed(activation) => {
                answer.spans.extend(span(activation, self.settings.keep));
            }
            Outcome::Unchanged => {}
            Outcome::Late => metrics::add("late_events", 1.0),
        }
        Ok(answer)
    }

    fn keep_continuous(
        &mut self,
        _segment: &ClosedSegment,
        _now: Timestamp,
    ) -> Result<Option<Microseconds>, Fault> {
        Ok(self.settings.keep_continuous)
    }
}

impl State for PrePost {
    fn save(&mut self) -> Result<Snapshot, String> {
        let mut state = Writer::default();
        self.activations.save(&mut state);
        Ok(Snapshot { schema: SCHEMA, data: state.into_bytes() })
    }

    fn load(&mut self, snapshot: Snapshot) -> Result<(), String> {
        if snapshot.schema != SCHEMA {
            return Err(format!("schema {} is not {SCHEMA}", snapshot.schema));
        }
        let mut state = Reader::new(&snapshot.data);
        let activations = Activations::load(&mut state)?;
        state.end()?;
        self.activations = activations;
        Ok(())
    }
}

impl Reconfigure for PrePost {
    fn set_params(&mut self, params: &str) -> Result<(), Fault> {
        self.settings = Settings::read(params)?;
        Ok(())
    }
}

fn span(activation: &Activation, keep: Option<Microseconds>) -> Option<Span> {
    let Edges { start, end } = activation.edges?;
    Some(Span {
        id: format!("activation-{}", activation.number),
        start,
        end,
        keep,
        label: activation.label.clone(),
        because: activation.causes.clone(),
        attributes: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use wardline_sdk::{Event, Phase};

    use super::*;

    const SECOND: i64 = 1_000_000;

    fn policy(params: &str) -> PrePost {
        let setup = Setup {
            name: "evr".to_owned(),
            camera: Some("door".to_owned()),
            video: None,
            params: params.to_owned(),
            attributes: Vec::new(),
        };
        PrePost::init(&setup).unwrap()
    }

    fn notice(id: &str, at: i64) -> Notice {
        Notice {
            event: Event::new(id, "motion", Phase::Begin, at),
            camera: "door".to_owned(),
            origin: "motion".to_owned(),
            received: at,
            sequence: 1,
        }
    }

    #[test]
    fn a_span_has_one_id_its_causes_and_its_hold() {
        let mut policy = policy(r#"{"keep":"30d"}"#);
        let first = policy.on_event(&notice("a", 100 * SECOND), 100 * SECOND).unwrap();
        let second = policy.on_event(&notice("b", 105 * SECOND), 105 * SECOND).unwrap();
        let [first, second] = [&first.spans[0], &second.spans[0]];
        assert_eq!(first.id, second.id);
        assert_eq!((second.start, second.end), (95 * SECOND, 125 * SECOND));
        assert_eq!(second.because, ["a", "b"]);
        assert_eq!(second.keep, Some(30 * 86_400 * SECOND));
        assert_eq!(second.label, "motion");
    }

    #[test]
    fn a_new_instance_goes_on_with_the_same_span() {
        let mut old = policy("{}");
        let before = old.on_event(&notice("a", 100 * SECOND), 100 * SECOND).unwrap();
        let mut new = policy(r#"{"label":"visitor"}"#);
        new.load(old.save().unwrap()).unwrap();
        let after = new.on_event(&notice("b", 105 * SECOND), 105 * SECOND).unwrap();
        assert_eq!(before.spans[0].id, after.spans[0].id);
        assert_eq!(after.spans[0].because, ["a", "b"]);
    }

    #[test]
    fn a_strange_snapshot_leaves_the_instance_as_it_was() {
        let mut policy = policy("{}");
        let good = policy.save().unwrap();
        let longer = [&good.data[..], &[0]].concat();
        let short = good.data[1..].to_vec();
        for (schema, data) in [(2, short), (2, longer), (1, good.data)] {
            assert!(policy.load(Snapshot { schema, data }).is_err());
        }
        assert_eq!(
            policy.on_event(&notice("a", 100 * SECOND), 100 * SECOND).unwrap().spans.len(),
            1
        );
    }

    #[test]
    fn bad_parameters_leave_the_old_ones_in_force() {
        let mut policy = policy(r#"{"keep-continuous":"3d"}"#);
        assert!(matches!(policy.set_params(r#"{"before":"soon"}"#), Err(Fault::BadParams(_))));
        let segment = ClosedSegment {
            start: 0,
            end: 1,
            bytes: 1,
            gap: false,
            events: vec![],
            attributes: vec![],
        };
        assert_eq!(policy.keep_continuous(&segment, 1).unwrap(), Some(3 * 86_400 * SECOND));
    }
}
