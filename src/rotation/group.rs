//! Groups whose members may decide: `slack-group:S0123ABCD`, `discord-role:1234567890`,
//! `gitlab-group:acme/platform>=maintainer`. Ids, because names change hands; who is in them is asked when it matters.

use super::account::Service;
use super::ids::PersonId;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// GitLab's roles, by their numbers.
const ROLES: [(&str, u8); 6] =
    [("guest", 10), ("planner", 15), ("reporter", 20), ("developer", 30), ("maintainer", 40), ("owner", 50)];

/// A group whose members may decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Group {
    /// A Slack user group.
    Slack {
        /// Its id, `S…`.
        id: String,
    },
    /// A Discord role.
    Discord {
        /// Its id, all digits.
        role: String,
    },
    /// Members of a GitLab group, inherited ones too.
    Gitlab {
        /// Full path.
        path: String,
        /// The least role that counts.
        level: u8,
    },
}

/// Why a text names no group; completes "approver … ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoGroup(pub &'static str);

impl Group {
    /// Who knows its members.
    pub fn service(&self) -> Service {
        match self {
            Self::Slack { .. } => Service::Slack,
            Self::Discord { .. } => Service::Discord,
            Self::Gitlab { .. } => Service::Gitlab,
        }
    }

    /// For people, as in "ask members of …".
    pub fn in_words(&self) -> String {
        match self {
            Self::Slack { id } => format!("the Slack group {id}"),
            Self::Discord { role } => format!("the Discord role {role}"),
            Self::Gitlab { path, level } => format!("the GitLab group {path} ({} or more)", role_name(*level)),
        }
    }
}

fn role_name(level: u8) -> &'static str {
    ROLES.iter().find(|(_, number)| *number == level).map_or("owner", |(name, _)| *name)
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slack { id } => write!(f, "slack-group:{id}"),
            Self::Discord { role } => write!(f, "discord-role:{role}"),
            Self::Gitlab { path, level } => write!(f, "gitlab-group:{path}>={}", role_name(*level)),
        }
    }
}

impl FromStr for Group {
    type Err = NoGroup;

    fn from_str(text: &str) -> Result<Self, NoGroup> {
        match text.split_once(':') {
            Some(("slack-group", id)) => slack(id),
            Some(("discord-role", role)) => discord(role),
            Some(("gitlab-group", group)) => gitlab(group),
            _ => Err(NoGroup("is no group; write slack-group:S…, discord-role:… or gitlab-group:path>=role")),
        }
    }
}

fn slack(id: &str) -> Result<Group, NoGroup> {
    let plain = |symbol: char| symbol.is_ascii_uppercase() || symbol.is_ascii_digit();
    if id.len() < 2 || !id.starts_with('S') || !id.chars().all(plain) {
        return Err(NoGroup(
            "must name the user group by its id, such as \"slack-group:S0123ABCD\"; names change hands",
        ));
    }
    Ok(Group::Slack { id: id.to_owned() })
}

fn discord(role: &str) -> Result<Group, NoGroup> {
    if role.is_empty() || !role.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(NoGroup("must name the role by its id, such as \"discord-role:1234567890\" (Copy Role ID)"));
    }
    Ok(Group::Discord { role: role.to_owned() })
}

fn gitlab(group: &str) -> Result<Group, NoGroup> {
    let Some((path, role)) = group.split_once(">=") else {
        return Err(NoGroup("must say from which role on, such as \"gitlab-group:acme/platform>=maintainer\""));
    };
    let plain = |symbol: char| symbol.is_ascii_alphanumeric() || matches!(symbol, '.' | '-' | '_');
    if !path.split('/').all(|part| !part.is_empty() && part.chars().all(plain)) {
        return Err(NoGroup(
            "must name the group by its full path, such as \"gitlab-group:acme/platform>=maintainer\"",
        ));
    }
    let Some((_, level)) = ROLES.iter().find(|(name, _)| *name == role) else {
        return Err(NoGroup("must end in a role: >=guest, planner, reporter, developer, maintainer or owner"));
    };
    Ok(Group::Gitlab { path: path.to_owned(), level: *level })
}

impl TryFrom<String> for Group {
    type Error = NoGroup;

    fn try_from(text: String) -> Result<Self, NoGroup> {
        text.parse()
    }
}

impl From<Group> for String {
    fn from(group: Group) -> Self {
        group.to_string()
    }
}

/// Somebody whom the configuration lets decide on a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approver {
    /// One person, by name.
    Person(PersonId),
    /// Everybody who is in a group when it matters.
    Group(Group),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_written_as_it_is_read() {
        for text in ["slack-group:S0123ABCD", "discord-role:1234567890", "gitlab-group:acme/platform.a>=maintainer"] {
            let group: Group = text.parse().unwrap();
            assert_eq!(group.to_string(), text);
            let stored = serde_json::to_string(&group).unwrap();
            assert_eq!(serde_json::from_str::<Group>(&stored).unwrap(), group);
        }
    }

    #[test]
    fn what_is_no_id_no_path_or_no_role_is_refused_with_an_example() {
        for text in [
            "slack-group:platform",
            "slack-group:S",
            "discord-role:ops",
            "discord-role:",
            "gitlab-group:acme",
            "gitlab-group:acme>=boss",
            "gitlab-group:>=owner",
            "gitlab-group:acme//b>=owner",
            "gitlab-group:acme>=",
            "slackgroup:S1",
            "alice",
        ] {
            assert!(text.parse::<Group>().is_err(), "{text}");
        }
    }
}
