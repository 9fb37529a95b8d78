//! Analyzers: pictures of every size and content that their wish allows, and units.

use super::{Trial, at, inputs};
use crate::base::Timestamp;
use crate::decode::Fit;
use crate::wasm::{Analyzer, Picture, PictureRequest, Unit, Wishes};

pub(super) fn run(trial: &mut Trial<'_>) {
    let blind = Analyzer::new(trial.plugin, trial.config(), &trial.setup_blind(), at(0));
    let _ = trial.made("a camera that was not reached yet", blind);
    let Some((_, wishes)) = made(trial, "beginning") else { return };
    if let Some(request) = wishes.pictures {
        sizes(trial, request);
        contents(trial, request);
        times(trial, request);
    }
    if wishes.units {
        units(trial);
    }
}

fn made(trial: &mut Trial<'_>, case: &'static str) -> Option<(Analyzer, Wishes)> {
    let made = Analyzer::new(trial.plugin, trial.config(), &trial.setup(), at(0));
    trial.made(case, made)
}

fn picture(number: u64, time: Timestamp, (width, height): (u32, u32)) -> Picture {
    Picture { sequence: number, time, width, height, skipped: 0, key: number == 0, gap: false }
}

/// False: the instance is of no further use.
fn look(trial: &mut Trial<'_>, analyzer: &mut Analyzer, picture: Picture, pixels: &[u8]) -> bool {
    let result = analyzer.analyze(picture, pixels);
    trial.note(result, analyzer.last_call())
}

/// The sizes that pictures may have by what was wished for.
fn allowed(request: PictureRequest) -> Vec<(u32, u32)> {
    let largest = (request.max_width, request.max_height);
    match request.fit {
        Fit::Stretch | Fit::Pad => vec![largest],
        Fit::Preserve => {
            let (width, height) = (largest.0 & !1, largest.1 & !1);
            vec![(width, height), (2, 2), (width, 2), (2, height)]
        }
    }
}

fn sizes(trial: &mut Trial<'_>, request: PictureRequest) {
    for size in allowed(request) {
        let Some((mut analyzer, _)) = made(trial, "pictures of odd sizes") else { return };
        let pixels = inputs::noise(request.format.bytes(size.0, size.1));
        for number in 0..3 {
            let picture = picture(number, at(i64::try_from(number).unwrap_or(0)), size);
            if !look(trial, &mut analyzer, picture, &pixels) {
                break;
            }
        }
    }
    // The size changes with the stream, after a gap.
    let Some((mut analyzer, _)) = made(trial, "a stream that changes its size") else { return };
    for (number, size) in (0_u32..).zip(allowed(request)) {
        let pixels = vec![128; request.format.bytes(size.0, size.1)];
        let picture =
            Picture { gap: true, ..picture(u64::from(number), at(i64::from(number)), size) };
        if !look(trial, &mut analyzer, picture, &pixels) {
            break;
        }
    }
}

fn contents(trial: &mut Trial<'_>, request: PictureRequest) {
    let size = allowed(request)[0];
    let count = request.format.bytes(size.0, size.1);
    let stripes = (0..count).map(|at| if at % 2 == 0 { 255 } else { 0 }).collect();
    let all = [vec![0; count], vec![255; count], inputs::noise(count), stripes];
    let Some((mut analyzer, _)) = made(trial, "pictures that flicker") else { return };
    for number in 0_u32..60 {
        let picture = picture(u64::from(number), at(i64::from(number)), size);
        if !look(trial, &mut analyzer, picture, &all[number as usize % all.len()]) {
            break;
        }
    }
}

fn times(trial: &mut Trial<'_>, request: PictureRequest) {
    let size = allowed(request)[0];
    let pixels = inputs::noise(request.format.bytes(size.0, size.1));
    let Some((mut analyzer, _)) = made(trial, "times that jump, gaps and skipped pictures") else {
        return;
    };
    for (number, seconds) in (0_u32..).zip([0, 0, 1, 86_400, 86_400, 31_536_000]) {
        let picture = Picture {
            skipped: if number == 2 { u32::MAX } else { 0 },
            gap: number % 2 == 1,
            sequence: if number == 5 { u64::MAX } else { u64::from(number) },
            ..picture(0, at(seconds), size)
        };
        if !look(trial, &mut analyzer, picture, &pixels) {
            break;
        }
    }
}

fn units(trial: &mut Trial<'_>) {
    let unit = |number: u32, size| Unit {
        time: at(0).offset(i64::from(number) * 1_000),
        size,
        key: number.is_multiple_of(50),
        disposable: number % 3 == 1,
        gap: number % 7 == 6,
    };
    let batches: [Vec<Unit>; 4] = [
        vec![unit(0, 0)],
        vec![unit(1, u32::MAX)],
        (0..1000).map(|number| unit(number, number)).collect(),
        vec![unit(2000, 1), unit(1999, 1)],
    ];
    let Some((mut analyzer, _)) = made(trial, "units of every size") else { return };
    for batch in batches {
        let result = analyzer.observe(&batch);
        if !trial.note(result, analyzer.last_call()) {
            break;
        }
    }
}
