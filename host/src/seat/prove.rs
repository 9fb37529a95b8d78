//! Whether an offer is fit: tried in an instance that is thrown away, with a copy of the state and
//! the last inputs. Blocking: runs on a lane of its own, so that no decision waits for it.

use std::sync::Arc;
use std::time::Duration;

use super::journal::Told;
use crate::base::Timestamp;
use crate::kv::{Place, Shelf};
use crate::wasm::{Cause, Fault, InstanceConfig, Kind, Plugin, Setup, Snapshot};

/// What an instance is made of.
pub(super) struct Recipe<T: Kind> {
    pub(super) plugin: Plugin,
    pub(super) config: InstanceConfig,
    pub(super) setup: Setup,
    /// It goes on from here.
    pub(super) snapshot: Option<Arc<Snapshot>>,
    /// What it is told again then.
    pub(super) inputs: Vec<Told<T>>,
    /// Processor time for that.
    pub(super) bound: Duration,
    /// What it keeps by key and value, as it was when the snapshot was taken, and is again.
    pub(super) shelf: Option<Shelf>,
    pub(super) now: Timestamp,
}

/// Why there is none.
pub(super) enum Unbuilt {
    /// It could not be made: whatever there was to go on from has nothing to do with it.
    Unmade(Fault),
    /// It was made, and did not get to where another was.
    Lost(Fault),
}

impl From<Unbuilt> for Fault {
    fn from(unbuilt: Unbuilt) -> Self {
        match unbuilt {
            Unbuilt::Unmade(fault) | Unbuilt::Lost(fault) => fault,
        }
    }
}

/// An instance that was made.
pub(super) struct Built<T: Kind> {
    pub(super) instance: T,
    pub(super) wishes: T::Wishes,
    /// Why it did not take the snapshot: it is as `init` left it.
    pub(super) refused: Option<Fault>,
    /// It was not told all inputs: that would have taken too long.
    pub(super) is_behind: bool,
    /// What it keeps by key and value before it is in charge; `None`: it was not granted that.
    pub(super) draft: Option<Shelf>,
}

impl<T: Kind> Recipe<T> {
    /// Makes the instance, and brings it to where another was: what it answers to the inputs is
    /// thrown away, and nobody sees twice what it does. Where there are too many inputs, it has the
    /// snapshot alone.
    pub(super) fn build(self) -> Result<Built<T>, Unbuilt> {
        let mut built = self.start()?;
        if built.refused.is_none()
            && !tell(&mut built.instance, &self.inputs, self.bound).map_err(lost)?
        {
            // Another one: this is half of the way.
            built = Built { is_behind: true, ..self.start()? };
        }
        Ok(built)
    }

    fn start(&self) -> Result<Built<T>, Unbuilt> {
        // First of all: what its `init` puts there stays.
        if let Some(shelf) = &self.shelf {
            shelf.rewind();
        }
        let (mut instance, wishes) =
            T::make(&self.plugin, self.config.clone(), &self.setup, self.now)
                .map_err(Unbuilt::Unmade)?;
        let mut refused = None;
        if let Some(snapshot) = &self.snapshot
            && let Err(fault) = instance.load(snapshot, self.now)
        {
            if !matches!(fault.cause, Cause::Refused(_)) {
                return Err(lost(fault));
            }
            refused = Some(fault);
        }
        Ok(Built { instance, wishes, refused, is_behind: false, draft: None })
    }

    /// As [`Self::build`], for nothing but to see whether it can; then makes one that has nothing
    /// behind it but its `init`.
    pub(super) fn prove(mut self) -> Result<Built<T>, Fault> {
        let (plugin, mut config, setup) =
            (self.plugin.clone(), self.config.clone(), self.setup.clone());
        let now = self.now;
        self.config.proving = true;
        if let Some(fault) = self.build()?.refused {
            return Err(fault);
        }
        // What its `init` puts there is seen by nobody before it is in charge.
        let kept = plugin.grants().kv_bytes.and_then(|_| config.services.kv.shelf().ok());
        let draft = kept.map(|shelf| shelf.draft());
        if let Some(draft) = &draft {
            config.services.kv = Place::Memory(draft.clone());
        }
        let (instance, wishes) = T::make(&plugin, config, &setup, now)?;
        Ok(Built { instance, wishes, refused: None, is_behind: false, draft })
    }
}

