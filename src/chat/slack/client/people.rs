//! Who somebody is now: an account's standing and the members of a user group, remembered for a few minutes. What
//! cannot be learned is an error, never a yes.

use super::{Client, method};
use crate::chat::ChatError;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long an answer holds. Slack lets an app ask for user groups twenty times a minute.
const HOLDS: Duration = Duration::from_secs(120);

/// Answers kept; beyond that those that no longer hold are dropped.
const KEPT: usize = 1_000;

/// An account as Slack knows it now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Member {
    /// What others call them.
    pub name: String,
    /// Their own workspace.
    pub team_id: String,
    /// Their zone, such as `Europe/Berlin`.
    pub tz: Option<String>,
    /// Deactivated.
    pub deleted: bool,
    /// A guest of several channels.
    pub is_restricted: bool,
    /// A guest of one channel.
    pub is_ultra_restricted: bool,
    /// Of another organisation, seen in a shared channel.
    pub is_stranger: bool,
    /// Not a person.
    pub is_bot: bool,
}

impl Member {
    /// Whether the workspace does not count them among its own people. Bots never decide.
    pub fn is_guest(&self) -> bool {
        self.is_restricted || self.is_ultra_restricted || self.is_stranger || self.is_bot
    }
}

#[derive(Deserialize)]
struct MemberAnswer {
    user: Member,
}

#[derive(Deserialize)]
struct GroupAnswer {
    users: BTreeSet<String>,
}

impl Client {
    /// An account, asked of Slack now. Needs the scope `users:read`.
    pub async fn member(&self, id: &str) -> Result<Member, ChatError> {
        let answer: MemberAnswer = self.ask(method::USER.get().query("user", id)).await?;
        Ok(answer.user)
    }

    /// The accounts in a user group, asked of Slack now. Needs the scope `usergroups:read`.
    pub async fn group(&self, id: &str) -> Result<BTreeSet<String>, ChatError> {
        let call = method::GROUP.get().query("usergroup", id);
        let answer: GroupAnswer = self.ask(call).await?;
        Ok(answer.users)
    }
}

/// Accounts and groups, each remembered for two minutes.
pub struct People {
    client: Arc<Client>,
    members: Mutex<BTreeMap<String, (Instant, Member)>>,
    groups: Mutex<BTreeMap<String, (Instant, BTreeSet<String>)>>,
}

impl People {
    /// People as this client sees them.
    pub fn new(client: Arc<Client>) -> Self {
        Self { client, members: Mutex::default(), groups: Mutex::default() }
    }

    /// The account's standing, at most two minutes old. An error means that nobody knows: refuse.
    pub async fn member(&self, id: &str) -> Result<Member, ChatError> {
        if let Some(known) = held(&self.members, id) {
            return Ok(known);
        }
        let member = self.client.member(id).await?;
        keep(&self.members, id, &member);
        Ok(member)
    }

    /// Which of `groups` the account is in, at most two minutes old. An error means that nobody knows: refuse.
    pub async fn groups_of(&self, id: &str, groups: &BTreeSet<String>) -> Result<BTreeSet<String>, ChatError> {
        let mut of = BTreeSet::new();
        for group in groups {
            if self.members_of(group).await?.contains(id) {
                of.insert(group.clone());
            }
        }
        Ok(of)
    }

    /// The accounts in a user group, at most two minutes old.
    pub async fn members_of(&self, group: &str) -> Result<BTreeSet<String>, ChatError> {
        if let Some(known) = held(&self.groups, group) {
            return Ok(known);
        }
        let members = self.client.group(group).await?;
        keep(&self.groups, group, &members);
        Ok(members)
    }
}

type Kept<T> = Mutex<BTreeMap<String, (Instant, T)>>;

fn lock<T>(kept: &Kept<T>) -> MutexGuard<'_, BTreeMap<String, (Instant, T)>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

fn held<T: Clone>(kept: &Kept<T>, id: &str) -> Option<T> {
    lock(kept).get(id).filter(|(at, _)| at.elapsed() < HOLDS).map(|(_, known)| known.clone())
}

fn keep<T: Clone>(kept: &Kept<T>, id: &str, answer: &T) {
    let mut kept = lock(kept);
    if kept.len() >= KEPT {
        kept.retain(|_, (at, _)| at.elapsed() < HOLDS);
    }
    kept.insert(id.to_owned(), (Instant::now(), answer.clone()));
}
