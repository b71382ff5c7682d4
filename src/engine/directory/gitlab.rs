//! GitLab's people: members of a group with a role, inherited memberships counted, and only active accounts.

use super::kept::Kept;
use super::{Age, Directory, Standing, Survey, Unproven};
use crate::clock::Clock;
use crate::gitlab::{Client, User};
use crate::http::CallError;
use crate::rotation::group::Group;
use async_trait::async_trait;
use std::sync::Arc;

/// The instance that holds the tokens.
pub struct GitlabDirectory {
    client: Client,
    clock: Arc<dyn Clock>,
    users: Kept<String, Option<User>>,
    members: Kept<(Group, u64), bool>,
}

impl GitlabDirectory {
    /// People as the bot sees them.
    pub fn new(client: Client, clock: Arc<dyn Clock>) -> Self {
        Self { client, users: Kept::new(clock.clone()), members: Kept::new(clock.clone()), clock }
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
        let member = self.client.group_member(path, user.id).await.map_err(|error| unproven(&error))?;
        let is_in = member.is_some_and(|member| member.has(*level, self.clock.today()));
        self.members.put(key, &is_in);
        Ok(is_in)
    }

    async fn survey(&self, group: &Group) -> Result<Survey, Unproven> {
        let Group::Gitlab { path, level } = group else { return Ok(Survey { name: None, people: Some(0) }) };
        let members = self.client.group_members(path).await.map_err(|error| unproven(&error))?;
        let members = members.ok_or_else(|| {
            Unproven::Refused(format!("GitLab has no group {path}, or the bot cannot see it; correct the path"))
        })?;
        let today = self.clock.today();
        let people = members.iter().filter(|member| member.has(*level, today)).count();
        Ok(Survey { name: None, people: Some(people) })
    }
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
