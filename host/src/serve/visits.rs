//! Visits: what a browser has between log-in and log-out. Known by the digest of a token that only the
//! browser has. In memory; over a restart they go by way of [`recall`](super::recall).

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::base::{Result, Timestamp};
use crate::people::{Digest, KeptVisit, Program, Roll, Token, User};

/// A visit ends after so long without a request.
pub(super) const IDLE: Duration = Duration::from_secs(7 * 86_400);

/// A visit ends so long after its log-in.
pub(super) const WHOLE: Duration = Duration::from_secs(30 * 86_400);

/// So often it is looked for visits that have ended: nobody needs to ask for what streams to end.
pub(super) const LOOK: Duration = Duration::from_secs(60);

/// Visits of one user: more browsers than that, and the one least used is logged out.
const OF_USER: usize = 32;

/// Visits of all. Beyond, the one least used is logged out.
const OF_ALL: usize = 4096;

/// A visit.
#[derive(Clone)]
pub(super) struct Visit {
    /// Whose, as he was then: another password or right ends the visit.
    pub(super) user: User,
    /// Cancelled when it ends.
    pub(super) revoked: CancellationToken,
    began: Instant,
    used: Instant,
}

impl Visit {
    fn is_over(&self, now: Instant) -> bool {
        now - self.used >= IDLE || now - self.began >= WHOLE
    }
}

#[derive(Default)]
pub(super) struct Visits {
    /// By digest of its token; guarded for the moment of a look or change.
    visits: Mutex<HashMap<Digest, Visit>>,
    /// Some have come or gone since they were kept.
    changed: AtomicBool,
    /// By name of a program with a token: what it is, and what ends its streams.
    programs: Mutex<BTreeMap<String, (Program, CancellationToken)>>,
}

impl Visits {
    /// Those that were kept and are not over, of who is on the roll as he was. Some are dropped where
    /// the clock was set back behind them. `now`: both clocks at one moment.
    pub(super) fn recalled(
        kept: Vec<KeptVisit>,
        roll: &Roll,
        (now, wall): (Instant, Timestamp),
    ) -> Self {
        let ago = |then: Timestamp| {
            let micros = u64::try_from(wall.micros_since(then)).ok()?;
            now.checked_sub(Duration::from_micros(micros))
        };
        let recalled = |kept: KeptVisit| {
            let user = roll.user(&kept.user)?;
            let (began, used) = (ago(kept.began)?, ago(kept.used)?);
            let revoked = CancellationToken::new();
            let visit = Visit { user: user.clone(), revoked, began, used };
            let is_same = user.digest().is_ok_and(|digest| digest == kept.was);
            (is_same && !visit.is_over(now)).then_some((kept.token, visit))
        };
        let visits = kept.into_iter().take(OF_ALL).filter_map(recalled).collect();
        Self { visits: Mutex::new(visits), ..Self::default() }
    }

    /// What [`recalled`](Self::recalled) is to be given one day.
    ///
    /// # Errors
    /// None that is not a bug.
    pub(super) fn to_keep(&self, (now, wall): (Instant, Timestamp)) -> Result<Vec<KeptVisit>> {
        let visits = self.visits.lock().expect("no panic under this lock");
        let kept = |(token, visit): (&Digest, &Visit)| {
            let Visit { user, began, used, .. } = visit;
            Ok(KeptVisit {
                token: *token,
                user: user.name.clone(),
                was: user.digest()?,
                began: wall - (now - *began),
                used: wall - (now - *used),
            })
        };
        visits.iter().map(kept).collect()
    }

    /// Whether some have come or gone since they were kept.
    pub(super) fn have_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// To be said before they are kept, and taken back where they could not be.
    pub(super) fn set_changed(&self, changed: bool) {
        self.changed.store(changed, Ordering::Relaxed);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.visits.lock().expect("no panic under this lock").is_empty()
    }

