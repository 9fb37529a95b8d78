//! The tasks of one camera, in groups that end one after the other: upstream first, so that what
//! was said is still heard, and what was asked for still written.

use std::time::Duration;

use super::crew::Crew;
use crate::base::tasks::Tasks;

/// How long the tasks of one group may take to end.
pub(super) const STAGE_END: Duration = Duration::from_millis(250);

/// The groups that are there for as long as the camera, in the order in which they end.
#[derive(Clone, Default)]
pub(super) struct Scope {
    pub(super) ingest: Tasks,
    /// Decoding, which ends by itself once ingest has ended; the crew's analyzers end with it.
    pub(super) analyze: Tasks,
    /// Who watches the judges; the crew's policies end with it.
    pub(super) judge: Tasks,
    /// The recorder: ends after the policies, whose last spans it still writes.
    pub(super) record: Tasks,
}

impl Scope {
    /// Ends all, and the crew in its turn. Gives the names of those that did not end in time.
    pub(super) async fn end(&self, crew: &Crew) -> Vec<String> {
        let mut late = self.ingest.end(STAGE_END).await;
        late.extend(end_all([&self.analyze].into_iter().chain(crew.watchers()), STAGE_END).await);
        late.extend(end_all([&self.judge].into_iter().chain(crew.judging()), STAGE_END).await);
        late.extend(self.record.end(STAGE_END).await);
        late
    }
}

/// Ends groups side by side.
pub(super) async fn end_all(
    groups: impl IntoIterator<Item = &Tasks>,
    bound: Duration,
) -> Vec<String> {
    let ends = groups.into_iter().map(|tasks| tasks.end(bound));
    futures::future::join_all(ends).await.concat()
}
