//! The index against the journal: a rebuild would come to the same.

use super::super::index::{failed, outbox};
use super::super::journal::{Note, files};
use super::finding::Subject;
use super::{Checker, Finding, Kind};
use crate::base::Result;

/// Things that are named.
const SHOWN: usize = 3;

impl Checker<'_> {
    /// Looks for what the journal does not know and is not on its way there.
    pub(super) fn journal(&mut self) -> Result<()> {
        let mut unreadable = Vec::new();
        let (mut known, _) = files::last_notes(self.fs, self.root, |path, error| {
            unreadable.push((path.to_owned(), error));
        })?;
        for (path, error) in unreadable {
            let file = path.strip_prefix(self.root).unwrap_or(&path).to_owned();
            let mut finding = Finding::of(Kind::Journal, error.chain());
            finding.file = Some(file);
            self.report.add(finding);
        }
        let c = self.connection;
        // A host goes on noting: what is on its way is read last.
        let mut differs = Vec::new();
        outbox::each(c, |note| {
            let Some(key) = note.key() else { return };
            if known.remove(&key).is_none_or(|last| !is_same(&last, &note)) {
                differs.push(key);
            }
        })
        .map_err(failed("compare with the journal"))?;
        // What only the journal knows is gone, if it can go at all by a change of the index.
        let gone = known.into_iter().filter(|(_, note)| {
            matches!(note, Note::Span { .. } | Note::Pin { .. } | Note::Gap { .. })
        });
        differs.extend(gone.map(|(key, _)| key));
        let pending = outbox::keys(c).map_err(failed("read what is for the journal"))?;
        differs.retain(|key| !pending.contains(key));
        if differs.is_empty() || self.has_host {
            return Ok(());
        }
        differs.sort();
        let shown: Vec<String> =
            differs.iter().take(SHOWN).map(|key| format!("{key:?}").to_lowercase()).collect();
        let found = format!(
            "the journal does not know what became of {} things: {}{}",
            differs.len(),
            shown.join(", "),
            if differs.len() > SHOWN { " ..." } else { "" }
        );
        self.report.add(Finding::of(Kind::Journal, found).subject(Subject::Notes(differs)));
        Ok(())
    }
}

/// What counts of a note is as it was. A camera's next sequence is told when no file says it.
fn is_same(known: &Note, now: &Note) -> bool {
    match (known, now) {
        (
            Note::Camera { keep, size_max, .. },
            Note::Camera { keep: keep_now, size_max: size_max_now, .. },
        ) => (keep, size_max) == (keep_now, size_max_now),
        _ => known == now,
    }
}
