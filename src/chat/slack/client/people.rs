//! Who somebody is now: an account's standing and the members of a user group. What cannot be learned is an error,
//! never a yes.

use super::{Client, method};
use crate::chat::ChatError;
use serde::Deserialize;
use std::collections::BTreeSet;

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
    /// Their account in the organisation, if the workspace belongs to one.
    pub enterprise_user: Option<EnterpriseUser>,
}

/// An account in an organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct EnterpriseUser {
    /// The organisation.
    pub enterprise_id: String,
}

impl Member {
    /// Whether this is one of our own: of the workspace, or of the organisation if the bot is installed in one (`E…`).
    pub fn belongs_to(&self, team: &str) -> bool {
        match team.starts_with('E') {
            true => self.enterprise_user.as_ref().is_some_and(|user| user.enterprise_id == team),
            false => self.team_id == team,
        }
    }

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
