//! The order of a camera's analyzers that come after one another: what was said of a picture is
//! heard before the next one looks at that picture.
//!
//! Each tells how far it has come; those after it wait for that, but not for ever: a slow analyzer
//! makes those after it slow, and one that hangs makes them miss what it says late.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::base::Timestamp;

/// How long an analyzer waits for those before it, for one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Twice what a call may take: then it goes on without what they say.
    Live,
    /// For as long as it takes, so that a replay does not depend on how fast it runs.
    Endless,
}

/// That of [`Patience::Live`].
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// There is an instance: one that is being made says nothing.
    alive: bool,
    /// The last picture that it was given.
    given: Option<Timestamp>,
    /// The last one of which it has said all.
    done: Option<Timestamp>,
}

impl Way {
    /// It says nothing more of pictures up to `time`.
    fn is_past(&self, time: Timestamp) -> bool {
        !self.alive || self.done >= self.given || self.done >= Some(time)
    }
}

/// How far an analyzer has come with its pictures. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<watch::Sender<Way>>);

impl Progress {
    /// A picture is about to be given to it.
    pub fn give(&self, time: Timestamp) {
        self.0.send_modify(|way| way.given = Some(time));
    }

    /// All that it has to say of a picture has been heard.
    pub fn finish(&self, time: Timestamp) {
        self.0.send_modify(|way| way.done = way.done.max(Some(time)));
    }

    /// It begins to look.
    pub fn begin(&self) {
        self.0.send_modify(|way| *way = Way { alive: true, ..Way::default() });
    }

    /// It says nothing more: it is gone, or is made anew.
    pub fn end(&self) {
        self.0.send_modify(|way| way.alive = false);
    }

    /// For those who come after it.
    pub fn follow(&self) -> Ahead {
        Ahead(self.0.subscribe())
    }
}

/// An analyzer seen from one that comes after it.
#[derive(Debug)]
pub struct Ahead(watch::Receiver<Way>);

/// Waits until all of these have said what they have to say of pictures up to `time`.
pub async fn wait(ahead: &mut [Ahead], time: Timestamp, patience: Patience) {
    let all = async {
        for one in ahead {
            // One that is gone says nothing more.
            let _gone = one.0.wait_for(|way| way.is_past(time)).await;
        }
    };
    match patience {
        Patience::Endless => all.await,
        Patience::Live => {
            if tokio::time::timeout(PATIENCE, all).await.is_err() {
                tracing::debug!("an analyzer is late: those after it go on without what it says");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[tokio::test(start_paused = true)]
    async fn pictures_are_waited_for_until_they_are_finished_or_too_late() {
        let (first, second) = (Progress::default(), Progress::default());
        let mut ahead = [first.follow(), second.follow()];
        let begin = tokio::time::Instant::now();
        wait(&mut ahead, at(100), Patience::Live).await;
        first.begin();
        second.begin();
        wait(&mut ahead, at(100), Patience::Live).await;
        first.give(at(100));
        first.finish(at(100));
        // One that gets fewer pictures has nothing to say of this one.
        second.give(at(60));
        second.finish(at(60));
        wait(&mut ahead, at(100), Patience::Live).await;
        // One that is ahead of the one asked about has said all of that.
        second.give(at(300));
        second.finish(at(200));
        wait(&mut ahead, at(200), Patience::Live).await;
        assert_eq!(begin.elapsed(), Duration::ZERO);
        let script = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            second.finish(at(300));
        };
        tokio::join!(wait(&mut ahead, at(300), Patience::Live), script);
        assert_eq!(begin.elapsed(), Duration::from_millis(30));
        first.give(at(400));
        wait(&mut ahead, at(400), Patience::Live).await;
        assert_eq!(begin.elapsed(), Duration::from_millis(30) + PATIENCE);
        first.end();
        wait(&mut ahead, at(400), Patience::Live).await;
        drop((first, second));
        wait(&mut ahead, at(500), Patience::Live).await;
        assert_eq!(begin.elapsed(), Duration::from_millis(30) + PATIENCE);
    }
}
