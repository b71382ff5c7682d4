//! People and the groups they are in, as far as rights hang on it: who is active, and who has which role.

use super::{Client, Result, none_if};
use crate::http::{Call, segment};
use jiff::civil::Date;
use serde::Deserialize;

/// An account as the instance shows it to others.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct User {
    /// Its number.
    pub id: u64,
    /// Its login.
    pub username: String,
    /// `active`, or why it is not: `blocked`, `deactivated`, `banned`.
    #[serde(default)]
    pub state: String,
    /// Whether a program goes by it; unknown to older versions.
    #[serde(default)]
    pub bot: bool,
}

/// A member of a group, inherited memberships counted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Member {
    /// Its number.
    pub id: u64,
    /// `active`, or why it is not.
    #[serde(default)]
    pub state: String,
    /// `active`, or `awaiting` an administrator's yes; unknown to older versions.
    #[serde(default)]
    pub membership_state: Option<String>,
    /// Its role, 10 to 50.
    pub access_level: u8,
    /// The UTC date from which it is no member; GitLab removes it some time on that day.
    #[serde(default)]
    pub expires_at: Option<Date>,
}

impl Member {
    /// Whether it counts with at least that role.
    pub fn has(&self, level: u8, today: Date) -> bool {
        self.state == "active"
            && self.membership_state.as_deref().is_none_or(|state| state == "active")
            && self.expires_at.is_none_or(|date| date > today)
            && self.access_level >= level
    }
}

impl Client {
    /// A user by login, whatever its case. `None`: there is none.
    pub async fn user(&self, username: &str) -> Result<Option<User>> {
        let users: Vec<User> = self.get(Call::get("/users").query("username", username)).await?;
        Ok(users.into_iter().find(|user| user.username.eq_ignore_ascii_case(username)))
    }

    /// The membership of a user in a group or above it. `None`: no member, or no group that we can see.
    pub async fn group_member(&self, path: &str, user: u64) -> Result<Option<Member>> {
        let at = format!("/groups/{}/members/all/{user}", segment(path));
        none_if(&[404], self.get(Call::get(at)).await)
    }

    /// Everybody in a group or above it. `None`: there is no group that we can see.
    pub async fn group_members(&self, path: &str) -> Result<Option<Vec<Member>>> {
        let at = format!("/groups/{}/members/all", segment(path));
        none_if(&[404], self.all(|| Call::get(at.clone())).await)
    }
}
