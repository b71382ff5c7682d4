//! Slack's people: the standing of an account in the workspace, and who is in a user group.

use super::kept::Kept;
use super::{Age, Directory, Standing, Survey, Unproven};
use crate::chat::ChatError;
use crate::chat::slack::client::{Client, Member};
use crate::clock::Clock;
use crate::rotation::group::Group;
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The workspace in which the bot is installed.
pub struct SlackDirectory {
    client: Arc<Client>,
    team: String,
    members: Kept<String, Standing>,
    groups: Kept<String, BTreeSet<String>>,
}

impl SlackDirectory {
    /// `team` is our own workspace (`T…`) or organisation (`E…`); whoever belongs to another has no say.
    pub fn new(client: Arc<Client>, team: String, clock: Arc<dyn Clock>) -> Self {
        Self { client, team, members: Kept::new(clock.clone()), groups: Kept::new(clock) }
    }

    async fn group(&self, id: &str, account: Option<&str>, age: Age) -> Result<BTreeSet<String>, Unproven> {
        let lets_in = |users: &BTreeSet<String>| account.is_none_or(|account| users.contains(account));
        if let Some(known) = self.groups.get(&id.to_owned(), age, lets_in) {
            return Ok(known);
        }
        let users = self.client.group(id).await.map_err(|error| unproven(&error))?;
        self.groups.put(id.to_owned(), &users);
        Ok(users)
    }
}

#[async_trait]
impl Directory for SlackDirectory {
    async fn standing(&self, account: &str, age: Age) -> Result<Standing, Unproven> {
        if let Some(known) = self.members.get(&account.to_owned(), age, |known| *known == Standing::Member) {
            return Ok(known);
        }
        let standing = match self.client.member(account).await {
            Ok(member) => standing(&member, &self.team),
            Err(ChatError::Refused { why, .. }) if why.starts_with("user_not_found") => Standing::Unknown,
            Err(error) => return Err(unproven(&error)),
        };
        self.members.put(account.to_owned(), &standing);
        Ok(standing)
    }

    async fn holds(&self, group: &Group, account: &str, age: Age) -> Result<bool, Unproven> {
        let Group::Slack { id } = group else { return Ok(false) };
        Ok(self.group(id, Some(account), age).await?.contains(account))
    }

    async fn survey(&self, group: &Group) -> Result<Survey, Unproven> {
        let Group::Slack { id } = group else { return Ok(Survey { name: None, people: Some(0) }) };
        Ok(Survey { name: None, people: Some(self.group(id, None, Age::Recent).await?.len()) })
    }
}

fn standing(member: &Member, team: &str) -> Standing {
    if member.deleted {
        Standing::Deactivated
    } else if !member.belongs_to(team) {
        Standing::Elsewhere
    } else if member.is_guest() {
        Standing::Guest
    } else {
        Standing::Member
    }
}

/// Slack's own hint stands in the words already.
fn unproven(error: &ChatError) -> Unproven {
    match error {
        ChatError::Unavailable { .. } => Unproven::Passing(error.to_string()),
        _ => Unproven::Refused(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::slack::client::EnterpriseUser;

    fn of(team: &str, organisation: Option<&str>) -> Member {
        let enterprise_user = organisation.map(|id| EnterpriseUser { enterprise_id: id.to_owned() });
        Member { team_id: team.to_owned(), enterprise_user, ..Member::default() }
    }

    #[test]
    fn only_accounts_of_our_workspace_or_organisation_are_members() {
        for (member, team, expected) in [
            (of("T1", None), "T1", Standing::Member),
            (of("T2", None), "T1", Standing::Elsewhere),
            (of("T2", Some("E1")), "E1", Standing::Member),
            (of("T2", Some("E2")), "E1", Standing::Elsewhere),
            (of("T2", None), "E1", Standing::Elsewhere),
            (Member { is_restricted: true, ..of("T1", Some("E1")) }, "E1", Standing::Guest),
        ] {
            assert_eq!(standing(&member, team), expected, "{member:?} in {team}");
        }
    }
}
