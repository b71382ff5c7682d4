//! Decisions of people: one click, one commit.

use crate::rotation::ids::{PersonId, RotationId};
use crate::rotation::view::Action;

/// A click, a command or a comment, already bound to a person of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Click {
    /// Unique per click, so that a redelivery has no second effect (Slack: trigger or signature; CLI: random).
    pub key: String,
    /// Which rotation.
    pub rotation: RotationId,
    /// What.
    pub action: Action,
    /// Who.
    pub person: PersonId,
    /// Where: `slack`, `discord`, `issue`, `cli`.
    pub via: String,
    /// The plan hash that the person saw, whole or at least its first eight digits. Needed to approve.
    pub plan: Option<String>,
    /// Snooze: for how long.
    pub snooze_seconds: Option<u64>,
}