/// What the host lacks says nothing of what the plugin saved.
fn lost(fault: Fault) -> Unbuilt {
    if fault.is_hosts() { Unbuilt::Unmade(fault) } else { Unbuilt::Lost(fault) }
}

/// Tells an instance inputs again, within `bound` of processor time: whether that was enough. What is
/// rejected or can't be said now is no fault.
pub(super) fn tell<T: Kind>(
    instance: &mut T,
    inputs: &[Told<T>],
    bound: Duration,
) -> Result<bool, Fault> {
    let mut left = bound;
    for Told { input, asked } in inputs {
        match instance.give_again(input, asked) {
            Err(fault) if fault.wants_new_instance() || fault.is_final() => return Err(fault),
            _ => {}
        }
        left = left.saturating_sub(instance.last_call().cpu);
        if left.is_zero() {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::metrics::Metrics;
    use crate::events::Phase;
    use crate::wasm::policy::Input;
    use crate::wasm::{Engine, Policy, Services, Terms, guests};

    fn now() -> Timestamp {
        Timestamp::from_millis(1_763_800_000_000)
    }

    fn told() -> Told<Policy> {
        let event = crate::events::Event {
            id: "gate/api/1".into(),
            kind: "door.opened".into(),
            phase: Phase::Instant,
            time: now(),
            confidence: 1.0,
            regions: Vec::new(),
            cameras: vec!["gate".into()],
            correlation: None,
            attributes: Vec::new(),
        };
        let (camera, origin) = ("gate".into(), "api".into());
        let notice = crate::events::Notice { event, camera, origin, received: now(), sequence: 1 };
        Told { input: Input::Event(Arc::new(notice), now()), asked: Vec::new() }
    }

    /// What it kept since it was saved comes of what it is told again, once; and where that would
    /// take too long, it is as it was when it was saved.
    #[test]
    fn an_instance_is_brought_to_where_another_was() {
        for (bound, expected) in [
            (Duration::from_secs(2), &["12345678", "before", "seen"][..]),
            (Duration::ZERO, &["12345678", "before"]),
        ] {
            let shelf = Shelf::default();
            shelf.put("before", b"x", 1000).unwrap();
            shelf.mark();
            // Of the one that fell.
            for key in ["seen", "fell"] {
                shelf.put(key, b"x", 1000).unwrap();
            }
            let terms = Terms::Listed(vec!["kv:1KiB".parse().unwrap()]);
            let engine = Engine::new(None).unwrap();
            // Its `init` puts something of its own.
            let code = "(call $put (i32.const 2048) (i32.const 8) (i32.const 1024) (i32.const 4)
                (i32.const 256))";
            let export = "recording-policy@0.1.0#init";
            let component = guests::component_but("policy-remembers", export, code);
            let recipe = Recipe::<Policy> {
                plugin: Plugin::load_on(&terms, &engine, "test", &component).unwrap(),
                config: InstanceConfig {
                    name: "test".into(),
                    camera: Some("gate".into()),
                    zone: jiff::tz::TimeZone::UTC,
                    metrics: Metrics::default(),
                    memory_bytes: None,
                    services: Services { kv: Place::Memory(shelf.clone()), http: None },
                    proving: false,
                },
                setup: Setup { params: "{}".into(), ..Setup::default() },
                snapshot: None,
                inputs: vec![told()],
                bound,
                shelf: Some(shelf.clone()),
                now: now(),
            };
            let Ok(built) = recipe.build() else { panic!("it can be made") };
            assert_eq!(built.is_behind, bound.is_zero());
            assert_eq!(shelf.keys(""), expected);
        }
    }
}
