//! What the engine needs to know, already validated by the configuration.

use crate::rotation::ids::{PersonId, TokenName};
use crate::rotation::policy::Policy;
use crate::rotation::remind::Reminders;
use crate::rotation::token::ManagedToken;
use crate::rotation::window::Window;
use std::collections::BTreeMap;
use std::time::Duration;

/// A person of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// For people.
    pub name: String,
    /// Login in GitLab.
    pub gitlab: Option<String>,
    /// User id in Slack.
    pub slack: Option<String>,
    /// User id in Discord.
    pub discord: Option<String>,
}

/// The knobs of the engine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of this process in leases.
    pub owner: String,
    /// How long a lease lasts; longer than the longest call by far.
    pub lease: Duration,
    /// How long a request that we sent may still land.
    pub horizon_seconds: u64,
    /// How long the new token may take to be seen in use.
    pub use_seconds: u64,
    /// How often running pipelines are looked at when no webhook comes.
    pub poll: Duration,
    /// How often the inventory is scanned.
    pub scan_every: Duration,
    /// Failures in a row after which a person is asked.
    pub max_tries: u32,
    /// Rotations worked on at once.
    pub parallel: usize,
    /// When approved rotations may start.
    pub window: Option<Window>,
    /// When and how loudly people are reminded.
    pub reminders: Reminders,
    /// The project in which unmanaged tokens are reported, if issues are used.
    pub issues_project: Option<String>,
    /// Labels of our issues.
    pub labels: Vec<String>,
    /// Pauses before trouble is tried again, from the number of failures so far.
    pub backoff: Backoff,
}

/// Pauses that grow, with a ceiling; `spread` (0 to 1, from the caller's randomness) keeps replicas apart.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// After the first failure.
    pub first: Duration,
    /// Never longer.
    pub most: Duration,
}

impl Backoff {
    /// The pause after `tries` failures.
    pub fn pause(&self, tries: u32, spread: f64) -> Duration {
        let grown = self.first.saturating_mul(1 << tries.min(16)).min(self.most);
        grown.mul_f64(0.5 + spread.clamp(0.0, 1.0) / 2.0)
    }
}

/// Managed tokens and people, by name.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Managed tokens.
    pub tokens: BTreeMap<TokenName, ManagedToken>,
    /// People.
    pub people: BTreeMap<PersonId, Person>,
}

impl Catalog {
    /// Who may decide on a token, now. A token that is no longer configured has nobody.
    pub fn policy(&self, token: &TokenName) -> Policy {
        self.tokens.get(token).map_or_else(Policy::default, |managed| Policy {
            approvers: managed.approvers.iter().filter(|id| self.people.contains_key(id)).cloned().collect(),
            quorum: managed.quorum,
            approval_seconds: managed.approval_seconds,
        })
    }
}
