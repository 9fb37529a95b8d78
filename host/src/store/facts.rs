//! What a list of recordings says of spans and pins beside their times.

use serde::Serialize;
use utoipa::ToSchema;

/// What is known of a span or a pin beside its times.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SpanFacts {
    /// Its qualified id.
    pub id: String,
    /// Who asked: a policy, `host` or `person`.
    pub policy: String,
    /// For people.
    pub label: String,
    /// Qualified ids of the events that led to it.
    pub because: Vec<String>,
    /// Of the first of those that had one.
    pub correlation: Option<String>,
}

/// What [`SpanFacts`] says, where there are any.
#[derive(ToSchema)]
#[schema(as = PerhapsSpanFacts)]
#[allow(dead_code, reason = "describes what is left out of some recordings")]
pub(super) struct Perhaps {
    /// Its qualified id; this and what follows only of spans and pins.
    id: Option<String>,
    /// Who asked: a policy, `host` or `person`.
    policy: Option<String>,
    /// For people.
    label: Option<String>,
    /// Qualified ids of the events that led to it.
    because: Option<Vec<String>>,
    /// Of the first of those that had one.
    correlation: Option<String>,
}
