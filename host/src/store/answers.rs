//! What policies say of continuous video: how several answers become one hold, and who is waited
//! for.
//!
//! Pure values and [`Store`]'s methods around them; the rows are in `index/answers.rs`. Must not
//! know plugins: a judge is a name and a digest.

use std::time::Duration;

use super::Store;
use super::holds::Continuous;
use super::index::{answers, failed, spans};
use crate::base::{Error, Result, Timestamp};

/// A judge that has not answered holds what it is to be asked about. One that does not answer at
/// all for so long is no longer waited for: what was last said stands.
pub const PATIENCE: Duration = Duration::from_secs(3600);

/// Segments given to a judge at a time.
pub const PAGE: u32 = 16;

/// A policy as a camera is configured with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its configured name.
    pub name: String,
    /// Of its component and parameters together: with another digest it is another judge, who is
    /// asked again. `None`: it can't be loaded; what it last said stands.
    pub digest: Option<String>,
}

/// A policy of one digest on one camera, in one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judge(pub(super) i64);

impl Judge {
    /// One that no store knows: for a replay's ledger.
    pub(crate) fn numbered(number: i64) -> Self {
        Self(number)
    }

    /// One whom no store asks and nobody obeys.
    pub(crate) fn of_nobody() -> Self {
        Self(i64::MAX)
    }

    /// As given to [`numbered`](Self::numbered).
    pub(crate) fn number(self) -> i64 {
        self.0
    }
}

/// A judge's answer for one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The segment, by its number within the judge's camera.
    pub sequence: u64,
    /// How long to keep it as continuous video, from its end. `None`: as the camera is configured;
    /// zero: no such hold.
    pub keep: Option<Duration>,
}

/// A closed segment of which a judge has said nothing yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unjudged {
    /// Unique within the camera.
    pub sequence: u64,
    /// Its first moment.
    pub start: Timestamp,
    /// The moment after its last.
    pub end: Timestamp,
    /// Its size.
    pub bytes: u64,
    /// It does not continue the camera's segment before it.
    pub gap_before: bool,
    /// How many accepted events of each kind the camera had in it.
    pub events: Vec<(String, u32)>,
}

/// Some of what a judge is to be asked about, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// At most [`PAGE`].
    pub segments: Vec<Unjudged>,
    /// There may be more after this sequence. `None`: that was all.
    pub next: Option<u64>,
}

/// Many answers as one hold: the longest counts, and who has said nothing counts as configured.
pub(crate) fn combine(answers: impl IntoIterator<Item = Option<Timestamp>>) -> Continuous {
    let mut answers = answers.into_iter().peekable();
    if answers.peek().is_none() {
        return Continuous::CONFIGURED;
    }
    answers.fold(Continuous::NO, |hold, answer| match answer {
        None => Continuous { configured: true, ..hold },
        Some(until) => Continuous { answered: hold.answered.max(Some(until)), ..hold },
    })
}

impl Store {
    /// Makes `policies` those who judge a camera's continuous video, and gives them as judges, in
    /// this order. Answers of policies that are not among them count no more; a policy with a new
    /// digest is to be asked again about what is there, and until it answers, its last answers
    /// stand and nothing that it is to be asked about is deleted by age.
    ///
    /// # Errors
    /// Refuses an unknown camera; or when the index can't be written.
    pub async fn judges(&self, camera: &str, policies: Vec<Policy>) -> Result<Vec<Judge>> {
        let (camera, now) = (camera.to_owned(), self.clock.wall());
        let work = move |c: &_| {
            let id = spans::camera_id(c, &camera).map_err(failed("appoint judges"))?;
            let id =
                id.ok_or_else(|| Error::refuse(format!("the store knows no camera {camera}")))?;
            answers::appoint(c, id, &policies, now).map_err(failed("appoint judges"))
        };
        Ok(self.indexer.ask(work).await?.into_iter().map(Judge).collect())
    }

    /// Another component, or other parameters, in the place of a judge: from now on it is this one
    /// that is asked, again about what is there, and until it answers, the last answers stand.
    ///
    /// # Errors
    /// When the index can't be written: then the old judge stays.
    pub async fn replace_judge(&self, judge: Judge, digest: String) -> Result<Judge> {
        let work =
            move |c: &_| answers::replace(c, judge.0, &digest).map_err(failed("replace a judge"));
        self.indexer.ask(work).await.map(Judge)
    }

    /// Says whether a judge answers questions now. All begin as not answering.
    ///
    /// # Errors
    /// When the index can't be written.
    pub async fn judge_answers(&self, judge: Judge, does: bool) -> Result<()> {
        let silent = (!does).then(|| self.clock.wall());
        self.indexer
            .ask(move |c| answers::set_silent(c, judge.0, silent).map_err(failed("note a judge")))
            .await
    }

    /// What a judge says of segments. Those that are gone are passed over.
    ///
    /// # Errors
    /// When the index can't be written: then nothing of it is.
    pub async fn answer(&self, judge: Judge, said: Vec<Answer>) -> Result<()> {
        self.indexer
            .ask(move |c| answers::answer(c, judge.0, &said).map_err(failed("store answers")))
            .await
    }

    /// Closed segments with a sequence above `after` about which a judge is to be asked: continuous
    /// video, not recorded while failing open, and young enough that its events are still known.
    ///
    /// # Errors
    /// When the index can't be read.
    pub async fn unjudged(&self, judge: Judge, after: Option<u64>) -> Result<Page> {
        let since = self.clock.wall() - self.config.event_keep;
        self.indexer
            .ask(move |c| {
                answers::unanswered(c, judge.0, after, since).map_err(failed("find what to ask"))
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_answer_counts() {
        let at = |seconds: i64| Some(Timestamp::from_millis(seconds * 1000));
        let hold = |configured, answered| Continuous { configured, answered };
        for (name, answers, expected) in [
            ("no policy", vec![], Continuous::CONFIGURED),
            ("one", vec![at(5)], hold(false, at(5))),
            ("as configured", vec![None], hold(true, None)),
            ("the longer", vec![at(5), at(9), at(7)], hold(false, at(9))),
            ("one has not answered", vec![at(5), None], hold(true, at(5))),
            ("none has", vec![None, None], hold(true, None)),
        ] {
            assert_eq!(combine(answers), expected, "{name}");
        }
    }
}
