//! Polygons in parts (0..1) of the picture, as zones and masks are drawn. Pure.

use serde::Deserialize;

/// Corners in order, at least three, each `[x, y]` with the origin top left.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Polygon(Vec<[f32; 2]>);

impl Polygon {
    /// Refuses what encloses nothing or leaves the picture.
    ///
    /// # Errors
    /// What is wrong, without the polygon's name.
    pub fn check(&self) -> Result<(), String> {
        if self.0.len() < 3 {
            return Err(format!("has {} corners: three or more are needed", self.0.len()));
        }
        match self.0.iter().flatten().find(|part| !(0.0..=1.0).contains(*part)) {
            Some(outside) => Err(format!(
                "has a corner at {outside}: coordinates are parts of the picture, 0 to 1"
            )),
            None => Ok(()),
        }
    }

    /// Even-odd rule: a ray to the left crosses the outline an odd number of times.
    #[must_use]
    pub fn contains(&self, x: f32, y: f32) -> bool {
        let next = self.0.iter().cycle().skip(1);
        self.0.iter().zip(next).fold(false, |inside, (&[x1, y1], &[x2, y2])| {
            let crosses = (y1 > y) != (y2 > y) && x > x1 + (y - y1) / (y2 - y1) * (x2 - x1);
            inside != crosses
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_and_outside() {
        let corner = Polygon(vec![[0.5, 0.5], [1.0, 0.5], [1.0, 1.0], [0.5, 1.0]]);
        let arrow = Polygon(vec![[0.0, 0.0], [1.0, 0.0], [0.5, 0.5], [1.0, 1.0], [0.0, 1.0]]);
        for (polygon, x, y, expected) in [
            (&corner, 0.75, 0.75, true),
            (&corner, 0.25, 0.75, false),
            (&corner, 0.75, 0.25, false),
            (&arrow, 0.25, 0.5, true),
            (&arrow, 0.75, 0.5, false),
            (&arrow, 0.75, 0.1, true),
        ] {
            assert_eq!(polygon.contains(x, y), expected, "{polygon:?} {x} {y}");
        }
    }

    #[test]
    fn what_encloses_nothing_is_refused() {
        for (corners, expected) in [
            (vec![[0.0, 0.0], [1.0, 0.0]], Err(())),
            (vec![[0.0, 0.0], [1.0, 0.0], [1.0, 640.0]], Err(())),
            (vec![[0.0, 0.0], [1.0, 0.0], [f32::NAN, 1.0]], Err(())),
            (vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]], Ok(())),
        ] {
            assert_eq!(Polygon(corners.clone()).check().map_err(|_| ()), expected, "{corners:?}");
        }
    }
}
