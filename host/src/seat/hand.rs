//! One instance hands over to another, between two calls: what the one knows, the other knows then.
//! Blocking: jobs on lanes, so that nothing comes between.

use std::sync::Arc;
use std::time::Duration;

use crate::base::Timestamp;
use crate::wasm::{Fault, Kind, Plugin, Snapshot};

use super::journal::Told;
use super::prove::tell;

/// Processor time in which a new one must have caught up with the last snapshot and the inputs since:
/// its camera's own inputs wait meanwhile, and so do other plugins that need an instance.
pub(super) const CATCH_UP: Duration = Duration::from_secs(2);

/// What came of it.
pub(super) struct Passed {
    pub(super) handed: Handed,
    /// What the old one saved.
    pub(super) saved: Option<Arc<Snapshot>>,
    /// The old one can still be called.
    pub(super) is_well: bool,
}

/// What the new one knows.
#[derive(Debug, PartialEq)]
pub(super) enum Handed {
    /// All that the old one did.
    All,
    /// Nothing: it begins anew.
    Nothing,
    /// It did not take what it was handed: the old one stays.
    Refused(String),
}

/// From `old`, an instance of the component `digest`, to `new`, which is one of `plugin` and has
/// nothing behind it but its `init`.
pub(super) fn pass<T: Kind>(
    old: &mut T,
    new: &mut T,
    plugin: &Plugin,
    digest: &str,
    now: Timestamp,
) -> Passed {
    let (saved, is_well) = match old.save(now) {
        Ok(saved) => (saved.map(Arc::new), true),
        Err(fault) => (None, !fault.wants_new_instance()),
    };
    let handed = match &saved {
        Some(saved) if plugin.can_load(saved.schema, digest) => {
            new.load(saved, now).map_or_else(refused, |()| Handed::All)
        }
        _ => Handed::Nothing,
    };
    Passed { handed, saved, is_well }
}

/// Where the old one saves nothing: to `new`, which has nothing behind it but its `init`, the last
/// good snapshot and all inputs since, within `bound` of processor time.
pub(super) fn catch_up<T: Kind>(
    new: &mut T,
    (last, inputs): (&Snapshot, &[Told<T>]),
    now: Timestamp,
    bound: Duration,
) -> Handed {
    if let Err(fault) = new.load(last, now) {
        return refused(fault);
    }
    match tell(new, inputs, bound) {
        Err(fault) => refused(fault),
        Ok(true) => Handed::All,
        Ok(false) => Handed::Refused(format!(
            "the one before saves nothing, and {} ms are too short to tell it all that happened \
             since it last did: restart the host for that",
            bound.as_millis()
        )),
    }
}

fn refused(fault: Fault) -> Handed {
    Handed::Refused(fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::metrics::Metrics;
    use crate::kv::{Place, Shelf};
    use crate::wasm::policy::Input;
    use crate::wasm::{Engine, InstanceConfig, Policy, Services, Setup, guests};

    #[test]
    fn what_takes_too_long_to_tell_is_refused() {
        let now = Timestamp::from_millis(1_763_800_000_000);
        let engine = Engine::new(None).unwrap();
        let plugin = Plugin::load(&engine, "test", &guests::component("policy-whole")).unwrap();
        let make = || {
            let config = InstanceConfig {
                name: "test".into(),
                camera: Some("gate".into()),
                zone: jiff::tz::TimeZone::UTC,
                metrics: Metrics::default(),
                memory_bytes: None,
                services: Services { kv: Place::Memory(Shelf::default()), http: None },
                proving: false,
            };
            let setup = Setup { params: "{}".into(), ..Setup::default() };
            Policy::new(&plugin, config, &setup, now).unwrap()
        };
        let last = make().save(now).unwrap().unwrap();
        let told = || Told { input: Input::Wake(now), asked: Vec::new() };
        let inputs: Vec<Told<Policy>> = (0..8).map(|_| told()).collect();
        let within =
            |inputs: &[Told<Policy>], bound| catch_up(&mut make(), (&last, inputs), now, bound);
        assert_eq!(within(&inputs, CATCH_UP), Handed::All);
        assert_eq!(within(&[], Duration::ZERO), Handed::All);
        let Handed::Refused(why) = within(&inputs, Duration::ZERO) else { panic!("it took it") };
        assert!(why.contains("0 ms are too short"), "{why}");
    }
}
