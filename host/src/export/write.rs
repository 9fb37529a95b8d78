//! The files of an export on their way to the disk: beside their place, synced, then renamed.
//!
//! What is not finished is removed, whatever ends it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::film::{Film, Scene};
use super::sources::Held;
use super::{Gaps, Order, Progress, Setting, Written, cancelled};
use crate::base::{Error, Result};
use crate::ingest::packet::VIDEO_TICKS;
use crate::record::movie;
use crate::store::fs::{File, Fs};
use crate::store::layout;

/// Bytes that are copied at a time: whoever follows is told, and may end it, between them.
const STEP: usize = 1 << 20;

/// Cuts that are told in a file's comment.
const CUTS_TOLD: usize = 32;

/// Files that are removed unless they are finished.
struct Parts<'f> {
    fs: &'f Arc<dyn Fs>,
    /// Where each lies, and where it belongs.
    paths: Vec<(PathBuf, PathBuf)>,
}

impl Drop for Parts<'_> {
    fn drop(&mut self) {
        for (part, _) in &self.paths {
            // It may have been renamed, or never made; the disk may be gone.
            let _ = self.fs.unlink(part);
        }
    }
}

/// Refuses a place inside a store, and one that is no place.
pub(super) fn check_place(setting: &Setting<'_>, out: &Path) -> Result<()> {
    let folder = folder(out);
    let real = setting.fs.canonical(folder).map_err(|error| {
        Error::refuse(format!("write to {}: is there such a directory?", folder.display()))
            .with(error)
    })?;
    if out.file_name().is_none() {
        return Err(Error::refuse(format!("{} is not the name of a file", out.display())));
    }
    let roots = setting.reader.roots();
    let contains =
        |folder: &Path| setting.fs.canonical(folder).is_ok_and(|folder| real.starts_with(folder));
    // The store's own place for exports is no place for anything else.
    let inside = roots.iter().find(|root| contains(root) && !contains(&root.join(layout::EXPORTS)));
    match inside {
        None => Ok(()),
        Some(root) => Err(Error::refuse(format!(
            "{} lies in the store {}: export to a place outside of it",
            out.display(),
            root.display()
        ))),
    }
}

