//! What a plugin gets beyond the free imports: what its manifest asks for and its operator grants.
//!
//! Takes the wishes of a manifest and an operator's [`Terms`]; gives the [`Grants`] in force, or
//! what is [`Missing`] and what to write to allow it. Pure.
//!
//! Granted without being asked is what a plugin's role is there for: `pictures` and `units` to
//! analyzers, `topic:hook` and `header:NAME` to event sources. They still must stand in the
//! manifest: one that asks for `units` alone never sees a picture.

mod capability;

use std::collections::BTreeSet;
use std::fmt;

pub use capability::{Capability, HEADERS_PRIVATE, KV_BYTES, KV_BYTES_MAX, METHODS, Reach};

use super::inspect::World;
use super::manifest::Wish;

/// What an operator allows a plugin, beyond what its role is there for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Terms {
    /// These and no others.
    Listed(Vec<Capability>),
    /// Whatever its manifest asks for: for its author, who tries it.
    AsAsked,
}

impl Default for Terms {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

/// What is in force for a plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Decoded pictures.
    pub pictures: bool,
    /// Access units.
    pub units: bool,
    /// Parts of the picture, not scaled.
    pub crop: bool,
    /// The bytes of its store of keys and values; `None`: it has none.
    pub kv_bytes: Option<u64>,
    /// Where its requests may go; none: it can't ask.
    pub http: Vec<Reach>,
    /// What is posted to its path.
    pub hook: bool,
    /// Headers of what is posted there.
    pub headers: BTreeSet<String>,
}

/// What a plugin asks for and was not granted.
#[derive(Clone, Debug, PartialEq)]
pub struct Missing {
    /// The plugin's name in the configuration.
    plugin: String,
    /// What it was granted.
    granted: Vec<Capability>,
    /// What else it asks for.
    wishes: Vec<Wish>,
}

impl Grants {
    /// Whether the operator's `terms` cover what the plugin configured as `plugin` asks for.
    ///
    /// # Errors
    /// They do not.
    pub fn settle(
        plugin: &str,
        world: World,
        wishes: &[Wish],
        terms: &Terms,
    ) -> Result<Self, Missing> {
        let mut grants = Self::default();
        let mut missing = Vec::new();
        for wish in wishes {
            let parts = match terms {
                _ if is_free(world, &wish.name) => vec![wish.name.clone()],
                Terms::AsAsked => vec![wish.name.clone()],
                Terms::Listed(list) => {
                    list.iter().filter_map(|grant| wish.name.meet(grant)).collect()
                }
            };
            if covers(&parts, &wish.name) {
                parts.into_iter().for_each(|part| grants.add(part));
            } else {
                missing.push(wish.clone());
            }
        }
        if missing.is_empty() {
            return Ok(grants);
        }
        let granted = match terms {
            Terms::Listed(list) => list.clone(),
            Terms::AsAsked => Vec::new(),
        };
        Err(Missing { plugin: plugin.into(), granted, wishes: missing })
    }

    /// Whether these are all that `others` are, and maybe more.
    pub fn cover(&self, others: &Self) -> bool {
        let Self { pictures, units, crop, kv_bytes, http, hook, headers } = others;
        let flags = [
            (self.pictures, *pictures),
            (self.units, *units),
            (self.crop, *crop),
            (self.hook, *hook),
        ];
        let reaches = |reach: &Reach, method| {
            let mine = |own: &Reach| own.origin == reach.origin && own.methods.contains(method);
            self.http.iter().any(mine)
        };
        flags.iter().all(|(mine, other)| mine >= other)
            && self.kv_bytes >= *kv_bytes
            && http.iter().all(|reach| reach.methods.iter().all(|method| reaches(reach, method)))
            && self.headers.is_superset(headers)
    }

    fn add(&mut self, capability: Capability) {
        match capability {
            Capability::Pictures => self.pictures = true,
            Capability::Units => self.units = true,
            Capability::Crop => self.crop = true,
            Capability::Kv(bytes) => self.kv_bytes = self.kv_bytes.max(Some(bytes)),
            Capability::Http(reach) => self.http.push(reach),
            Capability::Hook => self.hook = true,
            Capability::Header(name) => drop(self.headers.insert(name)),
        }
    }

    /// All of it, as texts.
    pub fn list(&self) -> Vec<String> {
        let flag = |is: bool, capability: Capability| is.then_some(capability);
        let single = [
            flag(self.pictures, Capability::Pictures),
            flag(self.units, Capability::Units),
            flag(self.crop, Capability::Crop),
            self.kv_bytes.map(Capability::Kv),
            flag(self.hook, Capability::Hook),
        ];
        let http = self.http.iter().cloned().map(Capability::Http);
        let headers = self.headers.iter().cloned().map(Capability::Header);
        let all = single.into_iter().flatten().chain(http).chain(headers);
        all.map(|capability| capability.to_string()).collect()
    }
}

/// What the role of a plugin is there for.
fn is_free(world: World, capability: &Capability) -> bool {
    match capability {
        Capability::Pictures | Capability::Units => world == World::Analyzer,
        Capability::Hook | Capability::Header(_) => world == World::Source,
        Capability::Crop | Capability::Kv(_) | Capability::Http(_) => false,
    }
}

/// Why a plugin of this kind has no use for a capability, if so.
pub(super) fn useless(world: World, capability: &Capability) -> Option<&'static str> {
    match (world, capability) {
        (
            World::Source | World::Policy,
            Capability::Pictures | Capability::Units | Capability::Crop,
        ) => Some("only analyzers see video"),
        (World::Analyzer | World::Policy, Capability::Hook | Capability::Header(_)) => {
            Some("only event sources hear what is posted")
        }
        (World::Policy, Capability::Http(_)) => Some(
            "a policy hears no answers: let an event source ask, and the policy hear its events",
        ),
        _ => None,
    }
}

