//! From the tables of segments, one after the other, to the files that an export makes of them.
//!
//! Pure: no file is opened here. Segments come in the order of (epoch, sequence); each is looked
//! at once, and forgotten but for what is kept of it.

use std::ops::Range;

use super::choose::{self, Inside};
use super::film::{Film, Piece, Scene, first_shown};
use super::join::{SEAM, compatible, continues, follows, same_audio};
use super::report::{Interruption, Why};
use super::{Gaps, Wanted};
use crate::base::{Result, Timestamp};
use crate::ingest::packet::VIDEO_TICKS;
use crate::record::Identity;
use crate::record::tables::{Tables, Track};

/// No sample can last longer (32 bits of ticks are 13 hours): a gap that does begins a further file.
const HOLD_MAX: i64 = 12 * 3600 * VIDEO_TICKS;

/// How files are made of segments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) wanted: Wanted,
    pub(super) gaps: Gaps,
    /// All goes into one file, or is refused.
    pub(super) one_file: bool,
}

/// What is known of the last segment that was added.
struct Last {
    identity: Identity,
    video: Track,
    audio: Option<Track>,
    /// Where its video ends, in its own ticks.
    end: i64,
    /// Where it stands.
    place: i64,
}

/// Files in the making.
pub(super) struct Planner {
    rules: Rules,
    films: Vec<Film>,
    interruptions: Vec<Interruption>,
    /// What may be needed to decode the first picture: from a key frame on.
    lead: Vec<(usize, Tables)>,
    last: Option<Last>,
    epoch: Option<u32>,
    /// Where the epoch before this one was left.
    stepped: Option<Timestamp>,
    /// All that follows in this epoch lies after the range.
    over: bool,
}

/// What there is to be written.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) films: Vec<Film>,
    pub(super) interruptions: Vec<Interruption>,
}

impl Planner {
    pub(super) fn new(rules: Rules) -> Self {
        let (films, interruptions, lead) = Default::default();
        Self {
            rules,
            films,
            interruptions,
            lead,
            last: None,
            epoch: None,
            stepped: None,
            over: false,
        }
    }

    /// The next segment.
    ///
    /// # Errors
    /// Refuses what can't be in one file where that was asked for, and times that no file can hold.
    pub(super) fn take(&mut self, source: usize, tables: Tables) -> Result<()> {
        let epoch = tables.identity.epoch;
        if self.epoch.replace(epoch).is_some_and(|before| before != epoch) {
            self.over = false;
            self.lead.clear();
            self.stepped = self.last.take().map(|last| end(&last)).or(self.stepped);
        }
        if self.over {
            return Ok(());
        }
        self.over = choose::reaches_beyond(&tables, self.rules.wanted);
        let inside = choose::inside(&tables, self.rules.wanted, i64::MIN);
        match (inside, self.last.is_some()) {
            (Some(inside), true) => self.go_on(source, &tables, inside),
            (Some(inside), false) => self.begin(source, &tables, inside),
            (None, true) => Ok(()),
            (None, false) => {
                self.lead_in(source, tables);
                Ok(())
            }
        }
    }

    /// The files, and what lies between their parts.
    pub(super) fn finish(self) -> Plan {
        Plan { films: self.films, interruptions: self.interruptions }
    }

    /// A segment before the range: its last group of pictures may be needed.
    fn lead_in(&mut self, source: usize, tables: Tables) {
        let has_key = tables.video.samples.iter().any(|sample| sample.key);
        let goes_on = self.lead.last().is_some_and(|(_, before)| follows(before, &tables));
        if has_key || !goes_on {
            self.lead.clear();
        }
        if has_key || goes_on {
            self.lead.push((source, tables));
        }
    }

    /// The first segment with pictures of the range, in its epoch.
    fn begin(&mut self, source: usize, tables: &Tables, inside: Inside) -> Result<()> {
        let lead = std::mem::take(&mut self.lead);
        if let Some(end) = self.stepped.take() {
            self.tell(Why::ClockStepped, end, choose::utc(&tables.identity, inside.first));
        }
        if let Some(key) = choose::key_for(&tables.video.samples, inside.first) {
            return self.begin_at(source, tables, key, inside);
        }
        let before = lead.first().zip(lead.last()).filter(|(_, last)| follows(&last.1, tables));
        let Some(((first_source, first), _)) = before else {
            return self.begin_late(source, tables, inside);
        };
        let samples = &first.video.samples;
        let key = samples.iter().rposition(|sample| sample.key).unwrap_or(0);
        let shown = samples[key].shown;
        let video = choose::decodable(samples, key, samples.len());
        let film = self.film(first, key)?;
        let place =
            self.add(film, piece(*first_source, first, video, samples[key].decode, None))?;
        let key_shown = place.saturating_add(shown);
        for (source, tables) in &lead[1..] {
            let all = 0..tables.video.samples.len();
            self.add(film, piece(*source, tables, vec![all], i64::MIN, None))?;
        }
        self.finish_piece(film, source, tables, 0..inside.end, inside, Some(key_shown))
    }

