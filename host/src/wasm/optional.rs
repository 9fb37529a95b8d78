//! The optional exports of a component, `state`, `reconfigure` and `listener`: found by looking, and
//! called the same way on every kind of instance.
//!
//! Takes an [`Instance`]; gives host types, checked. Blocking: runs on a lane.

use wasmtime::component::InstancePre;
use wasmtime::{Store, component};

use super::bindings::exports::wardline::plugin::{listener, reconfigure, state};
use super::bindings::wardline::plugin::types;
use super::fault::{Cause, Fault};
use super::instance::{Call, Host, Instance};
use super::{check, convert, limits};
use crate::base::Timestamp;
use crate::events::{Event, Notice};

const SAVE: Call = Call { name: "save", limit: limits::INIT };
const LOAD: Call = Call { name: "load", limit: limits::INIT };
const SET_PARAMS: Call = Call { name: "set-params", limit: limits::INIT };

/// What an instance needs to go on where another stopped: `schema` says which layout `data` has, in the
/// plugin's own numbers; `data` has at most [`limits::SNAPSHOT_BYTES`]. The contract's own type, so that
/// handing over copies nothing here.
pub use state::Snapshot;

/// Where the optional functions are in a component; `None`: it does not have them.
#[derive(Default)]
pub(super) struct Indices {
    pub(super) state: Option<state::GuestIndices>,
    pub(super) reconfigure: Option<reconfigure::GuestIndices>,
    pub(super) listener: Option<listener::GuestIndices>,
}

/// The optional functions of one instance.
#[derive(Default)]
pub(super) struct Optional {
    state: Option<state::Guest>,
    reconfigure: Option<reconfigure::Guest>,
    listener: Option<listener::Guest>,
}

impl Indices {
    /// Those of the interfaces `exported`. An error: one of them is not whole.
    pub(super) fn find(exported: &[String], pre: &InstancePre<Host>) -> wasmtime::Result<Self> {
        let has = |name: &str| exported.iter().any(|exported| exported == name);
        Ok(Self {
            state: has("state").then(|| state::GuestIndices::new(pre)).transpose()?,
            reconfigure: has("reconfigure")
                .then(|| reconfigure::GuestIndices::new(pre))
                .transpose()?,
            listener: has("listener").then(|| listener::GuestIndices::new(pre)).transpose()?,
        })
    }

    pub(super) fn load(
        &self,
        store: &mut Store<Host>,
        made: &component::Instance,
    ) -> wasmtime::Result<Optional> {
        Ok(Optional {
            state: self.state.as_ref().map(|it| it.load(&mut *store, made)).transpose()?,
            reconfigure: self
                .reconfigure
                .as_ref()
                .map(|it| it.load(&mut *store, made))
                .transpose()?,
            listener: self.listener.as_ref().map(|it| it.load(&mut *store, made)).transpose()?,
        })
    }
}

impl Instance {
    /// What another instance needs to go on. `None`: it has nothing to save.
    pub(super) fn save(&mut self, now: Timestamp) -> Result<Option<Snapshot>, Fault> {
        let said = self.call(SAVE, now, |store| {
            let Some(state) = store.data().optional.state.clone() else { return Ok(Ok(None)) };
            Ok(Ok(Some(state.call_save(store)?)))
        })?;
        match said {
            None => Ok(None),
            Some(Err(why)) => Err(self.refusal(SAVE, &why)),
            Some(Ok(snapshot)) if snapshot.data.len() > limits::SNAPSHOT_BYTES => {
                let (bytes, most) = (snapshot.data.len(), limits::SNAPSHOT_BYTES);
                let why = format!("the snapshot has {bytes} bytes, at most {most}: save less");
                Err(self.refusal(SAVE, &why))
            }
            Some(Ok(snapshot)) => Ok(Some(snapshot)),
        }
    }

    /// Goes on where another instance stopped.
    pub(super) fn load(&mut self, snapshot: &Snapshot, now: Timestamp) -> Result<(), Fault> {
        let said = self.call(LOAD, now, |store| match store.data().optional.state.clone() {
            Some(state) => Ok(Ok(state.call_load(store, snapshot)?)),
            None => Ok(Ok(Err("it exports no `state`".into()))),
        })?;
        said.map_err(|why| self.refusal(LOAD, &why))
    }

    /// Goes on with other parameters. [`Cause::Unsupported`]: it wants to be made anew with them.
    /// Any other fault that spoils no instance: it goes on with the old ones.
    pub(super) fn set_params(&mut self, params: &str, now: Timestamp) -> Result<(), Fault> {
        self.call(SET_PARAMS, now, |store| match store.data().optional.reconfigure.clone() {
            Some(reconfigure) => reconfigure.call_set_params(store, params),
            None => Ok(Err(types::Fault::Unsupported("it exports no `reconfigure`".into()))),
        })
    }

    /// Tells it events of others, as `call` limits it; its clock shows `now`.
    pub(super) fn on_events(
        &mut self,
        call: Call,
        notices: &[Notice],
        now: Timestamp,
    ) -> Result<Vec<Event>, Fault> {
        let notices: Vec<_> = notices.iter().map(convert::notice).collect();
        let said = self.call(call, now, |store| match store.data().optional.listener.clone() {
            Some(listener) => listener.call_on_events(store, &notices),
            None => Ok(Err(types::Fault::Unsupported("it exports no `listener`".into()))),
        })?;
        self.checked(call, check::events(said))
    }

    fn refusal(&self, call: Call, why: &str) -> Fault {
        let why = super::imports::cut(why, limits::TEXT_BYTES).to_owned();
        self.fault(call, Cause::Refused(why))
    }
}
