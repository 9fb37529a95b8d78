//! Names of kinds of events, and patterns of them: `motion`, `door.*`, `*`.
//!
//! Kinds are dotted lower case, the group first. Knows no event.

use std::fmt;

/// Which kinds are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kinds {
    /// `*`: all.
    All,
    /// `door.*`: all below `door.`, which is what this holds.
    Group(String),
    /// `motion`: this one.
    One(String),
}

impl Kinds {
    /// Reads `*`, `door.*` or `motion`; `None` for what is no pattern.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        let named = |name: &str| !name.is_empty() && name.chars().all(plain);
        match text.strip_suffix('*') {
            Some("") => Some(Self::All),
            Some(group) if group.ends_with('.') && group.len() > 1 && named(group) => {
                Some(Self::Group(group.into()))
            }
            None if named(text) && !text.ends_with('.') => Some(Self::One(text.into())),
            _ => None,
        }
    }

    /// Whether it is one of them.
    pub fn contains(&self, kind: &str) -> bool {
        match self {
            Self::All => true,
            Self::Group(group) => kind.starts_with(group.as_str()),
            Self::One(one) => kind == one,
        }
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Group(group) => write!(f, "{group}*"),
            Self::One(one) => f.write_str(one),
        }
    }
}

/// Whose events of which kinds: `motion` or `tracker/track.*` (of a plugin), `gate/*` (of a camera).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindsOf {
    /// A plugin's or a camera's name.
    pub name: String,
    /// Of its events.
    pub kinds: Kinds,
}

impl fmt::Display for KindsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.kinds)
    }
}

impl KindsOf {
    /// Reads `name` (all of its kinds) or `name/kinds`; `None` where the kinds are no pattern.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, kinds) = text.split_once('/').unwrap_or((text, "*"));
        Some(Self { name: name.into(), kinds: Kinds::parse(kinds)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_and_match() {
        for (pattern, inside, outside) in [
            ("*", &["motion", "door.opened"][..], &[][..]),
            ("door.*", &["door.opened", "door.lock.jammed"], &["door", "doors.opened"]),
            ("motion", &["motion"], &["motion.big", "emotion"]),
        ] {
            let kinds = Kinds::parse(pattern).unwrap();
            assert_eq!(kinds.to_string(), pattern);
            assert!(inside.iter().all(|kind| kinds.contains(kind)), "{pattern}");
            assert!(!outside.iter().any(|kind| kinds.contains(kind)), "{pattern}");
        }
        for wrong in ["", ".*", "door*", "*.opened", "door.", "Door", "a b", "**"] {
            assert_eq!(Kinds::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_name_alone_means_all_of_its_kinds() {
        let of = |text| KindsOf::parse(text).map(|of| (of.name, of.kinds));
        assert_eq!(of("motion"), Some(("motion".into(), Kinds::All)));
        assert_eq!(of("gate/door.*"), Some(("gate".into(), Kinds::Group("door.".into()))));
        assert_eq!(of("gate/"), None);
    }
}
