//! From rows to files: each segment's file is there, and as its row says.

use super::super::index::row::{Segment, State};
use super::super::index::{audit, failed, map};
use super::super::layout;
use super::super::places::PlaceId;
use super::finding::Subject;
use super::{Checker, Depth, Finding, Kind, Progress, grounds};
use crate::base::Result;

/// Rows read at a time.
const PAGE: u32 = 256;

impl Checker<'_> {
    /// Looks at all rows.
    pub(super) fn rows(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        let total = audit::count(self.connection).map_err(failed("count segments"))?;
        let (mut after, mut done) = (0, 0);
        loop {
            let page =
                audit::page(self.connection, after, PAGE).map_err(failed("list segments"))?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = last.id;
            for (segment, map) in page {
                self.row(&segment, map.as_deref())?;
                done += 1;
                progress(Progress { done, total: total.max(done) });
            }
        }
    }

    /// Looks at one row and its file.
    pub(in super::super) fn row(&mut self, segment: &Segment, map: Option<&[u8]>) -> Result<()> {
        let Some(ground) = self.ground(segment.place) else {
            let found = format!("lies in place {}, which the index does not know", segment.place.0);
            return self.tell(Kind::Reference, found, segment);
        };
        if !ground.is_here {
            return Ok(());
        }
        let root = ground.root.clone();
        let file = layout::segment(&segment.camera, segment.start, segment.sequence);
        if segment.state != State::Closed || (segment.moving.is_some() && !self.has_host) {
            return match self.has_host {
                true => Ok(()),
                false => self.tell(Kind::Unfinished, "was not brought to its end", segment),
            };
        }
        self.report.segments += 1;
        self.report.bytes += segment.bytes;
        let Some(length) = self.length(&root.join(&file))? else {
            return match self.is_unchanged(segment)? && self.is_here(segment.place)? {
                true => self.tell(Kind::NoFile, "its file is gone", segment),
                false => Ok(()),
            };
        };
        if length != segment.bytes {
            let found = format!("has {length} bytes, and its row says {}", segment.bytes);
            return match self.is_unchanged(segment)? {
                true => self.tell(Kind::Length, found, segment),
                false => Ok(()),
            };
        }
        let entries = map.and_then(map::decode);
        let is_inside = |entries: &Vec<map::Entry>| {
            let end = entries.last().map_or(0, |last| last.offset.saturating_add(last.length));
            !entries.is_empty() && end <= segment.bytes
        };
        match entries.filter(is_inside) {
            None => self.tell(Kind::Map, "its fragment map can't be used", segment),
            Some(entries) if self.depth == Depth::Deep => {
                self.file(segment, &root.join(&file), &entries)
            }
            Some(_) => Ok(()),
        }
    }

    /// Its disk is there still: a check takes long.
    pub(super) fn is_here(&self, place: PlaceId) -> Result<bool> {
        let now = grounds(self.fs, self.connection, self.root)?;
        Ok(now.iter().any(|ground| ground.id == place && ground.is_here))
    }

    /// The row says the same as before: a host has not changed it meanwhile.
    pub(super) fn is_unchanged(&self, segment: &Segment) -> Result<bool> {
        let now =
            audit::segment(self.connection, segment.id).map_err(failed("look at a row again"))?;
        Ok(now.is_some_and(|now| {
            (now.state, now.bytes, now.place, now.start, now.sequence)
                == (segment.state, segment.bytes, segment.place, segment.start, segment.sequence)
        }))
    }

    pub(super) fn tell(
        &mut self,
        kind: Kind,
        found: impl Into<String>,
        segment: &Segment,
    ) -> Result<()> {
        let finding = Finding::of(kind, found).segment(segment).subject(Subject::Row(segment.id));
        self.report.add(finding);
        Ok(())
    }
}