    /// Begins one; gives the token for the browser.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(super) fn begin(&self, user: &User, now: Instant) -> Result<Token> {
        let token = Token::new()?;
        let mut visits = self.visits.lock().expect("no panic under this lock");
        visits.retain(|_, visit| end_if(visit.is_over(now), visit));
        let own = |visit: &Visit| visit.user.name == user.name;
        if visits.values().filter(|visit| own(visit)).count() >= OF_USER {
            drop_least_used(&mut visits, own);
        }
        if visits.len() >= OF_ALL {
            drop_least_used(&mut visits, |_| true);
        }
        let visit =
            Visit { user: user.clone(), revoked: CancellationToken::new(), began: now, used: now };
        visits.insert(token.digest(), visit);
        self.set_changed(true);
        Ok(token)
    }

    /// The visit of this token, unless it is over.
    pub(super) fn find(&self, digest: &Digest, now: Instant) -> Option<Visit> {
        let mut visits = self.visits.lock().expect("no panic under this lock");
        let visit = visits.get_mut(digest)?;
        if visit.is_over(now) {
            visit.revoked.cancel();
            visits.remove(digest);
            self.set_changed(true);
            return None;
        }
        visit.used = now;
        Some(visit.clone())
    }

    /// Ends one; gives whose it was.
    pub(super) fn end(&self, digest: &Digest) -> Option<String> {
        let mut visits = self.visits.lock().expect("no panic under this lock");
        let visit = visits.remove(digest)?;
        visit.revoked.cancel();
        self.set_changed(true);
        Some(visit.user.name)
    }

    /// What ends the streams of a program.
    pub(super) fn program(&self, program: &Program) -> CancellationToken {
        let mut programs = self.programs.lock().expect("no panic under this lock");
        let fresh = || (program.clone(), CancellationToken::new());
        let known = programs.entry(program.name.clone()).or_insert_with(fresh);
        if known.0 != *program {
            known.1.cancel();
            *known = fresh();
        }
        known.1.clone()
    }

    /// Ends what is over by now, of nobody on the roll any more, or of somebody with another password
    /// or right.
    pub(super) fn keep(&self, roll: &Roll, now: Instant) {
        let mut visits = self.visits.lock().expect("no panic under this lock");
        let may = |visit: &Visit| roll.user(&visit.user.name) == Some(&visit.user);
        let before = visits.len();
        visits.retain(|_, visit| end_if(visit.is_over(now) || !may(visit), visit));
        if visits.len() < before {
            self.set_changed(true);
        }
        let mut programs = self.programs.lock().expect("no panic under this lock");
        programs.retain(|name, (known, revoked)| {
            let stays = roll.program(name) == Some(known);
            if !stays {
                revoked.cancel();
            }
            stays
        });
    }
}

/// Whether it stays.
fn end_if(over: bool, visit: &Visit) -> bool {
    if over {
        visit.revoked.cancel();
    }
    !over
}

