//! One camera's streams, taken in: for the recorder, the decoder, and those who look at them.

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::camera::ingest_of;
use super::scope::Scope;
use crate::base::limits;
use crate::config;
use crate::ingest::camera::CameraIngest;
use crate::ingest::queue;
use crate::ingest::session::{self, Outputs};
use crate::ingest::tap::Tap;
use crate::ingest::timeline::{Arrival, Timeline, TimelineHandle};
use crate::store;
use crate::view::live::Streams;

/// Starts them; gives the edge to the recorder. Where there is something to analyse, `decode` is fed
/// too: from the second stream where the camera has one. Without that, the second stream is there
/// while somebody looks at it.
pub(super) fn start(
    camera: &config::Camera,
    shared: &Shared,
    scope: &Scope,
    decode: Option<queue::Sender>,
    resume: store::Resume,
) -> (queue::Receiver, TimelineHandle) {
    let options = queue::Options {
        camera: camera.name.clone(),
        edge: "record",
        bytes_max: limits::INGEST_QUEUE_BYTES,
        when_full: queue::WhenFull::DropOldestGroup,
    };
    let (record, packets) = queue::channel(options, &shared.metrics);
    let name = &camera.name;
    let main = Tap::new(name, &shared.metrics);
    let timeline = Timeline::new(arrival(shared)).resuming(resume.epoch, resume.end);
    let handle = timeline.handle();
    let mut outputs = Outputs { record: Some(record), decode, live: Some(main.inlet()) };
    let second = camera.analysis.as_ref().map(|source| {
        let name = format!("{name}/analysis");
        let second = Second {
            tap: Tap::new(&name, &shared.metrics),
            ingest: CameraIngest { name, ..ingest_of(camera, source) },
            handle: handle.clone(),
        };
        let tap = second.tap.clone();
        second.start(shared, scope, outputs.decode.take());
        tap
    });
    let token = scope.ingest.shutdown().clone();
    let (clock, metrics) = (shared.clock.clone(), shared.metrics.clone());
    let ingest = ingest_of(camera, &camera.source);
    let session = session::run(ingest, outputs, timeline, clock, metrics, token);
    scope.ingest.spawn(format!("ingest of {name}"), session);
    shared.live.add(name, Streams { main, second });
    (packets, handle)
}

fn arrival(shared: &Shared) -> Arrival {
    Arrival { at: Instant::now(), wall: shared.clock.wall() }
}

/// A second stream. It has a name of its own, so that its figures stay apart.
struct Second {
    ingest: CameraIngest,
    tap: Tap,
    /// The time line of the first stream, which this one follows.
    handle: TimelineHandle,
}

impl Second {
    fn start(self, shared: &Shared, scope: &Scope, decode: Option<queue::Sender>) {
        let task = format!("ingest of {}", self.ingest.name);
        let shutdown = scope.ingest.shutdown().clone();
        let (clock, metrics) = (shared.clock.clone(), shared.metrics.clone());
        let Self { ingest, tap, handle } = self;
        let play = move |outputs: Outputs, token: CancellationToken| {
            let arrival = Arrival { at: Instant::now(), wall: clock.wall() };
            let timeline = Timeline::new(arrival).aligned_with(handle.clone());
            let (clock, metrics) = (clock.clone(), metrics.clone());
            session::run(ingest.clone(), outputs, timeline, clock, metrics, token)
        };
        match decode {
            Some(decode) => {
                let live = Some(tap.inlet());
                let outputs = Outputs { record: None, decode: Some(decode), live };
                scope.ingest.spawn(task, play(outputs, shutdown));
            }
            None => scope.ingest.spawn(task, while_wanted(tap, play, shutdown)),
        }
    }
}

/// Plays a stream while somebody looks at it, until `shutdown`.
async fn while_wanted<F: Future<Output = ()>>(
    tap: Tap,
    play: impl Fn(Outputs, CancellationToken) -> F,
    shutdown: CancellationToken,
) {
    let mut wanted = tap.wanted();
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = until(&mut wanted, true) => {}
        }
        let token = shutdown.child_token();
        let outputs = Outputs { record: None, decode: None, live: Some(tap.inlet()) };
        let mut playing = std::pin::pin!(play(outputs, token.clone()));
        let is_over = tokio::select! {
            biased;
            () = &mut playing => true,
            () = until(&mut wanted, false) => false,
        };
        if !is_over {
            token.cancel();
            playing.await;
            continue;
        }
        // A file that has ended does not begin again by itself.
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = until(&mut wanted, false) => {}
        }
    }
}

/// Waits until somebody looks, or nobody does. The tap, which tells, is held by who calls.
async fn until(wanted: &mut watch::Receiver<bool>, looked_at: bool) {
    let _ = wanted.wait_for(|wanted| *wanted == looked_at).await;
}
