//! A policy's stage: events in, spans out, and its faults.

use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{API, CAMERA, Place, bundled, event, guest, notice};
use crate::events::{Bus, Heard};
use crate::policy::Span;
use crate::policy::stage::Stage;
use crate::policy::terms::Terms;
use crate::store::query::Filter;
use crate::wasm::standing::{Asker, Standing};
use crate::wasm::{Plugin, Setup};

async fn stage(
    place: &Place,
    bus: Bus,
    policy: (Plugin, Setup),
    heard: mpsc::Receiver<Heard>,
) -> (Stage, mpsc::Receiver<Span>, Asker) {
    let (spans, asked) = mpsc::channel(8);
    let judge = place.judge("keep").await;
    let (stage, standing, _) = place.stage(("keep", judge), policy, bus, heard, spans);
    (stage, asked, standing)
}

fn before_and_after() -> (Plugin, Setup) {
    bundled("policy-pre-post", &json!({ "before": "5s", "after": "20s", "keep": "1d" }))
}

#[tokio::test(start_paused = true)]
async fn an_event_becomes_a_span_that_is_stored_and_sent() {
    let place = Place::new();
    let bus = place.bus();
    let heard = bus.listen(CAMERA, "keep", &[]);
    let (stage, mut spans, _) = stage(&place, bus.clone(), before_and_after(), heard).await;
    let shutdown = CancellationToken::new();
    let task = stage.run(shutdown.clone());
    let script = async {
        let time = place.now();
        bus.publish(API, event("gate/api/1", time)).await.unwrap();
        let span = spans.recv().await.unwrap();
        assert_eq!(span.start, time - Duration::from_secs(5));
        assert_eq!(span.end, time + Duration::from_secs(20));
        assert_eq!(span.because, ["gate/api/1"]);
        shutdown.cancel();
        span
    };
    let ((), span) = tokio::join!(task, script);
    let recordings = place.reader().recordings(&Filter::default()).unwrap();
    assert!(
        recordings.iter().any(|one| one.span.as_ref().is_some_and(|facts| facts.id == span.id)),
        "{recordings:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_span_is_kept_no_longer_than_the_operator_says() {
    const HOUR: Duration = Duration::from_secs(3600);
    for (keep_max, expected) in
        [(None, 24 * HOUR), (Some(48 * HOUR), 24 * HOUR), (Some(HOUR), HOUR)]
    {
        let place = Place::new();
        let (queue, heard) = mpsc::channel(8);
        let bus = place.bus();
        let (mut stage, mut spans, _) = stage(&place, bus, before_and_after(), heard).await;
        stage.terms = Terms { keep: Some(HOUR), keep_max };
        let shutdown = CancellationToken::new();
        queue.try_send(Heard::Notice(Box::new(notice("gate/api/1", place.now())))).unwrap();
        shutdown.cancel();
        stage.run(shutdown).await;
        assert_eq!(spans.try_recv().unwrap().keep, Some(expected), "{keep_max:?}");
    }
}

/// What was said before the end is judged, and what the index does not take is recorded.
#[tokio::test(start_paused = true)]
async fn neither_the_end_nor_a_broken_index_loses_a_span() {
    for broken in [false, true] {
        let place = Place::new();
        let (queue, heard) = mpsc::channel(8);
        let bus = place.bus();
        let (stage, mut spans, _) = stage(&place, bus, before_and_after(), heard).await;
        let shutdown = CancellationToken::new();
        queue.try_send(Heard::Notice(Box::new(notice("gate/api/1", place.now())))).unwrap();
        shutdown.cancel();
        if broken {
            place.store.shutdown().await;
        }
        stage.run(shutdown).await;
        assert!(spans.try_recv().is_ok(), "broken: {broken}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_traps_is_rebuilt_then_quarantined_and_its_queue_drained() {
    let place = Place::new();
    // Depth one: whoever says the next event waits until the last one is taken.
    let (queue, heard) = mpsc::channel(1);
    let bus = place.bus();
    let policy = (guest("policy-traps"), Setup::default());
    let (stage, mut spans, mut asker) = stage(&place, bus, policy, heard).await;
    let shutdown = CancellationToken::new();
    let task = stage.run(shutdown.clone());
    let script = async {
        for fault in 1..=5 {
            let running = |standing: &Standing| *standing == Standing::Running;
            asker.wait_for(running).await.unwrap();
            queue.send(Heard::Notice(Box::new(notice("gate/api/1", place.now())))).await.unwrap();
            let fell = asker.wait_for(|standing| !standing.is_healthy()).await.unwrap().clone();
            let last = matches!(fell, Standing::Quarantined { .. });
            assert_eq!(last, fault == 5, "fault {fault}: {fell:?}");
        }
        for _ in 0..20 {
            queue.send(Heard::Notice(Box::new(notice("gate/api/2", place.now())))).await.unwrap();
        }
        shutdown.cancel();
    };
    tokio::join!(task, script);
    assert!(spans.try_recv().is_err());
    assert!(matches!(*asker.borrow(), Standing::Quarantined { .. }));
}
