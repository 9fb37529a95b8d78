//! A policy's stage that runs in a test, and all that leads to it and from it.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{CAMERA, Place, notice};
use crate::base::{Timestamp, clock};
use crate::events::Heard;
use crate::policy::Span;
use crate::policy::stage::Stage;
use crate::seat::{By, Offer, Order, Outcome};
use crate::wasm::standing::{Asker, Standing};
use crate::wasm::{Plugin, Setup};

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// The probation of who takes over.
pub(super) const HALF_A_MINUTE: Duration = Duration::from_secs(30);

/// A policy's stage that runs, and all that leads to it and from it.
pub(super) struct World {
    pub(super) place: Place,
    heard: mpsc::Sender<Heard>,
    orders: mpsc::Sender<Order>,
    spans: mpsc::Receiver<Span>,
    pub(super) standing: Asker,
    shutdown: CancellationToken,
    events: u32,
}

impl World {
    async fn new(policy: (Plugin, Setup)) -> (Self, Stage) {
        let place = Place::new();
        let (queue, heard) = mpsc::channel(8);
        let (spans, asked) = mpsc::channel(64);
        let bus = place.bus();
        let judge = place.judge("keep").await;
        let (stage, standing, orders) = place.stage(("keep", judge), policy, bus, heard, spans);
        let shutdown = CancellationToken::new();
        let (events, spans) = (0, asked);
        (Self { place, heard: queue, orders, spans, standing, shutdown, events }, stage)
    }

    /// Plays `script` while the stage runs; time goes on only where the script says so.
    pub(super) async fn play(policy: (Plugin, Setup), script: impl AsyncFnOnce(&mut Self)) {
        let _still = clock::still();
        let (mut world, stage) = Self::new(policy).await;
        let shutdown = world.shutdown.clone();
        let script = async {
            world.healthy().await;
            script(&mut world).await;
            shutdown.cancel();
        };
        tokio::join!(stage.run(shutdown.clone()), script);
    }

    /// Lets so much time go by, a second at most at once.
    pub(super) async fn pass(&self, length: Duration) {
        let end = Instant::now() + length;
        while Instant::now() < end {
            tokio::time::advance(SECOND.min(end - Instant::now())).await;
            self.settle().await;
        }
    }

    /// Lets time go by until the plugin stands so.
    pub(super) async fn until(&mut self, is_so: impl FnMut(&Standing) -> bool) {
        let mut standing = self.standing.clone();
        tokio::select! {
            biased;
            found = standing.wait_for(is_so) => drop(found.unwrap()),
            () = self.pass(SECOND * 600) => panic!("never came: {:?}", *self.standing.borrow()),
        }
    }

    pub(super) async fn healthy(&mut self) {
        self.until(Standing::is_healthy).await;
    }

    pub(super) async fn unwell(&mut self) {
        self.until(|standing| !standing.is_healthy()).await;
    }

    /// Something happens now; gives its time.
    pub(super) async fn event(&mut self) -> Timestamp {
        self.events += 1;
        let time = self.place.now();
        let notice = notice(&format!("gate/api/{}", self.events), time);
        self.heard.send(Heard::Notice(Box::new(notice))).await.unwrap();
        time
    }

    /// Waits, in turns with the index, until all has been judged that was said.
    pub(super) async fn settle(&self) {
        for _ in 0..20 {
            self.place.store.earliest(CAMERA).await.unwrap();
            tokio::task::yield_now().await;
        }
    }

    pub(super) async fn span(&mut self) -> Span {
        self.spans.recv().await.unwrap()
    }

    pub(super) async fn offer(&self, plugin: Plugin, params: &Value, by: By) -> Outcome {
        let params = plugin.params(params).unwrap();
        let (answer, outcome) = oneshot::channel();
        self.orders.send(Order { offer: Offer { plugin, params }, by, answer }).await.unwrap();
        outcome.await.unwrap()
    }

    /// Kinds of what the host said, in order. It is stored a while after who asked has the answer.
    pub(super) async fn told(&self) -> Vec<String> {
        self.settle().await;
        self.place.events().into_iter().map(|stored| stored.event.kind).collect()
    }
}
