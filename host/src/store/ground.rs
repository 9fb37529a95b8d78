//! What a store stands on: filesystems that can't keep its promises are refused, others warned
//! about. `DESIGN.md` has the table with its reasons.
//!
//! Takes the kind of the filesystem below a directory, which need not be there yet; gives words.
//! Must not know what is in the files.

use std::path::Path;

use super::fs::{Fs, FsKind};
use crate::base::{Error, Result};

/// What a directory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The index, and files.
    Index,
    /// Files only.
    Files,
}

/// Whether a directory will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    /// It will, as far as is known.
    Sound,
    /// It will, but somebody should know this.
    Doubtful(String),
    /// It will not.
    Refused(String),
}

/// How bad a kind is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Warn,
    Refuse,
}

/// A kind of filesystem.
struct Kind {
    /// The numbers that `statfs(2)` gives.
    magics: &'static [u32],
    name: &'static str,
    index: Answer,
    files: Answer,
    why: &'static str,
}

const KINDS: &[Kind] = &[
    Kind {
        magics: &[0x4d44],
        name: "FAT",
        index: Answer::Refuse,
        files: Answer::Refuse,
        why: "it has no journal: a power cut can cost all of it",
    },
    Kind {
        magics: &[0x2011_bab0],
        name: "exFAT",
        index: Answer::Refuse,
        files: Answer::Refuse,
        why: "it has no journal: a power cut can cost all of it",
    },
    Kind {
        magics: &[0x6969],
        name: "NFS",
        index: Answer::Refuse,
        files: Answer::Warn,
        why: NETWORK,
    },
    Kind {
        magics: &[0x517b, 0xff53_4d42, 0xfe53_4d42],
        name: "SMB",
        index: Answer::Refuse,
        files: Answer::Warn,
        why: NETWORK,
    },
    Kind {
        magics: &[0x5346_414f, 0x6b41_4653, 0x00c3_6400, 0x7375_7245],
        name: "a network filesystem (AFS, Ceph or Coda)",
        index: Answer::Refuse,
        files: Answer::Warn,
        why: NETWORK,
    },
    Kind {
        magics: &[0x0102_1997],
        name: "9p",
        index: Answer::Warn,
        files: Answer::Warn,
        why: "it is another system's directory, whose locks and syncs may not be this one's",
    },
    Kind {
        magics: &[0x6573_5546],
        name: "FUSE",
        index: Answer::Warn,
        files: Answer::Warn,
        why: "what is behind it does not say whether it keeps what was synced, nor knows locks",
    },
    Kind {
        magics: &[0x5346_544e, 0x7366_746e],
        name: "NTFS",
        index: Answer::Warn,
        files: Answer::Warn,
        why: "after a power cut it may have to be repaired before it can be written again",
    },
    Kind {
        magics: &[0x0102_1994, 0x8584_58f6],
        name: "memory (tmpfs)",
        index: Answer::Warn,
        files: Answer::Warn,
        why: "all recordings are gone when the machine or its power goes",
    },
    Kind {
        magics: &[0x794c_7630],
        name: "a container's own layer (overlay)",
        index: Answer::Warn,
        files: Answer::Warn,
        why: "all recordings are gone with the container: mount a volume there",
    },
];

const NETWORK: &str = "its locks and syncs can't be relied on, the index needs memory that one \
                       machine shares, and while the server is away nothing is recorded";

/// Looks at a directory of the store `name`, or at the nearest that is there above it. What the
/// configuration allows is taken one step milder.
pub fn look(fs: &dyn Fs, directory: &Path, name: &str, used: Use, allowed: bool) -> Ground {
    let there = |at: &&Path| fs.length(at).is_ok_and(|length| length.is_some());
    // Relative paths begin here.
    let nearest = directory.ancestors().find(there).filter(|at| *at != Path::new(""));
    // One that does not say will be met when it is written.
    match fs.kind(nearest.unwrap_or(Path::new("."))) {
        Ok(kind) => judge(kind, directory, name, used, allowed),
        Err(_) => Ground::Sound,
    }
}

