//! The seats of a running host: by plugin, the queues to all that it sits on.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::plugins::{self, Plugins};
use crate::base::Result;
use crate::seat::{self, By, Facts, Offer, Order, Outcome, Post, Seat};
use crate::wasm::standing::Teller;
use crate::wasm::{InstanceConfig, Kind, Lane, World};

/// How long a seat may take to answer: a proof has some seconds of processor time at most.
const PATIENCE: Duration = Duration::from_secs(12);

/// Where a plugin sits.
struct Door {
    /// Empty for event sources.
    camera: String,
    orders: mpsc::Sender<Order>,
    /// Who is in charge there, or was last.
    facts: watch::Receiver<Facts>,
}

/// All seats, as orders reach them.
pub(super) struct Seats {
    shared: seat::Shared,
    /// By plugin. Never held across an await.
    doors: Mutex<BTreeMap<String, Vec<Door>>>,
}

/// What one seat made of an order.
pub(super) struct Answered {
    /// Empty for event sources.
    pub(super) camera: String,
    pub(super) outcome: Outcome,
}

impl Seats {
    pub(super) fn new(shared: seat::Shared) -> Self {
        Self { shared, doors: Mutex::default() }
    }

    /// What all seats share.
    pub(super) fn shared(&self) -> &seat::Shared {
        &self.shared
    }

    /// A seat for the plugin that `instance` names, on its camera. Without one that could be loaded
    /// for this role, nobody sits on it until an order brings somebody.
    pub(super) fn seat<T: Kind>(
        &self,
        plugins: &Plugins,
        instance: InstanceConfig,
        lane: &Lane,
        standing: Teller,
    ) -> (Seat<T>, watch::Receiver<Facts>) {
        self.take(plugins, instance, lane, standing, self.shared.clone())
    }

    /// As [`seat`](Self::seat), for a candidate: all that is done for it is done on `lane`.
    pub(super) fn tried<T: Kind>(
        &self,
        plugins: &Plugins,
        instance: InstanceConfig,
        lane: &Lane,
        standing: Teller,
    ) -> (Seat<T>, watch::Receiver<Facts>) {
        let shared = seat::Shared { aside: lane.clone(), ..self.shared.clone() };
        self.take(plugins, instance, lane, standing, shared)
    }

    fn take<T: Kind>(
        &self,
        plugins: &Plugins,
        instance: InstanceConfig,
        lane: &Lane,
        standing: Teller,
        shared: seat::Shared,
    ) -> (Seat<T>, watch::Receiver<Facts>) {
        let (name, camera) = (instance.name.clone(), instance.camera.clone().unwrap_or_default());
        let offer = self.whom_to_seat(plugins, &name, T::WORLD);
        if offer.is_none() {
            standing.send_replace(super::guests::unloaded(&name));
        }
        let (orders, queue) = seat::orders();
        let (facts, known) = watch::channel(Facts { offer: offer.clone(), ..Facts::default() });
        let mut doors = self.doors.lock().expect("no panic under this lock");
        let seats = doors.entry(name.clone()).or_default();
        seats.retain(|door| !door.orders.is_closed());
        seats.push(Door { camera: camera.clone(), orders, facts: known.clone() });
        drop(doors);
        let post = Post {
            camera,
            name,
            offer,
            instance,
            lane: lane.clone(),
            standing,
            facts,
            orders: queue,
            shared,
        };
        (Seat::new(post), known)
    }

    /// Who sits down on a new seat of `name`: who was loaded last, unless the seats that there are, or
    /// were, have somebody else in charge, who may no more than is granted now. What they refused, or
    /// sent back, is first to be proven here. `None`: nothing was loaded for this role.
    pub(super) fn whom_to_seat(
        &self,
        plugins: &Plugins,
        name: &str,
        world: World,
    ) -> Option<Offer> {
        let loaded = plugins::role(plugins, name, world).and_then(Result::ok)?;
        let doors = self.doors.lock().expect("no panic under this lock");
        let in_charge = |door: &Door| door.facts.borrow().offer.clone();
        let sitting = doors.get(name).into_iter().flatten().filter_map(in_charge);
        let may = |offer: &Offer| {
            let plugin = &offer.plugin;
            plugin.world() == world && loaded.plugin.grants().cover(plugin.grants())
        };
        let sitting: Vec<Offer> = sitting.filter(may).collect();
        let digest = loaded.digest();
        let is_seated = sitting.iter().any(|offer| offer.digest() == digest);
        sitting.into_iter().next_back().filter(|_| !is_seated).or(Some(loaded))
    }

    /// The configuration names this plugin no more: another of its name has nothing to do with it.
    pub(super) fn forget(&self, name: &str) {
        self.doors.lock().expect("no panic under this lock").remove(name);
    }

    /// Offers a plugin to all its seats, and waits for what they make of it.
    pub(super) async fn offer(&self, offer: &Offer, by: By) -> Vec<Answered> {
        let doors: Vec<_> = {
            let mut doors = self.doors.lock().expect("no panic under this lock");
            let seats = doors.entry(offer.plugin.name().to_owned()).or_default();
            // Those that are gone refuse nothing any more.
            seats.retain(|door| !door.orders.is_closed());
            seats.iter().map(|door| (door.camera.clone(), door.orders.clone())).collect()
        };
        let asked = doors.into_iter().map(async |(camera, orders)| {
            let (answer, outcome) = oneshot::channel();
            // A seat that is gone has ended with its camera.
            let order = Order { offer: offer.clone(), by, answer };
            tokio::time::timeout(PATIENCE, orders.send(order)).await.ok()?.ok()?;
            let outcome = match tokio::time::timeout(PATIENCE, outcome).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => Outcome::Refused("it has ended meanwhile".into()),
                Err(_) => Outcome::Refused("it has too much to do, and may still take it".into()),
            };
            Some(Answered { camera, outcome })
        });
        futures::future::join_all(asked).await.into_iter().flatten().collect()
    }
}
