//! Which pictures are due for a wished rate. Pure.

/// How often an analyzer wants a picture, in presentation ticks.
#[derive(Clone, Debug)]
pub struct Pacer {
    /// Ticks between pictures; 0 = every picture.
    interval: i64,
    next: Option<i64>,
}

impl Pacer {
    /// At most `fps` pictures a second of a stream with `ticks` a second; 0 = every picture.
    pub fn new(fps: f32, ticks: i64) -> Self {
        let interval = if fps > 0.0 { (ticks as f64 / f64::from(fps)) as i64 } else { 0 };
        Self { interval, next: None }
    }

    /// Whether the picture of this time is due. Times that jump start anew.
    pub fn due(&mut self, pts: i64) -> bool {
        if self.interval == 0 {
            return true;
        }
        // A camera's clock jitters: a picture a little early counts, or every other one of a
        // stream at exactly the wished rate would be missed.
        let slack = self.interval / 8;
        match self.next {
            Some(next) if pts + slack < next && pts + 4 * self.interval > next => false,
            Some(next) if pts - next < self.interval && pts + 4 * self.interval > next => {
                self.next = Some(next + self.interval);
                true
            }
            _ => {
                self.next = Some(pts + self.interval);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(fps: f32, source_fps: i64, jitter: i64) -> usize {
        let mut pacer = Pacer::new(fps, 90_000);
        let ticks = 90_000 / source_fps;
        (0..source_fps * 10)
            .filter(|n| pacer.due(n * ticks + if n % 2 == 0 { jitter } else { -jitter }))
            .count()
    }

    #[test]
    fn keeps_the_wished_rate() {
        for (fps, source, expected) in
            [(5.0, 10, 50), (5.0, 30, 50), (5.0, 5, 50), (5.0, 4, 40), (0.0, 10, 100), (1.0, 25, 10)]
        {
            for jitter in [0, 90] {
                let got = count(fps, source, jitter);
                assert!(got.abs_diff(expected) <= 1, "{fps} of {source}: {got}");
            }
        }
        // 12.5 fps has no even divider of 5 fps: never more than wished, on average.
        assert!(count(5.0, 12, 0) <= 51);
    }

    #[test]
    fn a_jump_starts_anew() {
        let mut pacer = Pacer::new(5.0, 90_000);
        assert!(pacer.due(0));
        assert!(!pacer.due(9_000));
        assert!(pacer.due(90_000_000));
        assert!(!pacer.due(90_009_000));
        assert!(pacer.due(0));
    }
}