/// Whether all parts together are all of the wish.
fn covers(parts: &[Capability], wish: &Capability) -> bool {
    let Capability::Http(wish) = wish else { return !parts.is_empty() };
    wish.methods.iter().all(|method| {
        parts
            .iter()
            .any(|part| matches!(part, Capability::Http(reach) if reach.methods.contains(method)))
    })
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked: Vec<String> = self
            .wishes
            .iter()
            .map(|wish| format!("`{}` ({})", wish.name, wish.reason.trim()))
            .collect();
        let named = |capability: &Capability| {
            let text = capability.to_string();
            format!("\"{}\"", text.replace('*', "https://HOST"))
        };
        let is_kv = |capability: &Capability| matches!(capability, Capability::Kv(_));
        let wishes = || self.wishes.iter().map(|wish| &wish.name);
        // A larger store takes the place of the one that was granted.
        let kept = self.granted.iter().filter(|grant| !is_kv(grant) || !wishes().any(is_kv));
        let list: Vec<String> = kept.chain(wishes()).map(named).collect();
        let (plural, plugin) = (if asked.len() == 1 { "" } else { "s" }, &self.plugin);
        write!(
            f,
            "needs the grant{plural} {}: to allow it, write `grant = [{}]` in `[plugins.{plugin}]`",
            asked.join(", "),
            list.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(texts: &[&str]) -> Vec<Capability> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn settle(world: World, wishes: &[&str], grants: &[&str]) -> Result<Vec<String>, String> {
        let wish = |name: Capability| Wish { name, reason: "it does".into() };
        let wishes: Vec<Wish> = parse(wishes).into_iter().map(wish).collect();
        let terms = Terms::Listed(parse(grants));
        let grants = Grants::settle("plates", world, &wishes, &terms);
        grants.map(|grants| grants.list()).map_err(|missing| missing.to_string())
    }

    #[test]
    fn a_role_is_free_and_the_rest_is_asked() {
        let free = settle(World::Analyzer, &["pictures", "units"], &[]);
        assert_eq!(free.unwrap(), ["pictures", "units"]);
        let free = settle(World::Source, &["topic:hook", "header:x-a"], &[]);
        assert_eq!(free.unwrap(), ["topic:hook", "header:x-a"]);
        for wish in ["crop", "kv", "http:GET https://a.example"] {
            for world in [World::Analyzer, World::Source, World::Policy] {
                let said = settle(world, &[wish], &[]).unwrap_err();
                let expected = format!(
                    "needs the grant `{wish}` (it does): to allow it, write `grant = [\"{wish}\"]` \
                     in `[plugins.plates]`"
                );
                assert_eq!(said, expected);
                assert_eq!(settle(world, &[wish], &[wish]).unwrap(), [wish]);
            }
        }
    }

    #[test]
    fn more_covers_less() {
        let of = |texts: &[&str]| {
            let mut grants = Grants::default();
            parse(texts).into_iter().for_each(|one| grants.add(one));
            grants
        };
        let pair = ["http:GET https://a.example", "http:POST https://a.example"];
        for (more, less) in [
            (&["kv", "crop"][..], &[][..]),
            (&["kv:2MiB"], &["kv"]),
            (&["http:GET,POST https://a.example", "http:GET https://b.example"], &pair),
            (&["header:x-a", "header:x-b", "topic:hook"], &["header:x-b", "topic:hook"]),
        ] {
            let (more, less) = (of(more), of(less));
            assert!(more.cover(&less) && more.cover(&more), "{more:?} {less:?}");
            assert!(!less.cover(&more), "{more:?} {less:?}");
        }
        let (joined, parts) = (of(&["http:GET,POST https://a.example"]), of(&pair));
        assert!(parts.cover(&joined) && joined.cover(&parts));
        let (one, other) = (of(&pair[..1]), of(&["http:GET https://b.example"]));
        assert!(!one.cover(&other) && !other.cover(&one));
    }

    #[test]
    fn what_was_granted_and_not_asked_for_is_not_in_force() {
        assert_eq!(settle(World::Policy, &[], &["kv", "crop"]).unwrap(), [""; 0]);
        let wider = settle(
            World::Source,
            &["http:GET https://a.example"],
            &["http:GET,POST https://a.example", "http:GET https://b.example"],
        );
        assert_eq!(wider.unwrap(), ["http:GET https://a.example"]);
    }

    #[test]
    fn more_than_was_granted_is_told_with_the_whole_line() {
        let said = settle(World::Analyzer, &["kv:4MiB", "http:POST *"], &["kv", "crop"]);
        let said = said.unwrap_err();
        assert!(said.starts_with("needs the grants `kv:4MiB` (it does), `http:POST *` "), "{said}");
        let line = "grant = [\"crop\", \"kv:4MiB\", \"http:POST https://HOST\"]";
        assert!(said.contains(line), "{said}");
    }

    #[test]
    fn methods_may_come_from_several_grants() {
        let wish = ["http:GET,POST https://a.example"];
        let one = ["http:GET https://a.example"];
        let both = ["http:GET https://a.example", "http:POST https://a.example"];
        assert!(settle(World::Source, &wish, &one).is_err());
        assert_eq!(settle(World::Source, &wish, &both).unwrap(), both);
        let any = settle(World::Source, &["http:GET,POST *"], &both);
        assert_eq!(any.unwrap(), both);
    }

    #[test]
    fn an_author_gets_what_the_manifest_says() {
        let wish = Wish { name: Capability::Crop, reason: "faces".into() };
        let grants = Grants::settle("mine", World::Analyzer, &[wish], &Terms::AsAsked).unwrap();
        assert!(grants.crop && !grants.pictures);
    }
}
