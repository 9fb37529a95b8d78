//! How many days fit into a store: arithmetic of rates.
//!
//! Pure. Under pressure the oldest goes first, whoever recorded it: all cameras of a store share
//! one horizon.

/// What a camera puts into a store: so many bytes a day, of an age from `from` to `to` days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct Demand {
    pub(in super::super) rate: f64,
    pub(in super::super) from: f64,
    /// May be infinite.
    pub(in super::super) to: f64,
}

impl Demand {
    /// Bytes of it where nothing is older than `days`.
    fn bytes(&self, days: f64) -> f64 {
        self.rate * (days.min(self.to) - self.from).max(0.0)
    }
}

fn bytes(demands: &[Demand], days: f64) -> f64 {
    demands.iter().map(|demand| demand.bytes(days)).sum()
}

/// The age at which a full store of `capacity` bytes lets go; `None`: all that is asked for fits.
pub(in super::super) fn horizon(capacity: f64, demands: &[Demand]) -> Option<f64> {
    // No camera is older than a thousand years.
    let (mut low, mut high) = (0.0, 365_000.0);
    if bytes(demands, f64::MAX.min(high)) <= capacity {
        return None;
    }
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if bytes(demands, middle) <= capacity { low = middle } else { high = middle }
    }
    Some(low)
}

/// How many days of one camera's demand fit beside the others, which let go at `days`.
pub(in super::super) fn left_for(
    capacity: f64,
    others: &[Demand],
    days: Option<f64>,
    demand: &Demand,
) -> f64 {
    let others = bytes(others, days.unwrap_or(365_000.0));
    demand.from + (capacity - others).max(0.0) / demand.rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cameras_share_one_horizon() {
        let demand = |rate, from, to| Demand { rate, from, to };
        let endless = f64::INFINITY;
        for (name, capacity, demands, expected) in [
            ("all fits", 700.0, vec![demand(100.0, 0.0, 7.0)], None),
            ("not all", 600.0, vec![demand(100.0, 0.0, 7.0)], Some(6.0)),
            ("no limit by age", 600.0, vec![demand(100.0, 0.0, endless)], Some(6.0)),
            (
                "one asks for less",
                600.0,
                vec![demand(100.0, 0.0, 2.0), demand(100.0, 0.0, 9.0)],
                Some(4.0),
            ),
            (
                "what moves in is older",
                600.0,
                vec![demand(100.0, 2.0, 9.0), demand(100.0, 0.0, 3.0)],
                Some(5.0),
            ),
            ("nothing", 0.0, vec![demand(100.0, 0.0, 9.0)], Some(0.0)),
        ] {
            let got = horizon(capacity, &demands);
            let near = |(a, b): (f64, f64)| (a - b).abs() < 1e-6;
            let same = got.is_some() == expected.is_some() && got.zip(expected).is_none_or(near);
            assert!(same, "{name}: {got:?}");
        }
        let (one, other) = (demand(100.0, 0.0, 3.0), demand(50.0, 0.0, 2.0));
        assert!((left_for(600.0, &[other], None, &one) - 5.0).abs() < 1e-6);
    }
}
