//! Which clips were made in a directory: what keeps one from being made twice, and what may be
//! deleted of them.
//!
//! A file of JSON lines that only grows, beside the clips. A line is begun before a file is, so
//! that after a crash it is known whose an unfinished file is. Nothing but what stands here is
//! ever deleted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::{Error, Result, Timestamp};
use crate::store::fs::Fs;

/// The file, in the directory of clips.
const NAME: &str = ".wardline-clips.jsonl";

/// A file that was made, below the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Where.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "lowercase")]
enum Line {
    /// The first: spans that ended earlier have no clips.
    Since { time: Timestamp },
    /// A clip is about to be made.
    Begin { span: String, file: PathBuf },
    /// It was.
    Made { span: String, files: Vec<Made> },
    /// It can't be made, ever.
    Refused { span: String, why: String },
    /// A file was deleted, because there were too many bytes.
    Deleted { file: PathBuf },
}

/// How far a span's clip has come.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Begun(PathBuf),
    Over,
}

/// The clips of a directory.
pub struct Journal {
    fs: Arc<dyn Fs>,
    directory: PathBuf,
    since: Timestamp,
    spans: BTreeMap<String, State>,
    /// Oldest first.
    files: Vec<Made>,
}

impl Journal {
    /// Reads the journal of a directory; makes both where they are missing, as of `now`.
    ///
    /// # Errors
    /// When the directory or the file can't be made or read.
    pub fn open(fs: Arc<dyn Fs>, directory: &Path, now: Timestamp) -> Result<Self> {
        let failed =
            |error| Error::retry(format!("open the clips in {}", directory.display())).with(error);
        let path = directory.join(NAME);
        let (spans, files, directory) = (BTreeMap::new(), Vec::new(), directory.to_owned());
        let mut journal = Self { fs, directory, since: now, spans, files };
        let fs = &journal.fs;
        if fs.length(&journal.directory).map_err(failed)?.is_none() {
            fs.create_dir(&journal.directory).map_err(failed)?;
        }
        if fs.length(&path).map_err(failed)?.is_none() {
            fs.create(&path).map_err(failed)?;
            journal.add(&Line::Since { time: now })?;
            journal.fs.sync_dir(&journal.directory).map_err(failed)?;
            return Ok(journal);
        }
        let text = fs.read(&path).map_err(failed)?;
        for line in text.split(|byte| *byte == b'\n') {
            // A line that was cut off by a crash says nothing.
            if let Ok(line) = serde_json::from_slice(line) {
                journal.note(line);
            }
        }
        Ok(journal)
    }

    /// Spans that ended before this have no clips.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// The span has its clip, or never will.
    pub fn is_over(&self, span: &str) -> bool {
        self.spans.get(span) == Some(&State::Over)
    }

    /// A clip is about to be made in `file`, below the directory. Gives whether a file of that
    /// name is an unfinished one of the same clip, and may be written over.
    ///
    /// # Errors
    /// When it can't be noted: then it must not be made.
    pub fn begin(&mut self, span: &str, file: &Path) -> Result<bool> {
        let again = self.spans.get(span) == Some(&State::Begun(file.to_owned()));
        if !again {
            self.write(Line::Begin { span: span.into(), file: file.into() })?;
        }
        Ok(again)
    }

    /// A clip was made.
    ///
    /// # Errors
    /// When it can't be noted.
    pub fn made(&mut self, span: &str, files: Vec<Made>) -> Result<()> {
        self.write(Line::Made { span: span.into(), files })
    }

    /// A clip can't be made, now or later.
    ///
    /// # Errors
    /// When it can't be noted.
    pub fn refused(&mut self, span: &str, why: String) -> Result<()> {
        self.write(Line::Refused { span: span.into(), why })
    }

    /// Deletes the oldest files until all together have at most `most` bytes; the newest stays.
    /// Gives what was deleted.
    ///
    /// # Errors
    /// When a file can't be deleted, or that can't be noted.
    pub fn shrink(&mut self, most: u64) -> Result<Vec<PathBuf>> {
        let mut deleted = Vec::new();
        while self.files.len() > 1 && self.bytes() > most {
            let file = self.files[0].file.clone();
            let path = self.directory.join(&file);
            match self.fs.unlink(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::retry(format!("delete clip {}", path.display())).with(error));
                }
                _ => {}
            }
            crate::store::layout::remove_empty_parents(&*self.fs, &self.directory, &file);
            self.write(Line::Deleted { file: file.clone() })?;
            deleted.push(file);
        }
        Ok(deleted)
    }

    /// Bytes of all clips.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|made| made.bytes).sum()
    }

    fn write(&mut self, line: Line) -> Result<()> {
        self.add(&line)?;
        self.note(line);
        Ok(())
    }

    fn add(&self, line: &Line) -> Result<()> {
        let path = self.directory.join(NAME);
        let text = serde_json::to_string(line).expect("lines are plain values");
        let write = || {
            let file = self.fs.reopen(&path)?;
            // What a crash has cut off stands on a line of its own.
            file.append(format!("\n{text}").as_bytes())?;
            file.sync_data()
        };
        write().map_err(|error| Error::retry(format!("write {}", path.display())).with(error))
    }

    fn note(&mut self, line: Line) {
        match line {
            Line::Since { time } => self.since = time,
            Line::Begin { span, file } => {
                self.spans.insert(span, State::Begun(file));
            }
            Line::Made { span, files } => {
                self.spans.insert(span, State::Over);
                self.files.extend(files);
            }
            Line::Refused { span, .. } => {
                self.spans.insert(span, State::Over);
            }
            Line::Deleted { file } => self.files.retain(|made| made.file != file),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fs::Disk;

    #[test]
    fn what_was_made_is_known_after_a_crash_and_the_oldest_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("clips");
        let open = |now| Journal::open(Arc::new(Disk), &directory, Timestamp::from_millis(now));
        let mut journal = open(1000).unwrap();
        std::fs::write(folder.path().join("clips/mine.mp4"), "not a clip").unwrap();
        for (span, file) in [("a", "x/a.mp4"), ("b", "x/b.mp4"), ("c", "c.mp4")] {
            assert!(!journal.begin(span, Path::new(file)).unwrap(), "{span}");
            let path = directory.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "12345").unwrap();
            journal.made(span, vec![Made { file: file.into(), bytes: 5 }]).unwrap();
        }
        assert!(!journal.begin("d", Path::new("d.mp4")).unwrap());
        journal.refused("e", "no video".into()).unwrap();
        // A power cut in the middle of a line.
        let path = directory.join(NAME);
        let text = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&text, &b"\n{\"what\":\"made\",\"sp"[..]].concat()).unwrap();

        let mut journal = open(9000).unwrap();
        assert_eq!((journal.since(), journal.bytes()), (Timestamp::from_millis(1000), 15));
        let over = ["a", "b", "c", "d", "e"].map(|span| journal.is_over(span));
        assert_eq!(over, [true, true, true, false, true]);
        assert!(journal.begin("d", Path::new("d.mp4")).unwrap(), "its own unfinished file");
        assert_eq!(journal.shrink(5).unwrap(), [Path::new("x/a.mp4"), Path::new("x/b.mp4")]);
        let journal = open(9000).unwrap();
        assert_eq!(journal.bytes(), 5);
        assert!(journal.is_over("a"), "a deleted clip is not made again");
        let mut left = Disk.list(&directory).unwrap();
        left.sort();
        assert_eq!(left, [NAME, "c.mp4", "mine.mp4", "x"]);
    }
}
