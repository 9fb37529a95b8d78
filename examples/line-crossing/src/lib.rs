//! Counts who crosses a line, and which way: hears a tracker, says `line.crossed`. Looks at no picture
//! itself. What was counted survives a restart.

pub mod crossing;

use std::collections::BTreeMap;

use wardline_sdk::{
    Analyzer, Attribute, Event, Fault, Listener, Notice, Phase, Picture, Region, Setup, Snapshot,
    State, Wishes, metrics, params, plugin,
};

use crossing::{Direction, Line, Point, Stand};

/// The layout of a snapshot: JSON of [`Counted`].
const SCHEMA: u32 = 1;

/// A tracker has fewer at a time; more are of ends that were missed.
const TRACKS_MAX: usize = 1024;

/// One camera's counter.
pub struct LineCrossing {
    params: Params,
    lines: Vec<(String, Line)>,
    /// By track: where it stands, to each line.
    stands: BTreeMap<String, Vec<Stand>>,
    counted: Counted,
}

#[derive(serde::Deserialize)]
struct Params {
    lines: BTreeMap<String, [[f32; 2]; 2]>,
    point: Foot,
    margin: f32,
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Foot {
    Foot,
    Centre,
}

/// What must not be forgotten.
#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Counted {
    /// Crossings so far; numbers the events of all runs.
    crossings: u64,
    /// In and out, by line.
    lines: BTreeMap<String, [u64; 2]>,
}

plugin!(LineCrossing: analyzer, listener, state);

impl Analyzer for LineCrossing {
    fn init(setup: &Setup) -> Result<(Self, Wishes), Fault> {
        let params: Params = params::parse(&setup.params)?;
        let mut lines = Vec::new();
        for (name, [from, to]) in &params.lines {
            if from == to {
                return Err(Fault::BadParams(format!("line {name} has no length")));
            }
            let line = Line { from: (from[0], from[1]), to: (to[0], to[1]) };
            lines.push((name.clone(), line));
        }
        let (stands, counted) = Default::default();
        let wishes = Wishes { pictures: None, units: false };
        Ok((Self { params, lines, stands, counted }, wishes))
    }

    fn analyze(&mut self, _: &Picture, _: &[u8]) -> Result<Vec<Event>, Fault> {
        Ok(Vec::new())
    }
}

impl Listener for LineCrossing {
    fn on_events(&mut self, notices: &[Notice]) -> Result<Vec<Event>, Fault> {
        Ok(notices.iter().flat_map(|notice| self.hear(&notice.event)).collect())
    }
}

impl LineCrossing {
    fn hear(&mut self, track: &Event) -> Vec<Event> {
        let Some(region) = track.regions.first() else { return Vec::new() };
        let here = self.point(region);
        if self.stands.len() >= TRACKS_MAX {
            self.stands.pop_first();
        }
        let fresh = || vec![Stand::default(); self.lines.len()];
        let stands = self.stands.entry(track.id.clone()).or_insert_with(fresh);
        let step = |((name, line), stand): (&(String, Line), &mut Stand)| {
            Some((name.clone(), line.step(stand, here, self.params.margin)?))
        };
        let crossed: Vec<_> = self.lines.iter().zip(stands).filter_map(step).collect();
        if track.phase == Phase::End {
            self.stands.remove(&track.id);
        }
        crossed.into_iter().map(|(name, way)| self.count(&name, way, track, region)).collect()
    }

    fn point(&self, region: &Region) -> Point {
        let area = &region.area;
        let down = match self.params.point {
            Foot::Foot => area.height,
            Foot::Centre => area.height / 2.0,
        };
        (area.x + area.width / 2.0, area.y + down)
    }