fn judge(kind: FsKind, directory: &Path, name: &str, used: Use, allowed: bool) -> Ground {
    let shown = directory.display();
    if kind.read_only {
        return Ground::Refused(format!(
            "store `{name}`: {shown} lies on a filesystem that is mounted read-only: mount it \
             writable"
        ));
    }
    let Some(found) = KINDS.iter().find(|known| known.magics.contains(&kind.magic)) else {
        return Ground::Sound;
    };
    let answer = match used {
        Use::Index => found.index,
        Use::Files => found.files,
    };
    let words = format!("store `{name}`: {shown} lies on {}: {}", found.name, found.why);
    match (answer, allowed) {
        (Answer::Refuse, false) => Ground::Refused(format!(
            "{words}: choose a directory on a local disk (ext4, XFS, Btrfs), or write \
             `allow-filesystem = true` beside its `path` to record there all the same"
        )),
        (Answer::Refuse, true) | (Answer::Warn, false) => Ground::Doubtful(words),
        (Answer::Warn, true) => Ground::Sound,
    }
}

/// As [`look`], at a start: what is doubtful goes to the log.
///
/// # Errors
/// Refuses what will not do.
pub(super) fn check(
    fs: &dyn Fs,
    directory: &Path,
    name: &str,
    used: Use,
    allowed: bool,
) -> Result<()> {
    match look(fs, directory, name, used, allowed) {
        Ground::Sound => Ok(()),
        Ground::Doubtful(words) => {
            tracing::warn!("{words}");
            Ok(())
        }
        Ground::Refused(words) => Err(Error::refuse(words)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fs::Disk;
    use super::*;

    fn on(magic: u32, read_only: bool, used: Use, allowed: bool) -> Ground {
        let kind = FsKind { magic, read_only };
        judge(kind, Path::new("/mnt/rec"), "main", used, allowed)
    }

    /// `R`efused, `D`oubtful or `S`ound: for the index, for files, and both where it is allowed.
    #[test]
    fn each_kind_has_its_answer() {
        for (name, magic, expected) in [
            ("ext4", 0xef53, "SSSS"),
            ("xfs", 0x5846_5342, "SSSS"),
            ("btrfs", 0x9123_683e, "SSSS"),
            ("unknown", 0, "SSSS"),
            ("vfat", 0x4d44, "RRDD"),
            ("exfat", 0x2011_bab0, "RRDD"),
            ("nfs", 0x6969, "RDDS"),
            ("cifs", 0xff53_4d42, "RDDS"),
            ("smb2", 0xfe53_4d42, "RDDS"),
            ("9p", 0x0102_1997, "DDSS"),
            ("ceph", 0x00c3_6400, "RDDS"),
            ("fuse", 0x6573_5546, "DDSS"),
            ("ntfs3", 0x7366_746e, "DDSS"),
            ("tmpfs", 0x0102_1994, "DDSS"),
            ("overlay", 0x794c_7630, "DDSS"),
        ] {
            let letter = |(used, allowed)| match on(magic, false, used, allowed) {
                Ground::Sound => 'S',
                Ground::Doubtful(_) => 'D',
                Ground::Refused(_) => 'R',
            };
            let cases =
                [(Use::Index, false), (Use::Files, false), (Use::Index, true), (Use::Files, true)];
            assert_eq!(cases.map(letter).iter().collect::<String>(), expected, "{name}");
        }
    }

    #[test]
    fn read_only_is_refused_whatever_is_allowed() {
        let Ground::Refused(words) = on(0xef53, true, Use::Files, true) else { panic!() };
        assert!(words.contains("/mnt/rec") && words.contains("read-only"), "{words}");
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let Ground::Refused(words) = on(0x6969, false, Use::Index, false) else { panic!() };
        for part in ["`main`", "/mnt/rec", "NFS", "allow-filesystem = true"] {
            assert!(words.contains(part), "{words}");
        }
    }

    #[test]
    fn what_is_not_there_yet_lies_where_its_parent_does() {
        let Ok(folder) = tempfile::tempdir_in("/dev/shm") else { return };
        let at = folder.path().join("mnt/rec");
        let ground = look(&Disk, &at, "main", Use::Index, false);
        assert!(
            matches!(&ground, Ground::Doubtful(words) if words.contains("tmpfs")),
            "{ground:?}"
        );
        assert_eq!(look(&Disk, &at, "main", Use::Index, true), Ground::Sound);
    }
}