fn folder(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// The name of the file with that number, from 1.
fn numbered(out: &Path, number: usize) -> PathBuf {
    if number == 1 {
        return out.to_owned();
    }
    let mut name = out.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(ending) = out.extension() {
        name.push(".");
        name.push(ending);
    }
    out.with_file_name(name)
}

/// Writes all files, and gives them their names once all are on the medium.
pub(super) fn all(
    order: &Order,
    setting: &mut Setting<'_>,
    held: &mut [Held],
    films: &mut [Film],
) -> Result<Vec<Written>> {
    let fs = setting.fs;
    let paths = (1..=films.len()).map(|number| {
        let path = numbered(&order.out, number);
        let mut part = path.clone().into_os_string();
        part.push(".part");
        (PathBuf::from(part), path)
    });
    let paths: Vec<_> = paths.collect();
    check_free(order, fs, &paths)?;
    let total: u64 = films.iter().map(Film::payload).sum();
    check_space(fs, &order.out, total)?;
    let mut parts = Parts { fs, paths: Vec::new() };
    let mut written = Vec::new();
    let mut done = 0;
    for ((part, path), film) in paths.into_iter().zip(films) {
        let failed = |error| Error::stop(format!("write {}", part.display())).with(error);
        let file = fs.create(&part).map_err(failed)?;
        parts.paths.push((part.clone(), path.clone()));
        let mut output = Output { file, path: &part, setting, done, total };
        let bytes = output.film(order, held, film)?;
        done = output.done;
        written.push(describe(path, bytes, film));
    }
    for (part, path) in &parts.paths {
        let failed = |error| Error::stop(format!("rename {}", part.display())).with(error);
        fs.rename(part, path).map_err(failed)?;
    }
    let folder = folder(&order.out);
    let failed = |error| Error::stop(format!("sync {}", folder.display())).with(error);
    fs.sync_dir(folder).map_err(failed)?;
    Ok(written)
}

/// Refuses to write over files, unless that is wanted.
fn check_free(order: &Order, fs: &Arc<dyn Fs>, paths: &[(PathBuf, PathBuf)]) -> Result<()> {
    let look = |path: &Path| {
        let failed = |error| Error::stop(format!("look for {}", path.display())).with(error);
        fs.length(path).map_err(failed)
    };
    for (part, path) in paths {
        if look(path)?.is_some() && !order.force {
            return Err(Error::refuse(format!(
                "{} is there already: name another file, or write `--force`",
                path.display()
            )));
        }
        if look(part)?.is_some() {
            if !order.force {
                return Err(Error::refuse(format!(
                    "{} is there: another export writes it, or one was killed; if none runs, \
                     remove it or write `--force`",
                    part.display()
                )));
            }
            let failed = |error| Error::stop(format!("remove {}", part.display())).with(error);
            fs.unlink(part).map_err(failed)?;
        }
    }
    Ok(())
}

fn check_space(fs: &Arc<dyn Fs>, out: &Path, needed: u64) -> Result<()> {
    // Who can't say how much is free may still have room.
    let Ok(space) = fs.space(folder(out)) else { return Ok(()) };
    if space.free > needed {
        return Ok(());
    }
    Err(Error::retry(format!(
        "{} needs {needed} bytes, and {} are free there: export to another disk, or a shorter range",
        out.display(),
        space.free
    )))
}

/// One file while it is written.
struct Output<'o, 's> {
    file: Arc<dyn File>,
    path: &'o Path,
    setting: &'o mut Setting<'s>,
    done: u64,
    total: u64,
}

impl Output<'_, '_> {
    /// Gives its size.
    fn film(&mut self, order: &Order, held: &mut [Held], film: &mut Film) -> Result<u64> {
        let payload = film.payload();
        let facts = facts(order, film);
        let head = movie::head(&facts, &film.tracks(), payload);
        self.append(&head)?;
        let mut buffer = vec![0; STEP];
        let mut waiting: Option<(usize, u64, u64)> = None;
        // What lies side by side is read at once.
        for copy in &film.copies {
            waiting = match waiting {
                Some((source, offset, bytes))
                    if source == copy.source && offset + bytes == copy.offset =>
                {
                    Some((source, offset, bytes + copy.bytes))
                }
                before => {
                    self.copy(held, before, &mut buffer)?;
                    Some((copy.source, copy.offset, copy.bytes))
                }
            };
        }
        self.copy(held, waiting, &mut buffer)?;
        self.file.sync_data().map_err(|error| self.failed("sync", error))?;
        Ok(head.len() as u64 + payload)
    }

    fn copy(
        &mut self,
        held: &mut [Held],
        range: Option<(usize, u64, u64)>,
        buffer: &mut [u8],
    ) -> Result<()> {
        let Some((source, offset, bytes)) = range else { return Ok(()) };
        let Some(held) = held.get_mut(source) else { return Ok(()) };
        held.read(offset, bytes, buffer, |data| {
            self.append(data)?;
            self.done += data.len() as u64;
            (self.setting.progress)(Progress { done: self.done, total: self.total });
            if self.setting.cancel.is_cancelled() { Err(cancelled()) } else { Ok(()) }
        })
    }

    fn append(&self, data: &[u8]) -> Result<()> {
        self.file.append(data).map_err(|error| self.failed("write", error))
    }

    fn failed(&self, what: &str, error: std::io::Error) -> Error {
        Error::stop(format!("{what} {}", self.path.display())).with(error)
    }
}

/// What the file says of itself.
fn facts(order: &Order, film: &Film) -> movie::Facts {
    let created = film.scenes.first().map(|scene| scene.utc.0).unwrap_or_default();
    let end = film.scenes.last().map(|scene| scene.utc.1).unwrap_or_default();
    let camera = &order.camera;
    let mut comment = format!("camera {camera}, UTC {} to {}", created.civil(), end.civil());
    let zero = film.scenes.first().map_or(0, |scene| scene.from);
    if order.gaps == Gaps::Cut {
        for (at, micros) in film.cuts.iter().take(CUTS_TOLD) {
            let at = (at - zero) as f64 / VIDEO_TICKS as f64;
            let missing = *micros as f64 / 1e6;
            comment.push_str(&format!("; at {at:.3} s {missing:.3} s are left out"));
        }
        if let Some(more) = film.cuts.len().checked_sub(CUTS_TOLD).filter(|more| *more > 0) {
            comment.push_str(&format!("; and {more} more times"));
        }
    }
    if let [_, others @ ..] = film.scenes.as_slice() {
        for Scene { from, utc, .. } in others {
            let at = (from - zero) as f64 / VIDEO_TICKS as f64;
            comment.push_str(&format!("; the clock stepped at {at:.3} s, to {}", utc.0.civil()));
        }
    }
    if !order.comment.is_empty() {
        comment.push_str("; ");
        comment.push_str(&order.comment);
    }
    movie::Facts { created, title: camera.clone(), comment }
}

fn describe(path: PathBuf, bytes: u64, film: &Film) -> Written {
    let sum = |of: fn(&Scene) -> i64| film.scenes.iter().map(of).sum::<i64>();
    let seconds = |ticks: i64| ticks as f64 / VIDEO_TICKS as f64;
    let identity = &film.identity;
    Written {
        path,
        bytes,
        from: film.scenes.first().map(|scene| scene.utc.0).unwrap_or_default(),
        to: film.scenes.last().map(|scene| scene.utc.1).unwrap_or_default(),
        pictures: film.scenes.iter().map(|scene| scene.pictures).sum(),
        seconds: seconds(sum(|scene| scene.to - scene.from)),
        lead_in_seconds: seconds(sum(|scene| scene.lead_in)),
        video: identity.video.clone(),
        audio: film.has_audio().then(|| identity.audio.clone()).flatten(),
        width: identity.width,
        height: identity.height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_files_are_numbered() {
        for (out, second) in [("a/b.mp4", "a/b-2.mp4"), ("b", "b-2"), ("x.y.mov", "x.y-2.mov")] {
            assert_eq!(numbered(Path::new(out), 1), Path::new(out));
            assert_eq!(numbered(Path::new(out), 2), Path::new(second));
        }
    }
}
