//! The files of a day, as they lie on disk, sent by Wardline and by nginx; then the same video as the
//! pieces of its playlist, which nginx could not send. Bytes a second of processor time.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::day::{Archive, EVER};
use super::fetch::Connection;
use crate::bench::process::{self, Contender};
use crate::bench::record::fresh;
use crate::bench::{Bench, slices};

/// Clients at a time.
const CLIENTS: usize = 4;

/// Prints a table.
pub(super) fn run(bench: &Bench<'_>, archive: &Archive) -> Result<(), String> {
    let files = slices::files(&archive.store);
    process::say("| who sends | what | GB | GB a second of CPU |");
    process::say("|---|---|---|---|");
    let mut ours = Connection::to(&archive.address)?;
    let playlist = ours.get(&format!("/api/v1/cameras/day/playback.m3u8?{EVER}"))?;
    let text = String::from_utf8_lossy(&playlist.body);
    let pieces: Vec<&str> = text.lines().filter(|line| line.ends_with(".m4s")).collect();
    let mut urls: Vec<String> = pieces.iter().filter_map(|piece| file(piece)).collect();
    urls.dedup();
    if urls.len() != files.len() {
        return Err(format!("void: {} files on disk, {} in the playlist", files.len(), urls.len()));
    }
    let (address, pid) = (archive.address.as_str(), archive.host.id());
    let sent = row("wardline", "files", address, pid, &urls)?;
    let pieces: Vec<String> =
        pieces.iter().map(|piece| format!("/api/v1/cameras/day/{piece}")).collect();
    row("wardline", "pieces of a playlist", address, pid, &pieces)?;
    if !crate::step::is_installed("nginx") {
        process::say("skipped: nginx is not installed");
        return Ok(());
    }
    let (nginx, address) = nginx(bench, &archive.store)?;
    let paths: Vec<String> = files
        .iter()
        .filter_map(|file| file.strip_prefix(&archive.store).ok())
        .map(|file| format!("/{}", file.display()))
        .collect();
    let theirs = row("nginx, one process, sendfile", "files", &address, nginx.id(), &paths)?;
    nginx.end();
    process::say(&format!("ratio {:.2}", sent / theirs));
    Ok(())
}

/// Fetches all of `paths`, prints the row, and gives gigabytes a second of processor time.
fn row(who: &str, what: &str, address: &str, pid: u32, paths: &[String]) -> Result<f64, String> {
    let before = process::usage_of(pid).ok_or("it has ended")?.cpu_seconds;
    let counts: Vec<Result<u64, String>> = std::thread::scope(|scope| {
        let client = |client: usize| {
            move || {
                let mut connection = Connection::to(address)?;
                let paths = paths.iter().skip(client).step_by(CLIENTS);
                paths.map(|path| connection.count(path)).sum::<Result<u64, String>>()
            }
        };
        let clients: Vec<_> = (0..CLIENTS).map(|number| scope.spawn(client(number))).collect();
        let ended = |client: std::thread::ScopedJoinHandle<'_, _>| {
            client.join().unwrap_or_else(|_| Err("a client panicked".into()))
        };
        clients.into_iter().map(ended).collect()
    });
    let bytes: u64 = counts.into_iter().sum::<Result<_, _>>()?;
    let seconds = process::usage_of(pid).ok_or("it has ended")?.cpu_seconds - before;
    let gigabytes = bytes as f64 / 1e9;
    process::say(&format!("| {who} | {what} | {gigabytes:.2} | {:.2} |", gigabytes / seconds));
    Ok(gigabytes / seconds)
}

/// Where the file that a piece (`hls/SEQUENCE/NAME`) is of is to be had.
fn file(piece: &str) -> Option<String> {
    let sequence = piece.split('/').nth(1)?;
    Some(format!("/api/v1/segments/day/{sequence}.mp4"))
}

/// In one process, so that all it uses is seen.
fn nginx(bench: &Bench<'_>, root: &std::path::Path) -> Result<(Contender, String), String> {
    let folder = fresh(bench, "nginx")?;
    let config: PathBuf = folder.join("nginx.conf");
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map_err(|error| format!("find a port for nginx: {error}"))?
        .port();
    let at = folder.display();
    let text = format!(
        "daemon off;\nmaster_process off;\npid {at}/pid;\nerror_log {at}/error.log;\n\
         events {{}}\nhttp {{\naccess_log off;\nsendfile on;\ntcp_nopush on;\n\
         keepalive_requests 1000000;\nserver {{ listen 127.0.0.1:{port}; root {}; }}\n}}\n",
        root.display()
    );
    std::fs::write(&config, text).map_err(|e| format!("write {}: {e}", config.display()))?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(&folder).arg("-c").arg(&config);
    let nginx = Contender::start(&mut command, &folder.join("log"))?;
    let address = format!("127.0.0.1:{port}");
    let patience = process::now() + Duration::from_secs(10);
    while Connection::to(&address).is_err() {
        if process::now() > patience {
            return Err(format!("nginx does not listen: see {at}"));
        }
        process::pause(50);
    }
    Ok((nginx, address))
}
