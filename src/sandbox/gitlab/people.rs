//! Users, groups and projects, and who is what where.

use std::collections::BTreeMap;

/// Access level of a guest.
pub const GUEST: u8 = 10;
/// Access level of a reporter.
pub const REPORTER: u8 = 20;
/// Access level of a developer.
pub const DEVELOPER: u8 = 30;
/// Access level of a maintainer.
pub const MAINTAINER: u8 = 40;
/// Access level of an owner.
pub const OWNER: u8 = 50;

/// What can own service accounts, bot users, variables and webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The whole instance.
    Instance,
    /// A group, by number.
    Group(u64),
    /// A project, by number.
    Project(u64),
}

/// What sort of user it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person, or an ordinary user used as a bot.
    Human,
    /// A service account and who owns it.
    ServiceAccount(Place),
    /// The user behind a project or group access token.
    ProjectBot(Place),
}

/// A user.
#[derive(Clone, Debug)]
pub struct User {
    /// GitLab's number.
    pub id: u64,
    /// Login.
    pub username: String,
    /// Display name.
    pub name: String,
    /// Person, service account or bot.
    pub kind: Kind,
    /// Administrator of the instance.
    pub admin: bool,
    /// May not do anything.
    pub blocked: bool,
}

/// A group; its parents are found by path.
pub(super) struct Group {
    pub id: u64,
    pub path: String,
    pub members: BTreeMap<u64, u8>,
}

/// A project.
pub(super) struct Project {
    pub id: u64,
    pub path: String,
    pub members: BTreeMap<u64, u8>,
    pub protected_refs: Vec<String>,
    pub archived: bool,
}

impl Project {
    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The path without its last part.
    pub fn namespace(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(parent, _)| parent)
    }
}

/// Whether `inner` is the group path `outer` or lies below it.
pub(super) fn is_within(inner: &str, outer: &str) -> bool {
    inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
}
