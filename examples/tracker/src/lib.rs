//! Follows what moves: hears a motion analyzer and says which of its blobs are the same thing, as
//! events of kind `track`. Looks at no picture itself.

pub mod tracks;

use wardline_sdk::{
    Analyzer, Area, Attribute, Event, Fault, Listener, Notice, Phase, Picture, Region, Setup,
    Wishes, params, plugin,
};

use tracks::{Change, Settings, Track, Tracks};

/// One camera's tracker.
pub struct Tracker {
    settings: Settings,
    tracks: Tracks,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Params {
    reach: f32,
    confirm: u32,
    lost_after: params::Duration,
}

plugin!(Tracker: analyzer, listener);

impl Analyzer for Tracker {
    fn init(setup: &Setup) -> Result<(Self, Wishes), Fault> {
        let Params { reach, confirm, lost_after } = params::parse(&setup.params)?;
        let settings = Settings { reach, confirm, lost_after: lost_after.micros() };
        let wishes = Wishes { pictures: None, units: false };
        Ok((Self { settings, tracks: Tracks::default() }, wishes))
    }

    fn analyze(&mut self, _: &Picture, _: &[u8]) -> Result<Vec<Event>, Fault> {
        Ok(Vec::new())
    }
}

impl Listener for Tracker {
    fn on_events(&mut self, notices: &[Notice]) -> Result<Vec<Event>, Fault> {
        let mut changes = Vec::new();
        for Notice { event, .. } in notices {
            if event.phase == Phase::End {
                changes.extend(self.tracks.end(&self.settings));
                continue;
            }
            let blobs: Vec<Area> = event.regions.iter().map(|region| region.area).collect();
            changes.extend(self.tracks.see(&blobs, event.time, &self.settings));
        }
        Ok(changes.into_iter().map(said).collect())
    }
}

fn said(change: Change) -> Event {
    let (phase, track) = match change {
        Change::Begun(track) => (Phase::Begin, track),
        Change::Moved(track) => (Phase::Update, track),
        Change::Lost(track) => (Phase::End, track),
    };
    let Track { number, area, seen, .. } = track;
    let mut event = Event::new(number.to_string(), "track", phase, seen);
    event.regions = vec![Region { area, label: None, confidence: 1.0, track: Some(number) }];
    event.attributes = vec![Attribute::integer("track", number.cast_signed())];
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    fn motion(phase: Phase, seconds: i64, x: f32) -> Notice {
        let mut event = Event::new("gate/motion/1/1", "motion", phase, seconds * 1_000_000);
        let area = Area { x, y: 0.4, width: 0.1, height: 0.2 };
        event.regions = vec![Region { area, label: None, confidence: 1.0, track: None }];
        let (camera, origin, received) = ("gate".into(), "motion".into(), event.time);
        Notice { event, camera, origin, received, sequence: 1 }
    }

    #[test]
    fn motion_becomes_tracks() {
        let params = r#"{"reach":0.3,"confirm":2,"lost-after":"2s"}"#.to_owned();
        let (name, camera) = ("tracker".to_owned(), Some("gate".to_owned()));
        let setup = Setup { name, camera, video: None, params, attributes: Vec::new() };
        let (mut tracker, wishes) = Tracker::init(&setup).unwrap();
        assert!(wishes.pictures.is_none() && !wishes.units);
        let mut said = |notice| tracker.on_events(&[notice]).unwrap();
        assert_eq!(said(motion(Phase::Begin, 1, 0.1)).len(), 0);
        for (phase, seconds, x, expected) in [
            (Phase::Update, 2, 0.2, Phase::Begin),
            (Phase::Update, 3, 0.3, Phase::Update),
            (Phase::End, 4, 0.3, Phase::End),
        ] {
            let events = said(motion(phase, seconds, x));
            let [event] = &events[..] else { panic!("{events:?}") };
            assert_eq!((event.phase, event.id.as_str()), (expected, "1"));
            assert_eq!(event.regions[0].track, Some(1));
            assert_eq!(event.time, seconds.min(3) * 1_000_000, "when it was last seen");
        }
    }
}
