//! Watches those who judge a camera, and says when it fails open.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fallback::{Decision, Fallback};
use crate::base::clock::sleep_until;
use crate::wasm::standing::Asker;

/// Those whose health decides.
pub struct Judges {
    /// The camera's policies: one healthy one is enough. Without any nobody has to judge. These may
    /// become others.
    pub policies: watch::Receiver<Vec<Asker>>,
    /// Others that must all be well (in `events` mode: analyzers and sources); these may become
    /// others.
    pub required: watch::Receiver<Vec<Asker>>,
}

/// Waits for a change of the standing of any of these. For ever, when all of them are gone.
async fn any(policies: &mut [Asker], required: &mut [Asker]) {
    let changes: Vec<_> = policies
        .iter_mut()
        .chain(required)
        .map(|judge| {
            Box::pin(async move {
                if judge.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            })
        })
        .collect();
    if changes.is_empty() {
        std::future::pending::<()>().await;
    }
    futures::future::select_all(changes).await;
}

/// Tells the recorder since when everything of the camera is to be kept. Ends at shutdown.
pub async fn watch(
    camera: String,
    judges: Judges,
    grace: Duration,
    open_since: watch::Sender<Option<Instant>>,
    shutdown: CancellationToken,
) {
    let mut fallback = Fallback::new(Instant::now(), grace);
    let Judges { policies: mut all_policies, required: mut all_required } = judges;
    let mut policies = all_policies.borrow_and_update().clone();
    let mut required = all_required.borrow_and_update().clone();
    loop {
        let is_well = |judge: &Asker| judge.borrow().is_healthy();
        let judged = policies.iter().any(is_well) && required.iter().all(is_well);
        let healthy = policies.is_empty() || judged;
        let decision = fallback.observe(healthy, Instant::now());
        let since = match decision {
            Decision::Judged => None,
            Decision::Open { since } => Some(since),
        };
        let changed = open_since.send_if_modified(|old| std::mem::replace(old, since) != since);
        if changed && since.is_some() {
            tracing::error!(camera, "nobody healthy judges this camera: recording everything");
        } else if changed {
            tracing::info!(camera, "the camera is judged again");
        }
        let deadline = fallback.deadline();
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            Ok(()) = all_policies.changed() => policies = all_policies.borrow_and_update().clone(),
            Ok(()) = all_required.changed() => required = all_required.borrow_and_update().clone(),
            () = any(&mut policies, &mut required) => {}
            () = sleep_until(deadline) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::standing::{Standing, standing};

    #[tokio::test(start_paused = true)]
    async fn opens_when_somebody_stays_down_and_closes_after_health() {
        let (policy, asker) = standing();
        let (sender, mut open) = watch::channel(None);
        let shutdown = CancellationToken::new();
        let (sources, required) = watch::channel(Vec::new());
        let (policies, others) = watch::channel(vec![asker]);
        let judges = Judges { policies: others, required };
        let grace = Duration::from_secs(60);
        let task = watch("gate".into(), judges, grace, sender, shutdown.clone());
        let script = async {
            policy.send_replace(Standing::Running);
            tokio::time::sleep(Duration::from_secs(1)).await;
            let down = Instant::now();
            policy.send_replace(Standing::Down { reason: "trap".into() });
            open.changed().await.unwrap();
            assert_eq!(*open.borrow_and_update(), Some(down));
            assert_eq!(Instant::now() - down, Duration::from_secs(5));
            policy.send_replace(Standing::Running);
            open.changed().await.unwrap();
            assert_eq!(*open.borrow_and_update(), None);
            // One more that must be well, and is not; then it need not be.
            let (source, asker) = standing();
            sources.send_replace(vec![asker]);
            let down = Instant::now();
            open.changed().await.unwrap();
            assert_eq!(*open.borrow_and_update(), Some(down));
            sources.send_replace(Vec::new());
            open.changed().await.unwrap();
            assert_eq!(*open.borrow_and_update(), None);
            drop(source);
            // Nobody has to judge any more: whoever is down does not matter.
            let down = Instant::now();
            policy.send_replace(Standing::Down { reason: "trap".into() });
            open.changed().await.unwrap();
            assert_eq!(*open.borrow_and_update(), Some(down));
            policies.send_replace(Vec::new());
            open.changed().await.unwrap();
            assert_eq!(*open.borrow_and_update(), None);
            shutdown.cancel();
        };
        tokio::join!(task, script);
    }
}
