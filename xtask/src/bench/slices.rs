//! Counts the coded slices (H.264 NAL types 1 to 5) in video files, through ffmpeg.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::process;

/// All slices of these files.
pub(crate) fn count(files: &[PathBuf]) -> Result<usize, String> {
    files.iter().map(|file| count_one(file)).sum()
}

fn count_one(file: &Path) -> Result<usize, String> {
    let stream =
        process::run(Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(file).args([
            "-map",
            "0:v",
            "-c",
            "copy",
            "-bsf:v",
            "h264_mp4toannexb",
            "-f",
            "h264",
            "-",
        ]))?;
    let starts = stream.windows(4).filter(|bytes| bytes[..3] == [0, 0, 1]);
    Ok(starts.filter(|bytes| (1..=5).contains(&(bytes[3] & 0x1f))).count())
}

/// The `.mp4` files under a directory.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_path_buf()];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|extension| extension == "mp4") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
