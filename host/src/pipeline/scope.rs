//! The tasks of one camera, in groups that end one after the other: upstream first, so that what
//! was said is still heard, and what was asked for still written.

use std::time::Duration;

use crate::base::tasks::Tasks;

/// How long the tasks of one group may take to end.
pub(super) const STAGE_END: Duration = Duration::from_millis(250);

/// The groups, in the order in which they end.
#[derive(Clone, Default)]
pub(super) struct Scope {
    pub(super) ingest: Tasks,
    /// Decoding, which ends by itself once ingest has ended, and analyzers.
    pub(super) analyze: Tasks,
    /// Policies.
    pub(super) judge: Tasks,
    /// The recorder: ends after the policies, whose last spans it still writes.
    pub(super) record: Tasks,
}

impl Scope {
    /// Ends all. Gives the names of those that did not end in time.
    pub(super) async fn end(&self) -> Vec<String> {
        let mut late = Vec::new();
        for tasks in [&self.ingest, &self.analyze, &self.judge, &self.record] {
            late.extend(tasks.end(STAGE_END).await);
        }
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
