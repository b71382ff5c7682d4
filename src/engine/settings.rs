//! What the engine needs to know, already validated by the configuration.

use crate::rotation::account::{Account, Accounts, Service};
use crate::rotation::group::{Approver, Group};
use crate::rotation::ids::{PersonId, TokenName};
use crate::rotation::remind::Reminders;
use crate::rotation::token::ManagedToken;
use crate::rotation::window::Window;
use std::collections::{BTreeMap, BTreeSet};
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
    /// Whether they are told of trouble that concerns everybody, and may let others try their codes again.
    pub administrator: bool,
}

impl Person {
    /// Their accounts.
    pub fn accounts(&self) -> Accounts {
        let all = [(Service::Slack, &self.slack), (Service::Discord, &self.discord), (Service::Gitlab, &self.gitlab)];
        let known = all.into_iter().filter_map(|(service, id)| Some(Account::new(service, id.clone()?)));
        known.map(|account| (account.service, account.id)).collect()
    }
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
    /// Least pause between two scans that notices ask for.
    pub scan_pause: Duration,
    /// How long trouble outside is waited out before a person is asked. What is refused is asked about at once.
    pub give_up_after: Duration,
    /// How long steps may take to end when the bot is told to stop. What is in custody then is lost and made again.
    pub farewell: Duration,
    /// How long closed rotations, and what was told, are kept.
    pub keep: Duration,
    /// People may look, but nothing is begun. What is under way goes on to its end.
    pub paused: bool,
    /// The bot's own token is read again when it is replaced, so that the bot can rotate it like any other.
    pub own_token_renews: bool,
    /// Whose shell this process runs a command for; unset in the bot itself.
    pub shell: Option<String>,
    /// Whether a shell may decide for people (`--as`).
    pub decide_as: bool,
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
    /// People who are named as approvers of a token. A token that is no longer configured has none.
    pub fn named(&self, token: &TokenName) -> BTreeSet<PersonId> {
        let named = self.tokens.get(token).into_iter().flat_map(|managed| &managed.approvers);
        named.filter(|id| self.people.contains_key(id)).cloned().collect()
    }

    /// Everybody whom the configuration lets decide on a token, people first.
    pub fn approvers(&self, token: &TokenName) -> Vec<Approver> {
        let groups = self.tokens.get(token).into_iter().flat_map(|managed| managed.groups.iter().cloned());
        self.named(token).into_iter().map(Approver::Person).chain(groups.map(Approver::Group)).collect()
    }

    /// Every group whose members may decide on some token.
    pub fn groups(&self) -> BTreeSet<Group> {
        self.tokens.values().flat_map(|managed| managed.groups.iter().cloned()).collect()
    }

    /// The accounts of a person: those that the configuration binds, or the one by which they go.
    pub fn accounts(&self, person: &PersonId) -> Accounts {
        match (self.people.get(person), Account::of(person)) {
            (Some(named), _) => named.accounts(),
            (None, Some(account)) => [(account.service, account.id)].into(),
            (None, None) => Accounts::new(),
        }
    }
}
