//! Access units on their way to analyzers that come and go.

use tokio::sync::mpsc;

use super::scene;
use crate::analyze::{UnitTaps, UnitTee};
use crate::base::Timestamp;
use crate::wasm;

/// Of each batch that waits: how many units, and which of them continue nothing.
fn taken(queue: &mut mpsc::Receiver<Vec<wasm::Unit>>) -> Vec<(usize, Vec<usize>)> {
    let about = |batch: Vec<wasm::Unit>| {
        let gaps = batch.iter().enumerate().filter(|(_, unit)| unit.gap).map(|(at, _)| at);
        (batch.len(), gaps.collect())
    };
    std::iter::from_fn(|| queue.try_recv().ok()).map(about).collect()
}

#[tokio::test(start_paused = true)]
async fn only_who_is_slow_is_told_of_a_gap() {
    let taps = UnitTaps::default();
    let mut tee = UnitTee::new(taps.clone());
    let units = scene(45, Timestamp::ZERO);
    let (one, mut quick) = mpsc::channel(4);
    let (other, mut slow) = mpsc::channel(1);
    taps.add(one);
    taps.add(other);
    units[..31].iter().for_each(|unit| tee.video(unit));
    assert_eq!(taken(&mut quick), [(10, vec![0]), (10, vec![]), (10, vec![])]);
    assert_eq!(taken(&mut slow), [(10, vec![0])]);
    units[31..].iter().for_each(|unit| tee.video(unit));
    assert_eq!(taken(&mut quick), [(10, vec![])]);
    assert_eq!(taken(&mut slow), [(10, vec![0])], "two batches are missing before it");
}

#[tokio::test(start_paused = true)]
async fn who_comes_later_begins_with_a_gap_and_who_goes_is_forgotten() {
    let taps = UnitTaps::default();
    let mut tee = UnitTee::new(taps.clone());
    let units = scene(40, Timestamp::ZERO);
    units[..5].iter().for_each(|unit| tee.video(unit));
    let (one, mut first) = mpsc::channel(4);
    taps.add(one);
    units[5..16].iter().for_each(|unit| tee.video(unit));
    assert_eq!(taken(&mut first), [(10, vec![0])]);
    drop(first);
    units[16..30].iter().for_each(|unit| tee.video(unit));
    assert_eq!(taps.count(), 0);
}