    fn count(&mut self, line: &str, way: Direction, track: &Event, region: &Region) -> Event {
        let counts = self.counted.lines.entry(line.to_owned()).or_default();
        let count = &mut counts[usize::from(way == Direction::Out)];
        *count += 1;
        let (count, [inside, outside]) = (*count, *counts);
        self.counted.crossings += 1;
        metrics::add(&format!("crossed_{}", way.as_str()), 1.0);
        let id = format!("{line}-{}", self.counted.crossings);
        let mut event = Event::new(id, "line.crossed", Phase::Instant, track.time);
        event.confidence = track.confidence;
        event.regions = vec![region.clone()];
        event.correlation = track.correlation.clone();
        event.attributes = vec![
            Attribute::text("line", line),
            Attribute::text("direction", way.as_str()),
            Attribute::integer("count", count.cast_signed()),
            Attribute::integer("in", inside.cast_signed()),
            Attribute::integer("out", outside.cast_signed()),
        ];
        let number = region.track.map(|track| Attribute::integer("track", track.cast_signed()));
        event.attributes.extend(number);
        event
    }
}

impl State for LineCrossing {
    fn save(&mut self) -> Result<Snapshot, String> {
        let data = serde_json::to_vec(&self.counted).map_err(|error| error.to_string())?;
        Ok(Snapshot { schema: SCHEMA, data })
    }

    fn load(&mut self, snapshot: Snapshot) -> Result<(), String> {
        if snapshot.schema != SCHEMA {
            return Err(format!("schema {} is not {SCHEMA}", snapshot.schema));
        }
        self.counted = serde_json::from_slice(&snapshot.data).map_err(|error| error.to_string())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use wardline_sdk::{Area, Value};

    use super::*;

    fn counter() -> LineCrossing {
        let params = r#"{"lines":{"door":[[0.5,0.1],[0.5,0.9]]},"point":"foot","margin":0.02}"#;
        let (name, camera) = ("line".to_owned(), Some("gate".to_owned()));
        let setup = Setup { name, camera, video: None, params: params.into(), attributes: vec![] };
        LineCrossing::init(&setup).unwrap().0
    }

    /// A thing's foot is at `x`.
    fn seen(counter: &mut LineCrossing, id: &str, phase: Phase, x: f32) -> Vec<Event> {
        let mut event = Event::new(id, "track", phase, 1_000_000);
        let area = Area { x: x - 0.05, y: 0.4, width: 0.1, height: 0.2 };
        event.regions = vec![Region { area, label: None, confidence: 1.0, track: Some(7) }];
        let (camera, origin) = ("gate".into(), "tracker".into());
        let notice = Notice { event, camera, origin, received: 1_000_000, sequence: 1 };
        counter.on_events(&[notice]).unwrap()
    }

    fn integer(event: &Event, key: &str) -> i64 {
        match event.attribute(key) {
            Some(Value::Integer(number)) => *number,
            other => panic!("{key}: {other:?}"),
        }
    }

    #[test]
    fn each_way_is_counted_and_the_counts_survive() {
        let mut counter = counter();
        assert_eq!(seen(&mut counter, "a", Phase::Begin, 0.3).len(), 0);
        let out = seen(&mut counter, "a", Phase::Update, 0.7);
        assert_eq!(out[0].attribute("direction"), Some(&Value::Text("out".into())));
        let inside = seen(&mut counter, "a", Phase::End, 0.3);
        assert_eq!(inside[0].attribute("direction"), Some(&Value::Text("in".into())));
        assert_eq!((integer(&inside[0], "in"), integer(&inside[0], "out")), (1, 1));
        assert_eq!(integer(&inside[0], "track"), 7);
        assert!(counter.stands.is_empty(), "who is gone is forgotten");
        let snapshot = counter.save().unwrap();
        let mut next = self::counter();
        next.load(snapshot).unwrap();
        seen(&mut next, "b", Phase::Begin, 0.3);
        let again = seen(&mut next, "b", Phase::Update, 0.7);
        assert_eq!((integer(&again[0], "count"), again[0].id.as_str()), (2, "door-3"));
        assert!(next.load(Snapshot { schema: 2, data: Vec::new() }).is_err());
    }
}