    /// What would be needed to decode the first pictures is not there: they are left out.
    fn begin_late(&mut self, source: usize, tables: &Tables, inside: Inside) -> Result<()> {
        let samples = &tables.video.samples;
        let key = samples.iter().position(|sample| sample.key && sample.shown >= inside.first);
        let later =
            key.and_then(|key| choose::inside(tables, self.rules.wanted, samples[key].shown));
        let start = choose::utc(&tables.identity, inside.first);
        let Some((key, later)) = key.zip(later) else {
            let end = choose::utc(&tables.identity, choose::video_end(tables));
            self.tell(Why::NotDecodable, start, end);
            return Ok(());
        };
        let at = choose::utc(&tables.identity, later.first);
        self.tell(Why::NotDecodable, start, at);
        self.begin_at(source, tables, key, later)
    }

    fn begin_at(
        &mut self,
        source: usize,
        tables: &Tables,
        key: usize,
        inside: Inside,
    ) -> Result<()> {
        let film = self.film(tables, key)?;
        self.finish_piece(film, source, tables, key..inside.end, inside, None)
    }

    /// The file for what follows: a new one, or the one there is where one is asked for.
    fn film(&mut self, tables: &Tables, first: usize) -> Result<usize> {
        match self.films.last_mut().filter(|_| self.rules.one_file) {
            Some(film) => {
                compatible(film, tables)?;
                film.describe(tables);
                // After all that is there, a scene of its own.
                let sample = tables.video.samples[first];
                let end = film.scenes.last().map_or(0, |scene| scene.to).max(film.shown() + 1);
                film.cut_audio(end);
                film.set_anchor(&tables.identity, end - sample.decode.min(sample.shown));
            }
            None => self.films.push(Film::new(tables, first)),
        }
        Ok(self.films.len() - 1)
    }

    /// A further segment of the range.
    fn go_on(&mut self, source: usize, tables: &Tables, inside: Inside) -> Result<()> {
        let Some(last) = &self.last else { return Ok(()) };
        let other = (&last.video.sample_entry, last.video.size)
            != (&tables.video.sample_entry, tables.video.size)
            || !same_audio(last.audio.as_ref(), tables.audio.as_ref());
        let Some(film) = self.films.len().checked_sub(1) else { return Ok(()) };
        let natural = self.films[film].place(&tables.identity);
        let missing = natural.saturating_sub(last.place.saturating_add(last.end));
        let is_gap = missing > SEAM;
        let continues = !other && !is_gap && continues(&last.identity, &tables.identity);
        let samples = &tables.video.samples;
        let key = if continues { Some(0) } else { samples.iter().position(|sample| sample.key) };
        let Some((key, inside)) = key.and_then(|key| {
            let least = if continues { i64::MIN } else { samples[key].shown };
            Some((key, choose::inside(tables, self.rules.wanted, least)?))
        }) else {
            let start = choose::utc(&tables.identity, inside.first);
            let end = choose::utc(&tables.identity, choose::video_end(tables));
            self.tell(Why::NotDecodable, start, end);
            return Ok(());
        };
        let before = end(last);
        let is_long = missing > HOLD_MAX && self.rules.gaps == Gaps::Hold;
        if is_gap {
            self.tell(Why::Gap, before, choose::utc(&tables.identity, inside.first));
        }
        if other {
            self.tell(Why::Parameters, before, tables.identity.start);
        }
        if (other || is_long) && !self.rules.one_file {
            self.last = None;
            return self.begin_at(source, tables, key, inside);
        }
        if other {
            compatible(&self.films[film], tables)?;
            self.films[film].describe(tables);
        }
        let video = match continues {
            true => std::iter::once(0..inside.end).collect(),
            false => choose::decodable(samples, key, inside.end),
        };
        let wanted = self.rules.wanted;
        let piece = piece(source, tables, video, i64::MIN, Some(wanted.to));
        if is_gap {
            self.bridge(film, &piece, missing);
        }
        self.show(film, tables, inside, None, piece)
    }

