//! Hands a candidate what the others hear. Its queue is its own: when it is full, what comes is
//! dropped and counted, so that a slow candidate delays nobody.

use prometheus_client::metrics::counter::Counter;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::base::limits;
use crate::events::Heard;

/// The candidate's own queue, to be filled by [`forward`].
pub fn queue() -> (mpsc::Sender<Heard>, mpsc::Receiver<Heard>) {
    mpsc::channel(limits::EVENT_QUEUE)
}

/// Takes all that is `heard`, at once, and gives it to the candidate. Ends at shutdown.
pub async fn forward(
    mut heard: mpsc::Receiver<Heard>,
    candidate: mpsc::Sender<Heard>,
    drops: Counter,
    shutdown: CancellationToken,
) {
    loop {
        let next = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            next = heard.recv() => next,
        };
        let Some(next) = next else { return };
        // One that is gone is quarantined: what it misses is no drop, and nobody waits for it.
        if let Err(mpsc::error::TrySendError::Full(_)) = candidate.try_send(next) {
            drops.inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_candidate_that_takes_nothing_delays_nobody() {
        let (others, heard) = mpsc::channel(1);
        let (candidate, mut slow) = mpsc::channel(2);
        let (drops, shutdown) = (Counter::default(), CancellationToken::new());
        let task = forward(heard, candidate, drops.clone(), shutdown.clone());
        let script = async {
            for _ in 0..10 {
                others.send(Heard::Closed).await.unwrap();
            }
            // There is room again: the last one has been taken, too.
            others.reserve().await.unwrap();
            shutdown.cancel();
        };
        tokio::join!(task, script);
        let mut taken = 0;
        while slow.try_recv().is_ok() {
            taken += 1;
        }
        assert_eq!((taken, drops.get()), (2, 8));
    }
}
