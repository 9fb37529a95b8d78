//! What was recorded beside what was sent: the log of `wardline simulate --log` is the truth.
//!
//! A recorded unit is known by the hashes of its coded slices and by its place in its session;
//! times only help to find where a session's first file begins. Panics, naming the file, where a
//! unit is missing inside a session, doubled, out of order or alien, and where a file does not
//! decode.

use std::collections::BTreeMap;
use std::path::Path;

use wardline::base::Timestamp;
use wardline::simulate::Sent;
use wardline::store::query::StoredSegment;

use crate::media;
use crate::store::seconds;

/// A unit is recorded under the time of its arrival, which is so close to that of its sending.
const ARRIVAL_SECONDS_MAX: f64 = 1.5;

/// Every unit that has been sent so far; a line that is being written is left out.
pub fn sent(log: &Path) -> Vec<Sent> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let unit = |line: &str| serde_json::from_str(line).expect("the log is JSON lines");
    whole.lines().map(unit).collect()
}

/// A session and which of its units were recorded.
#[derive(Debug)]
struct Session {
    units: Vec<Sent>,
    /// The first recorded unit, and the one after the last.
    recorded: Option<(usize, usize)>,
}

/// What became of all units that a camera sent.
#[derive(Debug)]
pub struct Account {
    sessions: Vec<Session>,
}

/// What a kill cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// From the sending of the first lost unit to the kill; 0 where none is lost.
    pub seconds: f64,
    /// Units sent before the kill and not recorded.
    pub units: usize,
}

impl Account {
    /// Follows the camera's files through what it sent.
    pub fn of(camera: &str, segments: &[StoredSegment], sent: &[Sent]) -> Self {
        let mut by_id: BTreeMap<&str, Vec<Sent>> = BTreeMap::new();
        for unit in sent.iter().filter(|unit| unit.path == camera) {
            by_id.entry(&unit.session).or_default().push(unit.clone());
        }
        let mut sessions: Vec<Session> =
            by_id.into_values().map(|units| Session { units, recorded: None }).collect();
        sessions.sort_by_key(|session| session.units[0].time);
        let mut account = Self { sessions };
        let mut at = 0;
        for segment in segments {
            at = account.follow(segment, at);
        }
        account
    }

    /// Places a file in session `at` or a later one, which is given back.
    fn follow(&mut self, segment: &StoredSegment, at: usize) -> usize {
        let file = segment.path.display();
        let slices = media::whole_slices(&segment.path);
        assert!(!slices.is_empty(), "{file} has no slice");
        let is = |unit: &Sent, index: usize| unit.slices == [slices[index].md5.as_str()];
        let sessions = &self.sessions;
        // It goes on where the one before ended, or begins a later session: whatever is nearest.
        let near = |at: usize, unit: usize| {
            let sent = sessions[at].units.get(unit).filter(|sent| is(sent, 0))?;
            let distance = seconds(sent.time, segment.start).abs();
            (distance < ARRIVAL_SECONDS_MAX).then_some((distance, at, unit))
        };
        let next = sessions[at].recorded.map(|(_, end)| end);
        let first_new = at + usize::from(next.is_some());
        let begins = (first_new..sessions.len()).flat_map(|at| {
            let near = &near;
            let keys =
                (0..sessions[at].units.len()).filter(move |unit| sessions[at].units[*unit].key);
            keys.filter_map(move |unit| near(at, unit))
        });
        let found = next.and_then(|end| near(at, end)).into_iter().chain(begins);
        let (_, at, first) = found.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_else(|| {
            panic!("{file}: its first unit was not sent then, or is missing or doubled")
        });
        let session = &mut self.sessions[at];
        for index in 0..slices.len() {
            let same = session.units.get(first + index).is_some_and(|unit| is(unit, index));
            assert!(same, "{file}: slice {index} is not what was sent as unit {}", first + index);
        }
        let begin = session.recorded.map_or(first, |(begin, _)| begin);
        session.recorded = Some((begin, first + slices.len()));
        at
    }

    /// Units recorded.
    pub fn units(&self) -> usize {
        let recorded = self.sessions.iter().filter_map(|session| session.recorded);
        recorded.map(|(begin, end)| end - begin).sum()
    }

    /// What the kill at `killed` cost of what was sent from `from` on to the host that was
    /// `started` then. `None` where nothing was sent to it.
    pub fn loss(&self, started: Timestamp, from: Timestamp, killed: Timestamp) -> Option<Loss> {
        let of_life = |session: &&Session| {
            let first = session.units[0].time;
            first >= started && first <= killed
        };
        let session = self.sessions.iter().rfind(of_life)?;
        let after = session.recorded.map_or(0, |(_, end)| end);
        let lost = session.units[after..].iter().filter(|unit| unit.time <= killed);
        let lost: Vec<&Sent> = lost.filter(|unit| unit.time >= from).collect();
        let seconds = lost.first().map_or(0.0, |unit| seconds(unit.time, killed));
        Some(Loss { seconds, units: lost.len() })
    }
}