fn drop_least_used(visits: &mut HashMap<Digest, Visit>, of: impl Fn(&Visit) -> bool) {
    let found = visits.iter().filter(|(_, visit)| of(visit)).min_by_key(|(_, visit)| visit.used);
    if let Some(digest) = found.map(|(digest, _)| *digest)
        && let Some(visit) = visits.remove(&digest)
    {
        visit.revoked.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::config::Secret;
    use crate::people::{Cameras, Hashed, Role};

    fn user(name: &str) -> User {
        let password = Hashed::new(&Secret::new("correct horse")).unwrap();
        let (role, cameras) = (Role::Viewer, Cameras::All);
        User { name: name.into(), role, cameras, password, since: Timestamp::ZERO }
    }

    #[tokio::test(start_paused = true)]
    async fn visits_end_by_silence_by_age_and_by_log_out() {
        let (visits, anna) = (Visits::default(), user("anna"));
        let start = Instant::now();
        let one = visits.begin(&anna, start).unwrap().digest();
        assert!(visits.find(&one, start + IDLE - Duration::from_secs(1)).is_some());
        assert!(visits.find(&one, start + IDLE + Duration::from_secs(1)).is_some(), "was used");
        let mut now = start;
        while now - start < WHOLE {
            assert!(visits.find(&one, now).is_some(), "{:?}", now - start);
            now += Duration::from_secs(86_400);
        }
        assert!(visits.find(&one, now).is_none(), "however much it is used");
        let two = visits.begin(&anna, start).unwrap().digest();
        let revoked = visits.find(&two, start).unwrap().revoked;
        assert!(visits.find(&two, start + IDLE).is_none());
        assert!(revoked.is_cancelled(), "what streams ends with it");
        let three = visits.begin(&anna, start).unwrap().digest();
        assert_eq!(visits.end(&three).as_deref(), Some("anna"));
        assert!(visits.find(&three, start).is_none() && visits.end(&three).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn they_outlive_the_host_for_as_long_as_they_may() {
        let (anna, ben, cleo) = (user("anna"), user("ben"), user("cleo"));
        let start = (Instant::now(), Timestamp::from_micros(1 << 50));
        let after = |length: Duration| (start.0 + length, start.1 + length);
        let mut roll = Roll::default();
        for user in [&anna, &ben, &cleo] {
            roll.add_user(user.clone()).unwrap();
        }
        let visits = Visits::default();
        let digests =
            [&anna, &ben, &cleo].map(|user| visits.begin(user, start.0).unwrap().digest());
        let day = Duration::from_secs(86_400);
        visits.find(&digests[0], after(5 * day).0);
        assert!(visits.have_changed());
        let kept = visits.to_keep(after(5 * day)).unwrap();
        assert_eq!(
            (kept.len(), kept.iter().map(|visit| visit.used).max()),
            (3, Some(after(5 * day).1))
        );
        roll.remove_user("ben").unwrap();
        let other = Hashed::new(&Secret::new("correct horse")).unwrap();
        roll.set_password("cleo", other, Timestamp::ZERO).unwrap();
        // Another host's clock: what counts is the time of day.
        let later = |length: Duration| (start.0, start.1 + length);
        for (roll, passed, stay) in [
            (&roll, 5 * day, [true, false, false]),
            (&roll, 5 * day + IDLE, [false; 3]),
            (&roll, 4 * day, [false; 3]),
            (&Roll::default(), 5 * day, [false; 3]),
        ] {
            let recalled = Visits::recalled(kept.clone(), roll, later(passed));
            let found = digests.map(|digest| recalled.find(&digest, start.0).is_some());
            assert_eq!(found, stay, "{passed:?}");
        }
        let recalled = Visits::recalled(kept, &roll, later(5 * day));
        let anna = |passed| recalled.find(&digests[0], start.0 + passed).is_some();
        for day in (0..25).map(|days| days * day) {
            assert!(anna(day), "{day:?}");
        }
        assert!(!anna(25 * day), "thirty days after the log-in");
    }

    #[tokio::test(start_paused = true)]
    async fn the_least_used_of_too_many_goes() {
        let (visits, anna) = (Visits::default(), user("anna"));
        let start = Instant::now();
        let other = visits.begin(&user("ben"), start).unwrap().digest();
        let at = |n: usize| start + Duration::from_secs(n as u64);
        let all: Vec<_> =
            (0..OF_USER).map(|n| visits.begin(&anna, at(n)).unwrap().digest()).collect();
        assert!(visits.find(&all[0], at(100)).is_some());
        visits.begin(&anna, at(101)).unwrap();
        assert!(visits.find(&all[1], at(102)).is_none(), "the one least used");
        assert!(visits.find(&all[0], at(102)).is_some() && visits.find(&other, at(102)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_no_longer_on_the_roll_as_he_was_is_out() {
        let (visits, now) = (Visits::default(), Instant::now());
        let (anna, ben, cleo) = (user("anna"), user("ben"), user("cleo"));
        let mut roll = Roll::default();
        for user in [&anna, &ben, &cleo] {
            roll.add_user(user.clone()).unwrap();
        }
        let digests = [&anna, &ben, &cleo].map(|user| visits.begin(user, now).unwrap().digest());
        visits.keep(&roll, now);
        assert!(digests.iter().all(|digest| visits.find(digest, now).is_some()));
        roll.remove_user("anna").unwrap();
        let other = Hashed::new(&Secret::new("correct horse")).unwrap();
        roll.set_password("ben", other, Timestamp::ZERO).unwrap();
        visits.keep(&roll, now);
        let stays = digests.map(|digest| visits.find(&digest, now).is_some());
        assert_eq!(stays, [false, false, true]);
    }
}
