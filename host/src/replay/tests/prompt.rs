//! A store that answers at once, so that simulated time stands still meanwhile.

use std::sync::Arc;

use futures::future::{BoxFuture, ready};

use crate::base::{Result, Timestamp};
use crate::policy::Span;
use crate::store::{Answer, Judge, Mark, NewEvent, Page, Records, Store};

/// A store whose answers take no simulated time: tokio's clock would run ahead while it waits for
/// the index.
pub(super) struct Prompt(pub(super) Arc<Store>);

/// The answer, got on another thread.
fn wait<T: Send>(work: impl Future<Output = T> + Send) -> T {
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    std::thread::scope(|scope| scope.spawn(|| runtime().block_on(work)).join().unwrap())
}

impl Records for Prompt {
    fn enter(&self, event: NewEvent) -> BoxFuture<'static, Result<u64>> {
        Box::pin(ready(wait(self.0.enter(event))))
    }

    fn tell(
        &self,
        event: Option<NewEvent>,
        mark: Option<Mark>,
    ) -> BoxFuture<'_, Result<Option<u64>>> {
        Box::pin(ready(wait(self.0.tell(event, mark))))
    }

    fn span(&self, span: Span) -> BoxFuture<'_, Result<()>> {
        Box::pin(ready(wait(self.0.span(span))))
    }

    fn earliest<'a>(&'a self, camera: &'a str) -> BoxFuture<'a, Result<Option<Timestamp>>> {
        Box::pin(ready(wait(self.0.earliest(camera))))
    }

    fn judge_answers(&self, judge: Judge, does: bool) -> BoxFuture<'_, Result<()>> {
        Box::pin(ready(wait(self.0.judge_answers(judge, does))))
    }

    fn replace_judge(&self, judge: Judge, digest: String) -> BoxFuture<'_, Result<Judge>> {
        Box::pin(ready(wait(self.0.replace_judge(judge, digest))))
    }

    fn unjudged(&self, judge: Judge, after: Option<u64>) -> BoxFuture<'_, Result<Page>> {
        Box::pin(ready(wait(self.0.unjudged(judge, after))))
    }

    fn answer(&self, judge: Judge, said: Vec<Answer>) -> BoxFuture<'_, Result<()>> {
        Box::pin(ready(wait(self.0.answer(judge, said))))
    }
}
