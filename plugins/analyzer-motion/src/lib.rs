//! Motion in the picture: the glue between the contract and the algorithm. Asks for small gray pictures
//! at 5 a second, gives events of kind `motion` with the largest blobs as regions.

pub mod params;
pub mod polygon;
pub mod kernel;
pub mod cells;
pub mod motion;
pub mod report;

use wardline_sdk::snapshot::{Reader, Writer, make_room};
use wardline_sdk::{
    Analyzer, Area, Attribute, Event, Fault, Fit, Pace, Phase, Picture, PictureRequest,
    PixelFormat, Reconfigure, Region, Setup, Snapshot, State, Wishes, plugin,
};

use cells::Blob;
use motion::{Frame, Motion};
use params::Settings;
use report::{Report, Reporter};

/// Enough to see a person far away, and 1/30 of the pixels of a full picture.
const WIDTH_MAX: u32 = 320;
const HEIGHT_MAX: u32 = 180;
/// The layout of what [`State::save`] gives: motions begun, where in its life the present one is, and
/// all that is known of the scene. With 320 x 180 pixels it takes 0.5 of the 1 MiB there is.
const SCHEMA: u32 = 2;
/// The hysteresis of `report.rs` is made for this.
const PICTURES_PER_SECOND: f32 = 5.0;

/// One camera's analyzer.
pub struct MotionAnalyzer {
    motion: Motion,
    reporter: Reporter,
    /// Numbers the motions of this run.
    begun: u64,
}

plugin!(MotionAnalyzer: analyzer, state, reconfigure);

impl MotionAnalyzer {
    /// An analyzer with these parameters.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { motion: Motion::new(settings), reporter: Reporter::default(), begun: 0 }
    }

    fn event(&mut self, report: Report, picture: &Picture) -> Event {
        let settings = self.motion.settings();
        let (phase, time, blobs, zones) = match report {
            Report::Begin { time, blobs } => {
                self.begun += 1;
                (Phase::Begin, time, blobs, 0)
            }
            Report::Update { time, blobs } => (Phase::Update, time, blobs, 0),
            Report::End { time, largest, zones } => (Phase::End, time, vec![largest], zones),
        };
        let zones = blobs.iter().fold(zones, |bits, blob| bits | blob.zones);
        let score = |blob: &Blob| score(blob, picture, settings.minimum_size);
        let mut event = Event::new(self.begun.to_string(), "motion", phase, time);
        event.confidence = blobs.first().map_or(0.5, score);
        event.regions = blobs
            .iter()
            .map(|blob| Region {
                area: area(blob, picture),
                label: None,
                confidence: score(blob),
                track: None,
            })
            .collect();
        event
            .attributes
            .extend(settings.zone_names(zones).map(|names| Attribute::text("zone", names)));
        event
    }
}

impl Analyzer for MotionAnalyzer {
    fn init(setup: &Setup) -> Result<(Self, Wishes), Fault> {
        let pictures = PictureRequest {
            format: PixelFormat::Gray8,
            max_width: WIDTH_MAX,
            max_height: HEIGHT_MAX,
            fit: Fit::Preserve,
            pace: Pace::Fps(PICTURES_PER_SECOND),
        };
        let wishes = Wishes { pictures: Some(pictures), units: false };
        make_room((kernel::BYTES.0 + kernel::BYTES.1) * (WIDTH_MAX * HEIGHT_MAX) as usize);
        Ok((Self::new(Settings::read(&setup.params)?), wishes))
    }

    fn analyze(&mut self, picture: &Picture, pixels: &[u8]) -> Result<Vec<Event>, Fault> {
        if picture.gap {
            // The host has ended what was open.
            self.motion.forget();
            self.reporter = Reporter::default();
        }
        let frame = Frame {
            time: picture.time,
            width: picture.width as usize,
            height: picture.height as usize,
            pixels,
        };
        let sight = self.motion.look(frame);
        let settings = self.motion.settings();
        let pace = report::Pace {
            minimum_duration: settings.minimum_duration.micros(),
            aggregation: settings.aggregation.micros(),
        };
        let report = self.reporter.see(picture.time, sight, pace);
        Ok(report.map(|report| self.event(report, picture)).into_iter().collect())
    }
}

impl State for MotionAnalyzer {
    fn save(&mut self) -> Result<Snapshot, String> {
        let mut state = Writer::default();
        state.count(self.begun);
        self.reporter.save(&mut state);
        self.motion.save(&mut state);
        Ok(Snapshot { schema: SCHEMA, data: state.into_bytes() })
    }

    fn load(&mut self, snapshot: Snapshot) -> Result<(), String> {
        if snapshot.schema != SCHEMA {
            return Err(format!("schema {} is not {SCHEMA}", snapshot.schema));
        }
        let mut state = Reader::new(&snapshot.data);
        let mut new = Self::new(self.motion.settings().clone());
        new.begun = state.count()?;
        new.reporter.load(&mut state)?;
        new.motion.load(&mut state)?;
        state.end()?;
        *self = new;
        Ok(())
    }
}

impl Reconfigure for MotionAnalyzer {
    fn set_params(&mut self, params: &str) -> Result<(), Fault> {
        self.motion.set(Settings::read(params)?);
        Ok(())
    }
}

/// 0.5 for a blob that is just large enough, towards 1 for larger ones.
fn score(blob: &Blob, picture: &Picture, minimum_size: f32) -> f32 {
    let size = blob.pixels as f32 / (picture.width * picture.height).max(1) as f32;
    (size / (size + minimum_size)).clamp(0.0, 1.0)
}

fn area(blob: &Blob, picture: &Picture) -> Area {
    let (width, height) = (picture.width.max(1) as f32, picture.height.max(1) as f32);
    Area {
        x: blob.left as f32 / width,
        y: blob.top as f32 / height,
        width: (blob.right - blob.left) as f32 / width,
        height: (blob.bottom - blob.top) as f32 / height,
    }
}

#[cfg(test)]
mod tests;
