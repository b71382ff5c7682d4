//! What a store can and cannot do: shown to the approver and used by the engine.

use super::ids::{RotationId, TokenId};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Honest abilities of one store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Capabilities {
    /// The value can be read back and compared.
    pub readable: bool,
    /// Older values are kept by the store itself.
    pub versions: bool,
    /// A change by others between our look and our write is refused by the store itself. Without it we look again right
    /// before the write, which leaves an instant in which a change is lost.
    pub compare_and_set: bool,
    /// A new value can be put there without anybody who reads the store seeing it yet.
    pub staging: bool,
    /// What becomes of a write that is repeated because its answer was lost.
    pub idempotency: Idempotency,
    /// How the previous value comes back.
    pub rollback: Rollback,
    /// Longest value in bytes, if there is a limit.
    pub max_bytes: Option<u64>,
    /// A read may lag behind a write.
    pub eventual: bool,
    /// Whether it may be written is known before a value is made.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub proven: bool,
    /// The place is empty for a moment while one value takes another's place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gap: bool,
}

fn yes() -> bool {
    true
}

/// Usual, so it goes without saying in what is kept and hashed.
fn is_yes(answer: &bool) -> bool {
    *answer
}

const UNPROVEN: &str = "may still refuse the write";
const GAP: &str = "empty for a moment while it is replaced";

/// What becomes of a write that is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Idempotency {
    /// The store itself sees that it is the same write.
    Native,
    /// We look for what the first try left, by the rotation's name or by the value, and write only if it is not there.
    ByTag,
    /// The same value is written again, which harms nothing but may leave one version more.
    None,
}

/// How the previous value comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rollback {
    /// The store kept it; it comes back even if this process has died since.
    Native,
    /// We write it again, while the process that read it lives.
    Rewrite,
    /// It does not.
    None,
}

impl Capabilities {
    /// A place that holds one value, can be read, and offers nothing else.
    pub fn plain() -> Self {
        Self {
            readable: true,
            versions: false,
            compare_and_set: false,
            staging: false,
            idempotency: Idempotency::ByTag,
            rollback: Rollback::Rewrite,
            max_bytes: None,
            eventual: false,
            proven: true,
            gap: false,
        }
    }

    /// The same place when its value can be written and never read.
    #[must_use]
    pub fn blind(self) -> Self {
        let rollback = if self.rollback == Rollback::Native { Rollback::Native } else { Rollback::None };
        let idempotency = if self.idempotency == Idempotency::Native { Idempotency::Native } else { Idempotency::None };
        Self { readable: false, rollback, idempotency, ..self }
    }

    /// All of it in words, for who wants to know before they approve.
    pub fn words(&self) -> Vec<String> {
        let read = if self.readable { "read back" } else { "cannot be read back" };
        let restored = match self.rollback {
            Rollback::Native => "keeps what it held before",
            Rollback::Rewrite => "restorable until rekey restarts",
            Rollback::None => "cannot be restored",
        };
        let guarded = match (self.compare_and_set, self.readable) {
            (true, _) => "refuses to overwrite others",
            (false, true) => "checked right before it is written",
            (false, false) => "cannot be checked before it is overwritten",
        };
        let mut words = vec![read.to_owned(), restored.to_owned(), guarded.to_owned()];
        words.extend(self.staging.then(|| "switches in one step".to_owned()));
        // Where it is overwritten unchecked, that goes without saying.
        let repeats = self.idempotency == Idempotency::None && self.readable;
        words.extend(repeats.then(|| "a repeated write may leave a version more".to_owned()));
        words.extend(self.eventual.then(|| "reads may lag".to_owned()));
        words.extend((!self.proven).then(|| UNPROVEN.to_owned()));
        words.extend(self.gap.then(|| GAP.to_owned()));
        words.extend(self.max_bytes.map(|most| format!("at most {most} bytes")));
        words
    }

    /// What an approver must know of it, in few words; empty if there is nothing.
    pub fn caveat(&self) -> String {
        let lacks = match (self.readable, self.rollback) {
            (true, Rollback::None) => Some("cannot be restored"),
            (true, _) => None,
            (false, Rollback::None) => Some("cannot be read back or restored"),
            (false, _) => Some("cannot be read back"),
        };
        let more = [(!self.proven).then_some(UNPROVEN), self.gap.then_some(GAP)];
        lacks.into_iter().chain(more.into_iter().flatten()).collect::<Vec<_>>().join(", ")
    }
}

/// What a write belongs to: by this a store tells our writes apart from each other and from everybody else's. None of
/// it is secret. Rotation and token together name one value; the same two never come with another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The rotation.
    pub rotation: RotationId,
    /// Which try of it made the value.
    pub attempt: u32,
    /// The token whose value is written; the old token's when the previous value is put back.
    pub token: TokenId,
    /// When that token expires.
    pub expires_at: Option<Date>,
}

/// How a store finds again what it held before our first write: a version, a label, an id. Never a secret: it is kept
/// with the rotation, so that the previous value comes back even after a crash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Undo(pub String);

impl Undo {
    /// Of a store that keeps nothing and cannot be read: it only says that the store may hold a value of ours.
    pub fn nothing() -> Self {
        Self(String::new())
    }
}
