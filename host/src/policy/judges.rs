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
    /// The camera's policies: one healthy one is enough.
    pub policies: Vec<Asker>,
    /// Others that must all be well (in `events` mode: analyzers and sources).
    pub required: Vec<Asker>,
}

impl Judges {
    fn healthy(&self) -> bool {
        self.policies.iter().any(|policy| policy.borrow().is_healthy())
            && self.required.iter().all(|judge| judge.borrow().is_healthy())
    }

    /// Waits for a change of anybody's standing. For ever, when all of them are gone.
    async fn changed(&mut self) {
        let changes: Vec<_> = self
            .policies
            .iter_mut()
            .chain(&mut self.required)
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
}

/// Tells the recorder since when everything of the camera is to be kept. Ends at shutdown.
pub async fn watch(
    camera: String,
    mut judges: Judges,
    grace: Duration,
    open_since: watch::Sender<Option<Instant>>,
    shutdown: CancellationToken,
) {
    let mut fallback = Fallback::new(Instant::now(), grace);
    loop {
        let decision = fallback.observe(judges.healthy(), Instant::now());
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
            () = judges.changed() => {}
            () = sleep_until(deadline) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::standing::{Standing, standing};

    #[tokio::test(start_paused = true)]
    async fn opens_when_the_policy_stays_down_and_closes_after_health() {
        let (policy, asker) = standing();
        let (sender, mut open) = watch::channel(None);
        let shutdown = CancellationToken::new();
        let judges = Judges { policies: vec![asker], required: Vec::new() };
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
            shutdown.cancel();
        };
        tokio::join!(task, script);
    }
}
