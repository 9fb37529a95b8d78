//! A plugin that was checked and compiled, of which instances can be made.
//!
//! Takes component bytes and an [`Engine`]; gives a [`Plugin`]. Runs none of the plugin's code.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use wasmtime::component::{Component, InstancePre};

use super::bindings::exports::wardline::plugin as exports;
use super::grants::{Grants, Terms};
use super::inspect::{Inspection, World, inspect};
use super::instance::Host;
use super::limits;
use super::manifest::Manifest;
use super::{Engine, imports, optional, params};
use crate::base::{Error, Result};

/// A checked and compiled plugin. Cheap to clone.
#[derive(Clone)]
pub struct Plugin(Arc<Loaded>);

struct Loaded {
    name: String,
    world: World,
    manifest: Manifest,
    inspection: Inspection,
    grants: Grants,
    engine: Engine,
    pre: InstancePre<Host>,
    exports: Exports,
    optional: optional::Indices,
}

/// Where in the component the functions of its world are.
pub(super) enum Exports {
    /// Of an analyzer; answers to its requests come to `messages`, where it has that.
    Analyzer(exports::analyzer::GuestIndices, Option<exports::messages::GuestIndices>),
    /// Of an event source.
    Source(exports::event_source::GuestIndices, exports::messages::GuestIndices),
    /// Of a recording policy.
    Policy(exports::recording_policy::GuestIndices),
}

impl Plugin {
    /// As [`Plugin::load_on`], on the terms of an operator who grants nothing that has to be asked
    /// for.
    pub fn load(engine: &Engine, name: &str, bytes: &[u8]) -> Result<Self> {
        Self::load_on(&Terms::default(), engine, name, bytes)
    }

    /// Checks and compiles the component of the plugin that is configured as `name`. Blocks, for
    /// seconds where the component is large and was not compiled before.
    ///
    /// Refused: what is no component, is for another version of the contract, imports what this
    /// host does not serve, lacks an export of its world, has a manifest that does not fit, or asks
    /// for more than the `terms` grant. The message tells all reasons.
    pub fn load_on(terms: &Terms, engine: &Engine, name: &str, bytes: &[u8]) -> Result<Self> {
        let inspection = inspect(name, bytes)?;
        let grants = inspection.settle(name, terms)?;
        let (world, manifest) = {
            let (world, manifest) = inspection.accept(name)?;
            (world, manifest.clone())
        };
        let refuse = |what: &str, error: wasmtime::Error| {
            Error::refuse(format!(
                "plugin {name} ({} {}): {what}: {error:#}",
                manifest.id, manifest.version
            ))
        };
        let component = Component::new(engine.inner(), bytes).map_err(|error| {
            refuse("cannot be compiled, rebuild it with this host's SDK", error)
        })?;
        let mut linker = engine.linker();
        imports::link_granted(&mut linker, &grants)
            .map_err(|error| refuse("its imports can't be linked", error))?;
        let pre = linker.instantiate_pre(&component).map_err(|error| {
            refuse("imports what this host does not offer, rebuild it with this host's SDK", error)
        })?;
        let exports = Exports::find(world, inspection.has("messages"), &pre).map_err(|error| {
            refuse("lacks a function of its world, rebuild it with this host's SDK", error)
        })?;
        let optional = optional::Indices::find(&inspection.optional, &pre).map_err(|error| {
            refuse("lacks a function of what it exports, rebuild it with this host's SDK", error)
        })?;
        Ok(Self(Arc::new(Loaded {
            name: name.to_owned(),
            world,
            manifest,
            inspection,
            grants,
            engine: engine.clone(),
            pre,
            exports,
            optional,
        })))
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What it is.
    pub fn world(&self) -> World {
        self.0.world
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// What was found in it.
    pub fn inspection(&self) -> &Inspection {
        &self.0.inspection
    }

    /// What is in force for it.
    pub fn grants(&self) -> &Grants {
        &self.0.grants
    }

    /// SHA-256 of the component, in hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.0.inspection.digest
    }

    /// The text that an instance gets as `params`: `given`, completed and checked against the
    /// manifest's schema.
    pub fn params(&self, given: &Value) -> Result<String> {
        params::complete(&self.0.name, &self.0.manifest, given).map(|params| params.to_string())
    }

    /// Whether it exports `state`.
    pub fn has_state(&self) -> bool {
        self.0.optional.state.is_some()
    }

    /// Whether it exports `reconfigure`.
    pub fn is_reconfigurable(&self) -> bool {
        self.0.optional.reconfigure.is_some()
    }

    /// Whether it can hear the events of others: it exports `listener`.
    pub fn listens(&self) -> bool {
        self.0.optional.listener.is_some()
    }

    /// Whether it can go on from what an instance of the component `digest` saved: its own
    /// snapshots always, those of others where its manifest lists their schema.
    pub fn can_load(&self, schema: u32, digest: &str) -> bool {
        let listed = |state: &super::manifest::State| state.schemas.contains(&schema);
        self.has_state()
            && (digest == self.digest() || self.0.manifest.state.as_ref().is_some_and(listed))
    }

    /// Bytes that an instance may have over all memories and tables.
    pub(super) fn memory_bytes(&self) -> u64 {
        let wanted = self.0.manifest.limits.memory_bytes();
        wanted.unwrap_or(limits::MEMORY_BYTES).min(limits::MEMORY_BYTES_MAX)
    }

    /// The host's deadline, or the manifest's where that is shorter.
    pub(super) fn deadline(&self, host: Duration) -> Duration {
        self.0.manifest.limits.deadline().map_or(host, |wanted| wanted.min(host))
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(super) fn pre(&self) -> &InstancePre<Host> {
        &self.0.pre
    }

    pub(super) fn exports(&self) -> &Exports {
        &self.0.exports
    }

    pub(super) fn optional(&self) -> &optional::Indices {
        &self.0.optional
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plugin({} {})", self.0.name, self.0.manifest.version)
    }
}

impl Exports {
    /// `listens`: it exports `messages`.
    fn find(world: World, listens: bool, pre: &InstancePre<Host>) -> wasmtime::Result<Self> {
        Ok(match world {
            World::Analyzer => Self::Analyzer(
                exports::analyzer::GuestIndices::new(pre)?,
                listens.then(|| exports::messages::GuestIndices::new(pre)).transpose()?,
            ),
            World::Source => Self::Source(
                exports::event_source::GuestIndices::new(pre)?,
                exports::messages::GuestIndices::new(pre)?,
            ),
            World::Policy => Self::Policy(exports::recording_policy::GuestIndices::new(pre)?),
        })
    }
}
