//! How often somebody may try a password or token: some at once, then one every few seconds, for
//! each address and each user. Bounded: of too many, who is nearest to a clean slate is forgotten.
//! And how many are compared at a time.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Attempts at once. People mistype a few times.
const AT_ONCE: u32 = 10;

/// Then one every so often: 8640 a day against one user.
const EVERY: Duration = Duration::from_secs(10);

/// As many times more come from this machine itself: a proxy on it speaks for many.
const FOR_LOOPBACK: u32 = 10;

/// Passwords that are compared at a time: each takes a core and 19 MiB, and the recorder comes first.
const AT_A_TIME: usize = 2;

/// How long one waits for its turn.
const TURN: Duration = Duration::from_secs(5);

/// Addresses and users that are remembered, each.
const KEYS_MAX: usize = 4096;

/// Pairs of users and addresses that once were right.
const FRIENDS_MAX: usize = 1024;

/// An address as far as it tells people apart: of IPv6, the network of a household.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Block(u128);

impl From<IpAddr> for Block {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(u32::from(address).into()),
            IpAddr::V6(address) => Self(u128::from(address) >> 64 << 64),
        }
    }
}

/// When each key has all its attempts again.
struct Ledger<K>(HashMap<K, Instant>);

impl<K: Eq + Hash + Clone> Ledger<K> {
    /// One attempt, if there is one left; else how long to wait.
    fn take(&mut self, key: &K, at_once: u32, now: Instant) -> Result<(), Duration> {
        let whole = self.0.get(key).map_or(now, |whole| (*whole).max(now));
        let wait = (whole + EVERY).saturating_duration_since(now + EVERY * at_once);
        if wait > Duration::ZERO {
            return Err(wait);
        }
        if !self.0.contains_key(key) && self.0.len() >= KEYS_MAX {
            self.0.retain(|_, whole| *whole > now);
            let nearest = self.0.iter().min_by_key(|(_, whole)| **whole);
            if let Some(key) = nearest.map(|(key, _)| key.clone())
                && self.0.len() >= KEYS_MAX
            {
                self.0.remove(&key);
            }
        }
        self.0.insert(key.clone(), whole + EVERY);
        Ok(())
    }
}

struct Ledgers {
    addresses: Ledger<Block>,
    users: Ledger<String>,
    /// From where a user has come in before: a stranger's guesses do not lock him out there.
    friends: VecDeque<(String, Block)>,
}

/// All attempts.
pub(super) struct Attempts {
    ledgers: Mutex<Ledgers>,
    turns: Arc<Semaphore>,
}

impl Default for Attempts {
    fn default() -> Self {
        let (addresses, users) = (Ledger(HashMap::new()), Ledger(HashMap::new()));
        Self {
            ledgers: Mutex::new(Ledgers { addresses, users, friends: VecDeque::new() }),
            turns: Arc::new(Semaphore::new(AT_A_TIME)),
        }
    }
}

impl Attempts {
    /// A password for a user is about to be tried.
    ///
    /// # Errors
    /// How long to wait: it is not tried.
    pub(super) fn log_in(&self, user: &str, peer: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut ledgers = self.ledgers.lock().expect("no panic under this lock");
        let friend = (user.to_owned(), Block::from(peer));
        ledgers.addresses.take(&friend.1, at_once(peer), now)?;
        if ledgers.friends.contains(&friend) {
            return Ok(());
        }
        ledgers.users.take(&friend.0, AT_ONCE, now)
    }

    /// Leave to compare a password, until it is dropped; `None`: too many do.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let turn = tokio::time::timeout(TURN, self.turns.clone().acquire_owned()).await.ok()?;
        Some(turn.expect("it is never closed"))
    }

    #[cfg(test)]
    pub(super) fn turns_left(&self) -> usize {
        self.turns.available_permits()
    }

    /// It was right.
    pub(super) fn was_right(&self, user: &str, peer: IpAddr) {
        let mut ledgers = self.ledgers.lock().expect("no panic under this lock");
        let friend = (user.to_owned(), Block::from(peer));
        ledgers.users.0.remove(user);
        if !ledgers.friends.contains(&friend) {
            ledgers.friends.push_back(friend);
            if ledgers.friends.len() > FRIENDS_MAX {
                ledgers.friends.pop_front();
            }
        }
    }

    /// A wrong token was shown.
    ///
    /// # Errors
    /// How long to wait before the next.
    pub(super) fn wrong(&self, peer: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut ledgers = self.ledgers.lock().expect("no panic under this lock");
        ledgers.addresses.take(&peer.into(), at_once(peer), now)
    }
}

fn at_once(peer: IpAddr) -> u32 {
    if peer.to_canonical().is_loopback() { AT_ONCE * FOR_LOOPBACK } else { AT_ONCE }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[tokio::test(start_paused = true)]
    async fn some_at_once_then_one_every_few_seconds() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        let tried = |peer, user: &str, now| attempts.log_in(user, peer, now);
        for n in 0..AT_ONCE {
            // Other users do not help who tries from one address.
            assert!(tried(address(1), &format!("user{n}"), now).is_ok(), "{n}");
        }
        assert_eq!(tried(address(1), "anna", now), Err(EVERY));
        assert!(tried(address(1), "anna", now + EVERY).is_ok());
        assert!(tried(address(1), "anna", now + EVERY).is_err());
        assert!(tried(address(2), "anna", now).is_ok(), "others are not touched");
    }

    #[tokio::test(start_paused = true)]
    async fn one_user_is_not_guessed_from_many_addresses_and_not_locked_out() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        attempts.was_right("anna", address(200));
        let mut good = 0;
        for last in 0..100 {
            good += u32::from(attempts.log_in("anna", address(last), now).is_ok());
        }
        assert_eq!(good, AT_ONCE);
        assert!(attempts.log_in("anna", address(200), now).is_ok(), "where she was before");
        assert!(attempts.log_in("ben", address(201), now).is_ok());
        attempts.was_right("anna", address(200));
        assert!(attempts.log_in("anna", address(202), now).is_ok(), "a clean slate");
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_and_the_worst_are_remembered() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        while attempts.wrong(address(1), now).is_ok() {}
        for n in 0..3 * KEYS_MAX as u32 {
            let stranger = IpAddr::from(std::net::Ipv4Addr::from(0x0b00_0000 + n));
            assert!(attempts.wrong(stranger, now).is_ok());
        }
        assert_eq!(attempts.ledgers.lock().unwrap().addresses.0.len(), KEYS_MAX);
        assert!(attempts.wrong(address(1), now).is_err());
    }

    #[test]
    fn a_household_is_one_address() {
        let block = |text: &str| Block::from(text.parse::<IpAddr>().unwrap());
        assert!(block("2001:db8::1") == block("2001:db8::ffff:1"));
        assert!(block("2001:db8::1") != block("2001:db8:0:1::1"));
        assert!(block("::ffff:10.0.0.1") == block("10.0.0.1"));
    }
}
