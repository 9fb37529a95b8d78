//! What the judging stages ask of the index, whoever keeps it: the store, or a replay's ledger in
//! memory. So a replay judges by the very stages that judge live, and writes nothing.

use futures::future::BoxFuture;

use super::{Answer, Judge, Mark, NewEvent, Page, Store};
use crate::base::{Result, Timestamp};
use crate::policy::Span;

/// Events, spans and answers, as the stages read and write them. What each promises stands at
/// [`Store`]'s method of the same name.
pub trait Records: Send + Sync + 'static {
    /// Keeps an event; gives its sequence. On its way when this returns.
    fn enter(&self, event: NewEvent) -> BoxFuture<'static, Result<u64>>;

    /// Keeps an event together with the mark that it is told.
    fn tell(
        &self,
        event: Option<NewEvent>,
        mark: Option<Mark>,
    ) -> BoxFuture<'_, Result<Option<u64>>>;

    /// Keeps a span, or replaces the one with its id.
    fn span(&self, span: Span) -> BoxFuture<'_, Result<()>>;

    /// The start of the oldest video of a camera.
    fn earliest<'a>(&'a self, camera: &'a str) -> BoxFuture<'a, Result<Option<Timestamp>>>;

    /// Notes whether a judge answers questions now.
    fn judge_answers(&self, judge: Judge, does: bool) -> BoxFuture<'_, Result<()>>;

    /// Another version judges, or the same with other parameters: it is asked about everything anew.
    fn replace_judge(&self, judge: Judge, digest: String) -> BoxFuture<'_, Result<Judge>>;

    /// Segments about which a judge is to be asked.
    fn unjudged(&self, judge: Judge, after: Option<u64>) -> BoxFuture<'_, Result<Page>>;

    /// Keeps what a judge says of segments.
    fn answer(&self, judge: Judge, said: Vec<Answer>) -> BoxFuture<'_, Result<()>>;
}

impl Records for Store {
    fn enter(&self, event: NewEvent) -> BoxFuture<'static, Result<u64>> {
        Box::pin(Self::enter(self, event))
    }

    fn tell(
        &self,
        event: Option<NewEvent>,
        mark: Option<Mark>,
    ) -> BoxFuture<'_, Result<Option<u64>>> {
        Box::pin(Self::tell(self, event, mark))
    }

    fn span(&self, span: Span) -> BoxFuture<'_, Result<()>> {
        Box::pin(Self::span(self, span))
    }

    fn earliest<'a>(&'a self, camera: &'a str) -> BoxFuture<'a, Result<Option<Timestamp>>> {
        Box::pin(Self::earliest(self, camera))
    }

    fn judge_answers(&self, judge: Judge, does: bool) -> BoxFuture<'_, Result<()>> {
        Box::pin(Self::judge_answers(self, judge, does))
    }

    fn replace_judge(&self, judge: Judge, digest: String) -> BoxFuture<'_, Result<Judge>> {
        Box::pin(Self::replace_judge(self, judge, digest))
    }

    fn unjudged(&self, judge: Judge, after: Option<u64>) -> BoxFuture<'_, Result<Page>> {
        Box::pin(Self::unjudged(self, judge, after))
    }

    fn answer(&self, judge: Judge, said: Vec<Answer>) -> BoxFuture<'_, Result<()>> {
        Box::pin(Self::answer(self, judge, said))
    }
}
