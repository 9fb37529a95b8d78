//! Whether a picture is bright, and since when. Pure.

/// What there is to say of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It has become bright.
    On,
    /// It still is: what is not renewed within 5 s, the host ends.
    Still,
    /// It is no more.
    Off,
}

/// Follows the pictures of one camera.
pub(crate) struct Light {
    level: u8,
    count: u64,
    on: bool,
}

impl Light {
    /// Bright is what has at least this mean level.
    pub(crate) fn new(level: u8) -> Self {
        Self { level, count: 0, on: false }
    }

    /// Nothing is known of what was.
    pub(crate) fn forget(&mut self) {
        self.on = false;
    }

    /// What to say of a picture of grey pixels, with the number of the bright time that it is of.
    pub(crate) fn look(&mut self, pixels: &[u8]) -> Option<(u64, Said)> {
        let sum: u64 = pixels.iter().map(|&level| u64::from(level)).sum();
        let bright = sum >= u64::from(self.level) * pixels.len() as u64;
        let said = match (self.on, bright) {
            (false, false) => return None,
            (false, true) => Said::On,
            (true, true) => Said::Still,
            (true, false) => Said::Off,
        };
        self.count += u64::from(said == Said::On);
        self.on = bright;
        Some((self.count, said))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_is_renewed_and_ends() {
        let mut light = Light::new(100);
        let mut look = |level| light.look(&[level; 12]);
        assert_eq!(look(99), None);
        assert_eq!(look(100), Some((1, Said::On)));
        assert_eq!(look(255), Some((1, Said::Still)));
        assert_eq!(look(0), Some((1, Said::Off)));
        assert_eq!(look(200), Some((2, Said::On)));
    }

    #[test]
    fn after_a_gap_it_begins_anew() {
        let mut light = Light::new(100);
        light.look(&[200; 12]);
        light.forget();
        assert_eq!(light.look(&[200; 12]), Some((2, Said::On)));
    }
}
