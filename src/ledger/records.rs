//! What goes into the ledger and comes out of it, besides rotations.

use super::chain::SPENDS;
use super::row::digest;
use crate::rotation::effect::Lane;
use crate::rotation::ids::{RotationId, TokenName};
use jiff::Timestamp;

/// A notice or click on its way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The same for every delivery of the same thing.
    pub key: String,
    /// Which reader understands the body.
    pub kind: String,
    /// JSON text, without any secret.
    pub body: String,
    /// When it arrived.
    pub received_at: Timestamp,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is remembered.
    New,
    /// It was remembered before.
    Duplicate,
}

/// An entry that was taken to be dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The same for every delivery of the same thing.
    pub key: String,
    /// Which reader understands the body.
    pub kind: String,
    /// JSON text.
    pub body: String,
    /// When it arrived.
    pub received_at: Timestamp,
    /// How often it was put off.
    pub tries: u32,
    /// Counts how often it was taken; a report with an older one is refused.
    pub epoch: u64,
}

/// What became of a new rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is stored.
    New,
    /// This one has its key, or is open for the same token.
    Existing(RotationId),
}

/// The right to work on one lane, until the lease ends or somebody else claims it after that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose lane.
    pub rotation: RotationId,
    /// Which.
    pub lane: Lane,
    /// Counts the lane's claims; a report with an older one is refused.
    pub epoch: u64,
    /// Until when nobody else gets it.
    pub lease_until: Timestamp,
    /// When the last holder's lease ran out that was never given back, or long ago: its worker died or stalled, and what
    /// it had sent may land a little later.
    pub lapsed_at: Timestamp,
    /// As given at the last release, 0 once the lane owes something else.
    pub tries: u32,
}

/// Which rotations to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Only those that are not closed.
    pub open_only: bool,
    /// Only those of one managed token.
    pub token: Option<TokenName>,
    /// At most so many.
    pub limit: u32,
}

/// One line of the journal as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// When it happened.
    pub at: Timestamp,
    /// Who did it: a person, a worker, a source of notices.
    pub actor: String,
    /// What happened, in one word of the machine.
    pub event: String,
    /// More about it, without any secret.
    pub detail: serde_json::Value,
}

impl Line {
    /// The line uses up a key too: whoever comes with it later comes too late, whatever the rest of the database says.
    pub fn spending(mut self, key: &str) -> Self {
        if let Some(detail) = self.detail.as_object_mut() {
            detail.insert(SPENDS.into(), digest(key).into());
        }
        self
    }
}

/// One line of the journal as it stands in the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamped {
    /// Its place in the whole journal, from 1.
    pub seq: u64,
    /// What it is about.
    pub rotation: Option<RotationId>,
    /// The version that it led to; `None` if it changed no rotation.
    pub version: Option<u64>,
    /// The line.
    pub line: Line,
    /// SHA-256 over this line and the hash of the one before, in hex.
    pub hash: String,
}
