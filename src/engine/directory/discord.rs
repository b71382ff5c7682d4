//! Discord's people: who is a member of the server, and with which roles. Both come in one answer.

use super::kept::Kept;
use super::{Age, Directory, Standing, Survey, Unproven};
use crate::chat::ChatError;
use crate::chat::discord::client::{Client, Member};
use crate::clock::Clock;
use crate::rotation::group::Group;
use async_trait::async_trait;
use std::sync::Arc;

/// The server (guild) in which the bot is installed.
pub struct DiscordDirectory {
    client: Arc<Client>,
    guild: String,
    members: Kept<String, Option<Member>>,
}

impl DiscordDirectory {
    /// `guild` is our own server; whoever is no member of it has no say.
    pub fn new(client: Arc<Client>, guild: String, clock: Arc<dyn Clock>) -> Self {
        Self { client, guild, members: Kept::new(clock) }
    }

    async fn member(&self, account: &str, age: Age, lets_in: impl Fn(&Member) -> bool) -> Asked {
        let known = self.members.get(&account.to_owned(), age, |known| known.as_ref().is_some_and(&lets_in));
        if let Some(known) = known {
            return Ok(known);
        }
        let member = self.client.member(&self.guild, account).await.map_err(|error| unproven(&error))?;
        self.members.put(account.to_owned(), &member);
        Ok(member)
    }
}

type Asked = Result<Option<Member>, Unproven>;

#[async_trait]
impl Directory for DiscordDirectory {
    async fn standing(&self, account: &str, age: Age) -> Result<Standing, Unproven> {
        let member = self.member(account, age, |member| !member.user.bot).await?;
        Ok(match member {
            None => Standing::Unknown,
            Some(member) if member.user.bot => Standing::Guest,
            Some(_) => Standing::Member,
        })
    }

    async fn holds(&self, group: &Group, account: &str, age: Age) -> Result<bool, Unproven> {
        let Group::Discord { role } = group else { return Ok(false) };
        let has = |member: &Member| member.roles.contains(role);
        Ok(self.member(account, age, has).await?.as_ref().is_some_and(has))
    }

    /// Discord lists the members of a role only to bots with a privileged intent, so that nobody is counted.
    async fn survey(&self, group: &Group) -> Result<Survey, Unproven> {
        let Group::Discord { role } = group else { return Ok(Survey { name: None, people: Some(0) }) };
        let roles = self.client.roles(&self.guild).await.map_err(|error| unproven(&error))?;
        match roles.into_iter().find(|known| known.id == *role) {
            Some(known) => Ok(Survey { name: Some(known.name), people: None }),
            None => {
                Err(Unproven::Refused("the server has no such role; copy its id from Server Settings, Roles".into()))
            }
        }
    }
}

/// Discord's own hint stands in the words already.
fn unproven(error: &ChatError) -> Unproven {
    match error {
        ChatError::Unavailable { .. } => Unproven::Passing(error.to_string()),
        _ => Unproven::Refused(error.to_string()),
    }
}
