//! Sixteen cameras being recorded, without and with twenty viewers: half of them live, half of them
//! jumping about in what was recorded.

use std::time::{Duration, Instant};

use super::fetch::Connection;
use super::{day, live, show};
use crate::bench::feed::{self, Server};
use crate::bench::process::{self, Usage};
use crate::bench::record::{self, fresh, must_hold};
use crate::bench::{Bench, slices};

const CAMERAS: usize = 16;
const LIVE: usize = 10;
const SEEKING: usize = 10;

/// Sessions have begun by then, and something is recorded.
const BEFORE: Duration = Duration::from_secs(8);

/// Viewers look for so long, within the feed.
const LOOKING: Duration = Duration::from_secs(45);

/// Pieces (of six seconds at most) that one sees after a jump, and the pause before the next.
const PIECES: usize = 5;
const PAUSE_MILLIS: u64 = 1000;

/// Prints what the viewers cost.
pub(super) fn run(bench: &Bench<'_>) -> Result<(), String> {
    let clip = feed::full_hd(bench)?;
    let expected = slices::count(std::slice::from_ref(&clip))? * CAMERAS;
    let (alone, _) = round(bench, &clip, expected, false)?;
    let (together, seen) = round(bench, &clip, expected, true)?;
    let gigabytes = seen.bytes as f64 / 1e9;
    let more = together.cpu_seconds - alone.cpu_seconds;
    process::say(&format!(
        "{CAMERAS} cameras, every slice recorded: {:.1} CPU s and {:.1} MB alone, {:.1} CPU s and \
         {:.1} MB with {LIVE} live and {SEEKING} seeking viewers, who were sent {gigabytes:.2} GB \
         ({:.2} GB a second of CPU)",
        alone.cpu_seconds,
        alone.peak_bytes as f64 / 1e6,
        together.cpu_seconds,
        together.peak_bytes as f64 / 1e6,
        gigabytes / more,
    ));
    let Seen { mut delays, mut seeks, .. } = seen;
    show(&format!("live: {} pictures, from coming in to a viewer", delays.len()), &mut delays);
    show(&format!("seek among them, {} jumps: playlist and first byte", seeks.len()), &mut seeks);
    Ok(())
}

#[derive(Default)]
struct Seen {
    bytes: u64,
    delays: Vec<f64>,
    seeks: Vec<f64>,
}

impl Seen {
    fn and(mut self, other: Self) -> Self {
        self.bytes += other.bytes;
        self.delays.extend(other.delays);
        self.seeks.extend(other.seeks);
        self
    }
}

fn round(
    bench: &Bench<'_>,
    clip: &std::path::Path,
    expected: usize,
    looked_at: bool,
) -> Result<(Usage, Seen), String> {
    let server = Server::start(bench.root, clip)?;
    let directory = fresh(bench, "crowd")?;
    let host = record::host(bench, &directory, &server.url, CAMERAS)?;
    let begun = process::now();
    let address = day::address(&directory.join("log"))?;
    let (usage, seen) = std::thread::scope(|scope| {
        let viewers =
            scope.spawn(|| if looked_at { crowd(&address, begun) } else { Ok(Seen::default()) });
        let usage = process::watch(vec![host], record::length());
        (usage, viewers.join().unwrap_or_else(|_| Err("the viewers panicked".into())))
    });
    must_hold("wardline", &directory, expected)?;
    Ok((usage, seen?))
}

fn crowd(address: &str, begun: Instant) -> Result<Seen, String> {
    process::pause(BEFORE.as_millis() as u64);
    let until = begun + BEFORE + LOOKING;
    std::thread::scope(|scope| {
        let live = (0..LIVE).map(|number| {
            scope.spawn(move || {
                let seen = live::watch(address, &format!("c{number}"), until)?;
                Ok(Seen { bytes: seen.bytes, delays: seen.delays, seeks: Vec::new() })
            })
        });
        let mut viewers: Vec<_> = live.collect();
        viewers
            .extend((0..SEEKING).map(|number| scope.spawn(move || seek(address, number, until))));
        viewers.into_iter().try_fold(Seen::default(), |all, viewer| {
            let seen: Result<Seen, String> =
                viewer.join().unwrap_or_else(|_| Err("a viewer panicked".into()));
            Ok(all.and(seen?))
        })
    })
}

/// Jumps to random moments of random cameras.
fn seek(address: &str, number: usize, until: Instant) -> Result<Seen, String> {
    let mut connection = Connection::to(address)?;
    let (mut seen, mut random) = (Seen::default(), day::Random(number as u64 + 1));
    while process::now() < until {
        let camera = format!("c{}", random.below(CAMERAS));
        let playlist =
            connection.get(&format!("/api/v1/cameras/{camera}/playback.m3u8?{}", day::EVER))?;
        seen.bytes += playlist.body.len() as u64;
        let text = String::from_utf8_lossy(&playlist.body);
        let pieces: Vec<&str> = text.lines().filter(|line| line.ends_with(".m4s")).collect();
        let at = random.below(pieces.len());
        for (nth, piece) in pieces.iter().skip(at).take(PIECES).enumerate() {
            let piece = connection.get(&format!("/api/v1/cameras/{camera}/{piece}"))?;
            seen.bytes += piece.body.len() as u64;
            if nth == 0 {
                seen.seeks.push(playlist.whole + piece.first);
            }
        }
        process::pause(PAUSE_MILLIS);
    }
    Ok(seen)
}
