//! Where a rotation stands. Each phase carries what is still pending, so that nothing else need be remembered.

use super::ids::{ConsumerId, StoreId, TokenId};
use crate::secret::Digest;
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A token that we made: everything about it except its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minted {
    /// Which try made it.
    pub attempt: u32,
    /// GitLab's number.
    pub id: TokenId,
    /// By which its value is recognised in a store.
    pub digest: Digest,
    /// When it expires.
    pub expires_at: Option<Date>,
    /// When we learned of it.
    pub at: Timestamp,
}

/// A pipeline or job that we started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRef {
    /// GitLab's number of the pipeline.
    pub pipeline: u64,
    /// The named job, once known.
    pub job: Option<u64>,
    /// Where a person can look at it.
    pub url: String,
}

/// How far one consumer has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Run {
    /// Not started.
    Pending,
    /// About to be started, or started and the answer lost: look for one made since before starting another.
    Starting {
        /// When the intent was written down.
        since: Timestamp,
        /// The newest run before, by GitLab's number: whatever is newer was made after the switch, by any clock.
        after: Option<u64>,
    },
    /// Running.
    Started {
        /// What runs.
        run: RunRef,
        /// When the intent was written down; only what happened after counts.
        since: Timestamp,
    },
    /// Its named job ran after the switch and passed.
    Passed {
        /// What ran.
        run: RunRef,
        /// When that was seen.
        at: Timestamp,
    },
}

/// What follows once the pending tokens are revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterRevoke {
    /// Make the new token (`revoke_first`).
    Mint,
    /// Close with this outcome.
    Close(Outcome),
}

/// How a rotation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The new token is proven, the old one revoked.
    Done,
    /// An approver said no.
    Declined,
    /// Somebody rotated or revoked the token elsewhere.
    Superseded,
    /// The token left the configuration before anything was changed.
    Withdrawn,
    /// A person ended it; the words on the rotation say which tokens live.
    Abandoned,
}

/// Why a rotation cannot go on by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// What happened, one sentence.
    pub what: String,
    /// What still works.
    pub safe: String,
    /// What a person should do.
    pub todo: String,
    /// Where to look.
    pub link: Option<String>,
    /// The end of a job's log, masked.
    pub log: Option<String>,
}

/// Where a rotation stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Phase {
    /// People decide.
    AwaitingApproval,
    /// Approved; starts in its window.
    Scheduled {
        /// When the window opens.
        at: Timestamp,
    },
    /// Making the new token.
    Minting {
        /// Which try, from 1.
        attempt: u32,
        /// When the intent to send the request was written down. Set: the request may have been sent.
        started: Option<Timestamp>,
    },
    /// Writing it to the stores.
    Distributing {
        /// The new token.
        new: Minted,
        /// Stores that do not hold it yet, in the order in which they are tried next.
        pending: Vec<StoreId>,
        /// Those of them that could not be written when they were tried last, and why.
        #[serde(default)]
        down: BTreeMap<StoreId, String>,
    },
    /// Proving it.
    Verifying {
        /// The new token.
        new: Minted,
        /// How far each consumer has come.
        runs: BTreeMap<ConsumerId, Run>,
        /// When the last run passed (or verification began, if there is none): use is awaited from then on.
        passed_at: Option<Timestamp>,
    },
    /// The new token is proven; the old one must stay silent.
    Grace {
        /// The new token.
        new: Minted,
        /// Since when it is watched.
        since: Timestamp,
        /// The last use that was before this watch, by GitLab's clock: another one breaks the silence. GitLab's stamps are
        /// only compared with each other, so clocks that differ end no token that is in use.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Timestamp>,
        /// When it may be revoked.
        until: Timestamp,
        /// How often silence was broken.
        broken: u32,
    },
    /// Putting the previous value back.
    Restoring {
        /// The token that is given up.
        new: Minted,
        /// Stores that do not hold the previous value yet.
        pending: Vec<StoreId>,
    },
    /// Revoking what must not live.
    Revoking {
        /// The token that stays, if there is one.
        new: Option<Minted>,
        /// Tokens to revoke.
        pending: BTreeSet<TokenId>,
        /// What follows.
        then: AfterRevoke,
    },
    /// A last look for tokens that carry our marker.
    Closing {
        /// The token that stays, if there is one.
        new: Option<Minted>,
        /// How it ends.
        outcome: Outcome,
    },
    /// Over.
    Closed {
        /// How it ended.
        outcome: Outcome,
        /// When.
        at: Timestamp,
    },
    /// A person is needed.
    Stuck {
        /// Where it stood; `retry` goes back there.
        at: Box<Phase>,
        /// Words.
        why: Why,
    },
}

impl Phase {
    /// The names of the phases in which something may still happen.
    pub const OPEN: &[&str] = &[
        "awaiting_approval",
        "scheduled",
        "minting",
        "distributing",
        "verifying",
        "grace",
        "restoring",
        "revoking",
        "closing",
        "stuck",
    ];

    /// The state's name, as in the database, metrics and `list`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting_approval",
            Self::Scheduled { .. } => "scheduled",
            Self::Minting { .. } => "minting",
            Self::Distributing { .. } => "distributing",
            Self::Verifying { .. } => "verifying",
            Self::Grace { .. } => "grace",
            Self::Restoring { .. } => "restoring",
            Self::Revoking { .. } => "revoking",
            Self::Closing { .. } => "closing",
            Self::Closed { .. } => "closed",
            Self::Stuck { .. } => "stuck",
        }
    }

    /// Whether nothing will happen any more.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// The new token that this phase works with; of a stuck rotation, where it stood.
    pub fn minted(&self) -> Option<&Minted> {
        match self {
            Self::Distributing { new, .. }
            | Self::Verifying { new, .. }
            | Self::Grace { new, .. }
            | Self::Restoring { new, .. } => Some(new),
            Self::Revoking { new, .. } | Self::Closing { new, .. } => new.as_ref(),
            Self::Stuck { at, .. } => at.minted(),
            _ => None,
        }
    }
}
