//! Is something moving, and where: pictures in, blobs out. Holds the background through warm-up, flashes
//! and changes of size. Pure: knows pictures and their times, not events.

use wardline_sdk::snapshot::{Reader, Writer};

use crate::cells::{Blob, Cells};
use crate::kernel::{Background, Rate, Step};
use crate::params::{Sensitivity, Settings};

/// Pictures within this time after a reset only teach the background.
const WARM_UP: i64 = 800_000;
/// For so long something may stand still before it is background. A young background is given up
/// sooner, after a quarter of its age: who stood there at the start leaves a ghost, and it must go.
const PATIENCE: i64 = 20_000_000;
const PATIENCE_MIN: i64 = 3_000_000;
/// Every so many pictures the second background fades by a level.
const FADE_EVERY: u32 = 16;
/// A change of so much of the picture is light, not motion: a flash, a lamp, headlights.
const FLASH_SHARE: f32 = 0.5;
/// After so long without a picture the background is not to be trusted.
const FORGOTTEN_AFTER: i64 = 60_000_000;
/// No picture has a longer side: its snapshot would be too large.
const SIDE_MAX: u64 = 320;
/// A flash that lasts is a new light: the background is learned anew.
const FLASH_LASTS: i64 = 1_500_000;

/// What a picture shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Sight {
    /// The background is being learned; nothing can be said.
    WarmUp,
    /// Most of the picture changed at once; nothing can be said.
    Flash,
    /// These blobs moved, largest first; none: nothing did.
    Moving(Vec<Blob>),
}

/// One picture, gray, tightly packed.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Microseconds.
    pub time: i64,
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// `width * height` levels.
    pub pixels: &'a [u8],
}

/// The detector of one camera.
#[derive(Debug, Clone)]
pub struct Motion {
    settings: Settings,
    scene: Option<Scene>,
}

/// What is known of the scene since the last reset.
#[derive(Debug, Clone)]
struct Scene {
    width: usize,
    height: usize,
    background: Background,
    cells: Cells,
    learning_since: Option<i64>,
    flash_since: Option<i64>,
    moving: bool,
    pictures: u32,
    /// When the first picture was taken, and the last.
    born: i64,
    last: i64,
}

impl Motion {
    /// Sees nothing until it has a background.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, scene: None }
    }

    /// The parameters in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Other parameters; the background stays.
    pub fn set(&mut self, settings: Settings) {
        if let Some(scene) = &mut self.scene {
            scene.cells = cells(&settings, scene.width, scene.height);
        }
        self.settings = settings;
    }

    /// Forgets the background.
    pub fn forget(&mut self) {
        self.scene = None;
    }

    /// Writes all that is known of the scene.
    pub fn save(&self, to: &mut Writer) {
        to.byte(u8::from(self.scene.is_some()));
        let Some(scene) = &self.scene else { return };
        to.count(scene.width as u64);
        to.count(scene.height as u64);
        to.maybe_time(scene.learning_since);
        to.maybe_time(scene.flash_since);
        to.byte(u8::from(scene.moving));
        to.count(u64::from(scene.pictures));
        to.time(scene.born);
        to.time(scene.last);
        scene.background.save(to);
    }

    /// Goes on exactly where another stopped, with the parameters of this one.
    ///
    /// # Errors
    /// What is read contradicts itself; nothing is changed.
    pub fn load(&mut self, from: &mut Reader<'_>) -> Result<(), String> {
        if from.byte()? == 0 {
            self.scene = None;
            return Ok(());
        }
        let mut side = || from.small(SIDE_MAX).map(|side| side as usize);
        let (width, height) = (side()?, side()?);
        let learning_since = from.maybe_time()?;
        let flash_since = from.maybe_time()?;
        let moving = from.byte()? != 0;
        let pictures = from.small(u64::from(u32::MAX))?;
        let (born, last) = (from.time()?, from.time()?);
        let background = Background::load(width * height, from)?;
        let cells = cells(&self.settings, width, height);
        self.scene = Some(Scene {
            width,
            height,
            background,
            cells,
            learning_since,
            flash_since,
            moving,
            pictures,
            born,
            last,
        });
        Ok(())
    }

    /// Looks at one picture, in order of time. Its pixels must be `width * height`; one without
    /// pixels shows nothing.
    pub fn look(&mut self, frame: Frame<'_>) -> Sight {
        let Frame { time, width, height, pixels } = frame;
        if pixels.is_empty() || pixels.len() != width * height {
            return Sight::WarmUp;
        }
        let scene = match &mut self.scene {
            Some(scene) if scene.goes_on(frame) => scene,
            _ => {
                self.scene = Some(Scene::new(&self.settings, frame));
                return Sight::WarmUp;
            }
        };
        let warming =
            scene.learning_since.is_some_and(|since| time < since.saturating_add(WARM_UP));
        scene.pictures = scene.pictures.saturating_add(1);
        let step = Step {
            threshold: self.settings.sensitivity.threshold(),
            rate: if warming {
                Rate::Fast
            } else if scene.moving {
                Rate::Slow
            } else {
                Rate::Usual
            },
            patience: if warming { 1 } else { scene.patience(time) },
            quiet: !scene.moving,
            fade: scene.pictures.is_multiple_of(FADE_EVERY),
        };
        let changed = scene.background.look(pixels, step);
        scene.last = time;
        if warming {
            return Sight::WarmUp;
        }
        scene.learning_since = None;
        if changed as f32 > FLASH_SHARE * pixels.len() as f32 {
            let since = *scene.flash_since.get_or_insert(time);
            if time.saturating_sub(since) >= FLASH_LASTS {
                self.scene = Some(Scene::new(&self.settings, frame));
            }
            return Sight::Flash;
        }
        scene.flash_since = None;
        let pixels_min = (self.settings.minimum_size * pixels.len() as f32).ceil() as u32;
        let blobs = if changed < pixels_min.max(1) {
            Vec::new()
        } else {
            scene.cells.blobs(scene.background.changes(), pixels_min)
        };
        scene.moving = !blobs.is_empty();
        let blobs: Vec<Blob> = blobs.into_iter().filter(Blob::is_alive).collect();
        Sight::Moving(blobs)
    }
}

impl Scene {
    fn new(settings: &Settings, frame: Frame<'_>) -> Self {
        Self {
            width: frame.width,
            height: frame.height,
            background: Background::new(frame.pixels),
            cells: cells(settings, frame.width, frame.height),
            learning_since: Some(frame.time),
            flash_since: None,
            moving: false,
            pictures: 0,
            born: frame.time,
            last: frame.time,
        }
    }

    fn goes_on(&self, frame: Frame<'_>) -> bool {
        let pause = frame.time.saturating_sub(self.last);
        (self.width, self.height) == (frame.width, frame.height) && pause <= FORGOTTEN_AFTER
    }

    /// In pictures, at the rate at which they come.
    fn patience(&self, now: i64) -> u8 {
        let age = now.saturating_sub(self.born);
        let interval = now.saturating_sub(self.last).clamp(10_000, 2_000_000);
        ((age / 4).clamp(PATIENCE_MIN, PATIENCE) / interval).clamp(2, 255) as u8
    }
}

fn cells(settings: &Settings, width: usize, height: usize) -> Cells {
    Cells::new(width, height, |x, y| settings.zones_at(x, y))
}

impl Sensitivity {
    /// Levels that a pixel must differ, beside its own noise.
    fn threshold(self) -> u8 {
        match self {
            Self::Low => 28,
            Self::Medium => 18,
            Self::High => 11,
        }
    }
}

#[cfg(test)]
mod tests;
