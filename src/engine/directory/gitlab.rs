//! GitLab's people: members of a group with a role, inherited memberships counted, and only active accounts.

use super::kept::Kept;
use super::{Age, Directory, Standing, Survey, Unproven};
use crate::clock::Clock;
use crate::gitlab::{Client, User};
use crate::http::CallError;
use crate::ledger::{Ledger, LedgerError};
use crate::rotation::group::Group;
use async_trait::async_trait;
use std::sync::Arc;

/// What a held group's name begins with among the held logins.
pub const HELD_GROUP: &str = "gitlab-group:";

/// The instance that holds the tokens.
pub struct GitlabDirectory {
    client: Client,
    clock: Arc<dyn Clock>,
    users: Kept<String, Option<User>>,
    members: Kept<(Group, u64), bool>,
    groups: Kept<String, u64>,
    holds: Option<Arc<dyn Ledger>>,
}

impl GitlabDirectory {
    /// People as the bot sees them.
    pub fn new(client: Client, clock: Arc<dyn Clock>) -> Self {
        let (users, members) = (Kept::new(clock.clone()), Kept::new(clock.clone()));
        Self { client, users, members, groups: Kept::new(clock.clone()), holds: None, clock }
    }

    /// Groups are held to the number that their path led to when it was first looked at, across restarts.
    #[must_use]
    pub fn held_in(self, ledger: Arc<dyn Ledger>) -> Self {
        Self { holds: Some(ledger), ..self }
    }

    /// The number of a group, and no other's, whoever has its path by now. `None`: there is no group that we can see.
    async fn group(&self, path: &str, age: Age) -> Result<Option<u64>, Unproven> {
        let key = held_as(path);
        if let Some(known) = self.groups.get(&key, age, |_| true) {
            return Ok(Some(known));
        }
        let host = self.client.host();
        let held = match &self.holds {
            Some(ledger) => ledger.logins(host).await.map_err(passing)?.get(&key).copied(),
            None => None,
        };
        let found = self.client.group_number(path, held).await.map_err(|error| unproven(&error))?;
        let Some(found) = found else { return Ok(None) };
        let held = match &self.holds {
            Some(ledger) => ledger.hold_login(host, &key, found, self.clock.now()).await.map_err(passing)?,
            None => found,
        };
        if held != found {
            return Err(Unproven::Refused(format!(
                "GitLab's group {path} is another one (number {found}) than when rekey first looked (number {held}), so \
                 nobody counts by it; if it is meant, run rekey people forget-login {key}"
            )));
        }
        self.groups.put(key, &found);
        Ok(Some(found))
    }

    async fn user(&self, login: &str, age: Age) -> Result<Option<User>, Unproven> {
        let login = login.to_lowercase();
        if let Some(known) = self.users.get(&login, age, |user| user.as_ref().is_some_and(is_active)) {
            return Ok(known);
        }
        let user = self.client.user(&login).await.map_err(|error| unproven(&error))?;
        self.users.put(login, &user);
        Ok(user)
    }
}

#[async_trait]
impl Directory for GitlabDirectory {
    async fn standing(&self, account: &str, age: Age) -> Result<Standing, Unproven> {
        Ok(match self.user(account, age).await? {
            None => Standing::Unknown,
            Some(user) if !is_active(&user) => Standing::Deactivated,
            Some(user) if user.bot => Standing::Guest,
            Some(_) => Standing::Member,
        })
    }

    async fn holds(&self, group: &Group, account: &str, age: Age) -> Result<bool, Unproven> {
        let Group::Gitlab { path, level } = group else { return Ok(false) };
        let Some(user) = self.user(account, age).await? else { return Ok(false) };
        let key = (group.clone(), user.id);
        if let Some(known) = self.members.get(&key, age, |is_in| *is_in) {
            return Ok(known);
        }
        let Some(number) = self.group(path, age).await? else { return Ok(false) };
        let member = self.client.group_member(&number.to_string(), user.id).await;
        let member = member.map_err(|error| unproven(&error))?;
        let is_in = member.is_some_and(|member| member.has(*level, self.clock.today()));
        self.members.put(key, &is_in);
        Ok(is_in)
    }

    async fn survey(&self, group: &Group) -> Result<Survey, Unproven> {
        let Group::Gitlab { path, level } = group else { return Ok(Survey { name: None, people: Some(0) }) };
        let members = match self.group(path, Age::Recent).await? {
            Some(number) => self.client.group_members(&number.to_string()).await.map_err(|error| unproven(&error))?,
            None => None,
        };
        let members = members.ok_or_else(|| {
            Unproven::Refused(format!("GitLab has no group {path}, or the bot cannot see it; correct the path"))
        })?;
        let today = self.clock.today();
        let people = members.iter().filter(|member| member.has(*level, today)).count();
        Ok(Survey { name: None, people: Some(people) })
    }
}

/// As what a group is remembered beside the logins, none of which has a colon.
fn held_as(path: &str) -> String {
    format!("{HELD_GROUP}{}", path.to_lowercase())
}

fn passing(error: LedgerError) -> Unproven {
    Unproven::Passing(error.to_string())
}

fn is_active(user: &User) -> bool {
    user.state == "active"
}

fn unproven(error: &CallError) -> Unproven {
    match error.status() {
        Some(_) if !error.bars_everything() => Unproven::Refused(error.to_string()),
        _ => Unproven::Passing(error.to_string()),
    }
}
