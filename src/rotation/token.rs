//! Tokens: what the configuration says of one (managed), and what GitLab says of one (live).

use super::group::Group;
use super::identity::Identity;
use super::ids::{ConsumerId, PersonId, StoreId, TokenId, TokenName};
use crate::clock::utc_date;
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// Whose token it is; decides which API may create, rotate, list and revoke it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// A service account owned by a group.
    GroupServiceAccount {
        /// Full path of the group.
        group: String,
        /// Login of the account.
        username: String,
    },
    /// A service account owned by a project.
    ProjectServiceAccount {
        /// Full path of the project.
        project: String,
        /// Login of the account.
        username: String,
    },
    /// A service account of the instance; only an administrator manages its tokens.
    InstanceServiceAccount {
        /// Login of the account.
        username: String,
    },
    /// An ordinary user used as a bot.
    User {
        /// Login of the user.
        username: String,
    },
    /// A project access token (its owner is a bot user made by GitLab).
    Project {
        /// Full path of the project.
        project: String,
    },
    /// A group access token.
    Group {
        /// Full path of the group.
        group: String,
    },
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GroupServiceAccount { group, username } => write!(f, "service account {username} of group {group}"),
            Self::ProjectServiceAccount { project, username } => {
                write!(f, "service account {username} of project {project}")
            }
            Self::InstanceServiceAccount { username } => write!(f, "service account {username} of the instance"),
            Self::User { username } => write!(f, "user {username}"),
            Self::Project { project } => write!(f, "project {project}"),
            Self::Group { group } => write!(f, "group {group}"),
        }
    }
}

impl Owner {
    /// The same owner with the project or group named by its number, as GitLab's API takes it in a path's stead.
    #[must_use]
    pub fn by_number(&self, number: Option<u64>) -> Self {
        let Some(number) = number.map(|number| number.to_string()) else { return self.clone() };
        let mut owner = self.clone();
        match &mut owner {
            Self::GroupServiceAccount { group: path, .. } | Self::Group { group: path } => *path = number,
            Self::ProjectServiceAccount { project: path, .. } | Self::Project { project: path } => *path = number,
            Self::InstanceServiceAccount { .. } | Self::User { .. } => {}
        }
        owner
    }
}

/// A way to replace a token. See `design.md` section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Create, write everywhere, verify, wait for silence, revoke the old one. Both live meanwhile.
    Overlap,
    /// GitLab's rotate with the bot's own authority: the old value dies in that instant.
    InPlace,
    /// GitLab's rotate with the token's own authority, its value read from a store.
    #[serde(rename = "self")]
    SelfRotate,
    /// Revoke, create, write, verify: the value leaked.
    RevokeFirst,
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overlap => "overlap",
            Self::InPlace => "in_place",
            Self::SelfRotate => "self",
            Self::RevokeFirst => "revoke_first",
        })
    }
}

impl Strategy {
    /// Its name and what it means, for who has never seen it.
    pub fn in_words(self) -> String {
        let meaning = match self {
            Self::Overlap => "both tokens live until the new one is proven",
            Self::InPlace => "GitLab replaces the token, and the old value dies in that moment",
            Self::SelfRotate => "the token replaces itself, and the old value dies in that moment",
            Self::RevokeFirst => "the old token is revoked before the new one is made",
        };
        format!("{self} ({meaning})")
    }
}

/// What a consumer does to prove the new token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsumerKind {
    /// Start a new pipeline on a ref.
    Pipeline {
        /// Branch or tag.
        git_ref: String,
    },
    /// Retry the last finished job of that name on a ref.
    RetryJob {
        /// Branch or tag.
        git_ref: String,
    },
    /// Play a pipeline schedule.
    Schedule {
        /// GitLab's number for the schedule.
        schedule: u64,
    },
}

/// A pipeline (or job, or schedule) that uses the token and proves the new one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Consumer {
    /// Full identity.
    pub id: ConsumerId,
    /// Full path of the project it runs in.
    pub project: String,
    /// The job that must have run and passed after the switch.
    pub job: String,
    /// How it is started.
    pub kind: ConsumerKind,
    /// Seconds it may take before it counts as failed.
    pub timeout_seconds: u64,
    /// Which project that is; only a plan knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
}

/// A token named in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedToken {
    /// Its `id` in the configuration.
    pub id: TokenName,
    /// Whose it is.
    pub owner: Owner,
    /// Its name in GitLab.
    pub name: String,
    /// Scopes that the policy allows; the new token gets the old one's that are among them. `None`: the old one's.
    pub scopes: Option<BTreeSet<String>>,
    /// Days the new token lives, before the instance's own limit.
    pub lifetime_days: u16,
    /// Days before expiry from which a rotation is opened.
    pub rotate_before_days: u16,
    /// People who may approve. Without groups, empty means nobody.
    pub approvers: BTreeSet<PersonId>,
    /// Groups whose members may approve.
    pub groups: BTreeSet<Group>,
    /// Whether decisions that change what stores hold need a one-time code.
    pub step_up: bool,
    /// Distinct approvers needed, at least one.
    pub quorum: u32,
    /// Seconds an approval (and a request for it) stays valid.
    pub approval_seconds: u64,
    /// `None` is `auto`: the plan chooses, with reasons.
    pub strategy: Option<Strategy>,
    /// Seconds the old token must stay silent before it is revoked.
    pub grace_seconds: u64,
    /// Where the value lives, in the order in which stores are written.
    pub stores: Vec<StoreId>,
    /// Who proves the new one.
    pub consumers: Vec<Consumer>,
}

/// A token as GitLab describes it. Fields that older versions leave out are empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveToken {
    /// GitLab's number.
    pub id: TokenId,
    /// Its name; text that an attacker may choose.
    pub name: String,
    /// Its description; text that an attacker may choose.
    #[serde(default)]
    pub description: String,
    /// What it may do.
    pub scopes: BTreeSet<String>,
    /// Unusable from 00:00 UTC of this date; `None` never expires.
    pub expires_at: Option<Date>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// Last use, refreshed by GitLab at most every ten minutes; `None` if never used.
    pub last_used_at: Option<Timestamp>,
    /// Up to five addresses it was last used from.
    #[serde(default)]
    pub last_used_ips: Vec<String>,
    /// The user that owns it.
    pub user_id: u64,
    /// Neither revoked nor expired.
    pub active: bool,
    /// Revoked by somebody.
    pub revoked: bool,
    /// Role of a project or group access token (10 to 50).
    pub access_level: Option<u8>,
    /// Carries fine-grained permissions instead of scopes.
    #[serde(default)]
    pub granular: bool,
    /// Those permissions, each as one atom of text, where GitLab tells them: empty where it does not.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub permissions: BTreeSet<String>,
}

impl LiveToken {
    /// For how many days it was made, where both ends are known.
    pub fn days_of_life(&self) -> Option<i64> {
        let life = utc_date(self.created_at?).until(self.expires_at?).ok()?;
        Some(i64::from(life.get_days()))
    }
}
