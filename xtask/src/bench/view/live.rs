//! A viewer of `live.mp4`: how long after a picture has come from the camera it has all of it.

use std::io::Read as _;
use std::process::Command;
use std::time::Instant;

use super::fetch::Connection;
use crate::bench::process;

/// What a viewer has seen.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) bytes: u64,
    /// From the time of a fragment's first picture to when all of it had come, in milliseconds.
    pub(super) delays: Vec<f64>,
}

/// Looks at a camera until then.
pub(super) fn watch(address: &str, camera: &str, until: Instant) -> Result<Seen, String> {
    let path = format!("/api/v1/cameras/{camera}/live.mp4");
    let begun = Connection::to(address)?.begin(&path)?;
    let start = begun.head.lines().find_map(|line| line.strip_prefix("x-wardline-start: "));
    let zero = seconds(start.ok_or("live.mp4 does not say when it starts")?)?;
    let (mut body, mut seen, mut ticks) = (begun.body, Seen::default(), None);
    let mut time = None;
    while process::now() < until {
        let mut header = [0; 8];
        if body.read_exact(&mut header).is_err() {
            return Err(format!("live.mp4 of {camera} ended"));
        }
        let size = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
        let mut content = vec![0; size.saturating_sub(8) as usize];
        body.read_exact(&mut content).map_err(|error| format!("GET {path}: {error}"))?;
        seen.bytes += u64::from(size);
        match &header[4..] {
            b"moov" => ticks = timescale(&content),
            b"moof" => time = decode_time(&content),
            b"mdat" => {
                let (Some(time), Some(ticks)) = (time, ticks) else {
                    return Err("live.mp4 has a fragment without a time".into());
                };
                seen.delays.push((process::wall() - zero - time as f64 / ticks) * 1000.0);
            }
            _ => {}
        }
    }
    Ok(seen)
}

/// Seconds since 1970 of an RFC 3339 time.
fn seconds(time: &str) -> Result<f64, String> {
    let text = process::run(Command::new("date").args(["--utc", "--date", time, "+%s.%N"]))?;
    let text = String::from_utf8_lossy(&text);
    text.trim().parse().map_err(|_| format!("`{time}` is no time"))
}

/// The content of the first box with this path of kinds (ISO/IEC 14496-12, 4.2).
fn find<'a>(mut content: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    let Some((kind, path)) = path.split_first() else { return Some(content) };
    while let Some((size, rest)) = content.split_first_chunk::<4>() {
        let size = u32::from_be_bytes(*size) as usize;
        if rest.get(..4)? == *kind {
            return find(content.get(8..size)?, path);
        }
        content = content.get(size.max(8)..)?;
    }
    None
}

/// Ticks a second of the first track (8.4.2).
fn timescale(moov: &[u8]) -> Option<f64> {
    let header = find(moov, &[b"trak", b"mdia", b"mdhd"])?;
    let at = if *header.first()? == 0 { 12 } else { 20 };
    let ticks = header.get(at..)?.first_chunk::<4>()?;
    Some(f64::from(u32::from_be_bytes(*ticks)))
}

/// Of the first track in a fragment (8.8.12).
fn decode_time(moof: &[u8]) -> Option<u64> {
    let time = find(moof, &[b"traf", b"tfdt"])?;
    Some(match *time.first()? {
        0 => u32::from_be_bytes(*time.get(4..)?.first_chunk()?).into(),
        _ => u64::from_be_bytes(*time.get(4..)?.first_chunk()?),
    })
}