    /// Time without video before `piece`: it stands, or is left out.
    fn bridge(&mut self, film: usize, piece: &Piece<'_>, missing: i64) {
        let film = &mut self.films[film];
        let identity = &piece.tables.identity;
        let mut place = film.place(identity);
        if self.rules.gaps == Gaps::Cut {
            let missing = missing.saturating_add(first_shown(piece));
            place = place.saturating_sub(missing);
            let at = place.saturating_add(first_shown(piece));
            film.cuts.push((at, crate::record::ticks_to_micros(missing)));
            film.set_anchor(identity, place);
        }
        film.cut_audio(place.saturating_add(first_shown(piece)));
    }

    /// Adds the first part of a scene that lies in the segment of its first picture.
    fn finish_piece(
        &mut self,
        film: usize,
        source: usize,
        tables: &Tables,
        samples: Range<usize>,
        inside: Inside,
        key_shown: Option<i64>,
    ) -> Result<()> {
        let goes_on = key_shown.is_some();
        let from = &tables.video.samples[samples.start];
        let (video, heard) = match goes_on {
            true => (vec![samples], i64::MIN),
            false => {
                (choose::decodable(&tables.video.samples, samples.start, samples.end), from.decode)
            }
        };
        let piece = piece(source, tables, video, heard, Some(self.rules.wanted.to));
        let lead = match key_shown {
            Some(shown) => Lead::From(shown),
            None => Lead::Inside(from.shown),
        };
        self.show(film, tables, inside, Some(lead), piece)
    }

    /// Adds a piece and shows what of it lies in the range. With `lead`, a scene begins.
    fn show(
        &mut self,
        film: usize,
        tables: &Tables,
        inside: Inside,
        lead: Option<Lead>,
        piece: Piece<'_>,
    ) -> Result<()> {
        let place = self.add(film, piece)?;
        let at = |ticks: i64| place.saturating_add(ticks);
        let wished = choose::ticks(&tables.identity, self.rules.wanted.to).max(inside.last + 1);
        let to = choose::end_of(tables, inside.last).min(wished);
        let utc = |ticks| choose::utc(&tables.identity, ticks);
        let scenes = &mut self.films[film].scenes;
        if let Some(lead) = lead {
            let from = at(inside.first);
            let key = match lead {
                Lead::From(shown) => shown,
                Lead::Inside(shown) => at(shown),
            };
            let times = (utc(inside.first), utc(inside.first));
            scenes.push(Scene { from, to: at(to), utc: times, lead_in: from - key, pictures: 0 });
        }
        if let Some(scene) = scenes.last_mut() {
            // A tick is longer than a microsecond.
            let end = utc(to).min(self.rules.wanted.to);
            (scene.to, scene.utc.1) = (at(to), end);
            scene.pictures += inside.pictures;
        }
        Ok(())
    }

    /// Gives where the segment stands.
    fn add(&mut self, film: usize, piece: Piece<'_>) -> Result<i64> {
        let film = &mut self.films[film];
        let tables = piece.tables;
        let place = film.place_after(&piece, film.place(&tables.identity));
        film.add(&piece, place)?;
        let bare = |track: &Track| Track { samples: Vec::new(), runs: Vec::new(), ..track.clone() };
        let audio = tables.audio.as_ref().map(bare);
        self.last = Some(Last {
            identity: tables.identity.clone(),
            video: bare(&tables.video),
            // A segment without sound says nothing of the form of the sound.
            audio: audio.or_else(|| self.last.take().and_then(|last| last.audio)),
            end: choose::video_end(tables),
            place,
        });
        Ok(place)
    }

    fn tell(&mut self, why: Why, start: Timestamp, end: Timestamp) {
        self.interruptions.push(Interruption { start, end, why, detail: String::new() });
    }
}

/// Where the key frame of a scene is shown.
enum Lead {
    /// There in the file.
    From(i64),
    /// There in the segment.
    Inside(i64),
}

fn piece<'t>(
    source: usize,
    tables: &'t Tables,
    video: Vec<Range<usize>>,
    heard: i64,
    to: Option<Timestamp>,
) -> Piece<'t> {
    let to = to.map_or(i64::MAX / 4, |to| choose::ticks(&tables.identity, to));
    let heard = heard.max(i64::MIN / 4);
    let rate = tables.video.timescale;
    let audio = tables.audio.as_ref().map(|audio| choose::audio(audio, rate, heard, to));
    Piece { source, tables, video, audio: audio.unwrap_or(0..0) }
}

fn end(last: &Last) -> Timestamp {
    choose::utc(&last.identity, last.end)
}
