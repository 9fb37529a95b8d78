//! Whether an offer is fit: tried in an instance that is thrown away, with a copy of the state and
//! the last inputs. Blocking: runs on a lane of its own, so that no decision waits for it.

use std::sync::Arc;

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
    /// What it is given then.
    pub(super) inputs: Vec<T::Input>,
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
    /// What it keeps by key and value before it is in charge; `None`: it was not granted that.
    pub(super) draft: Option<Shelf>,
}

impl<T: Kind> Recipe<T> {
    /// Makes the instance, and brings it to where another was: what it answers to the inputs is
    /// thrown away.
    pub(super) fn build(self) -> Result<Built<T>, Unbuilt> {
        let (mut instance, wishes) =
            T::make(&self.plugin, self.config, &self.setup, self.now).map_err(Unbuilt::Unmade)?;
        if let Some(snapshot) = &self.snapshot
            && let Err(fault) = instance.load(snapshot, self.now)
        {
            return match fault.cause {
                Cause::Refused(_) => {
                    Ok(Built { instance, wishes, refused: Some(fault), draft: None })
                }
                _ => Err(lost(fault)),
            };
        }
        self.inputs.iter().try_for_each(|input| replay_one(&mut instance, input)).map_err(lost)?;
        Ok(Built { instance, wishes, refused: None, draft: None })
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
        Ok(Built { instance, wishes, refused: None, draft })
    }
}

/// What the host lacks says nothing of what the plugin saved.
fn lost(fault: Fault) -> Unbuilt {
    if fault.is_hosts() { Unbuilt::Unmade(fault) } else { Unbuilt::Lost(fault) }
}

/// Gives an input again; what is rejected or can't be said now is no fault.
pub(super) fn replay_one<T: Kind>(instance: &mut T, input: &T::Input) -> Result<(), Fault> {
    match instance.give(input) {
        Err(fault) if fault.wants_new_instance() || fault.is_final() => Err(fault),
        _ => Ok(()),
    }
}
