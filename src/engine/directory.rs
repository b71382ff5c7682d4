//! Who is who, asked of the services that know: an account's standing, and whether it is in a group. An answer holds for
//! a short while; what cannot be learned is never a yes.

mod discord;
mod gitlab;
mod kept;
mod slack;

pub use discord::DiscordDirectory;
pub use gitlab::{GitlabDirectory, HELD_GROUP};
pub use slack::SlackDirectory;

use crate::rotation::account::{Account, Service};
use crate::rotation::group::Group;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How a service sees an account of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// One of its own people.
    Member,
    /// Let in as a guest, or no person at all.
    Guest,
    /// Switched off.
    Deactivated,
    /// Of another workspace.
    Elsewhere,
    /// There is no such account.
    Unknown,
}

/// Why nothing was learned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// The service does not answer; it may soon.
    #[error("{0}")]
    Passing(String),
    /// The service refuses, or there is no such group; a person must mend it. The words hold the way out.
    #[error("{0}")]
    Refused(String),
}

/// How old an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// At most two minutes.
    Recent,
    /// Asked for this purpose.
    Now,
}

/// What is known of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// What people call it, where the service says.
    pub name: Option<String>,
    /// How many are in it, where the service says.
    pub people: Option<usize>,
}

/// One service that knows its accounts and groups.
#[async_trait]
pub trait Directory: Send + Sync {
    /// How the service sees the account.
    async fn standing(&self, account: &str, age: Age) -> Result<Standing, Unproven>;
    /// Whether the account is in a group of this service. A group that does not exist is refused.
    async fn holds(&self, group: &Group, account: &str, age: Age) -> Result<bool, Unproven>;
    /// What is known of a group of this service.
    async fn survey(&self, group: &Group) -> Result<Survey, Unproven>;
}

/// All services that can be asked.
#[derive(Clone, Default)]
pub struct Directories(BTreeMap<Service, Arc<dyn Directory>>);

impl Directories {
    /// With one more.
    pub fn with(mut self, service: Service, directory: Arc<dyn Directory>) -> Self {
        self.0.insert(service, directory);
        self
    }

    /// How the account's service sees it; `None` if there is no way to ask.
    pub async fn standing(&self, account: &Account, age: Age) -> Result<Option<Standing>, Unproven> {
        match self.0.get(&account.service) {
            Some(directory) => directory.standing(&account.id, age).await.map(Some),
            None => Ok(None),
        }
    }

    /// Whether the account is in the group and its service counts it among its own people.
    pub async fn is_in(&self, account: &Account, group: &Group, age: Age) -> Result<bool, Unproven> {
        let directory = self.of(group)?;
        let of_service = group.service() == account.service;
        Ok(of_service
            && directory.holds(group, &account.id, age).await?
            && directory.standing(&account.id, age).await? == Standing::Member)
    }

    /// What is known of a group.
    pub async fn survey(&self, group: &Group) -> Result<Survey, Unproven> {
        self.of(group)?.survey(group).await
    }

    fn of(&self, group: &Group) -> Result<&Arc<dyn Directory>, Unproven> {
        let name = group.service().name();
        self.0.get(&group.service()).ok_or_else(|| Unproven::Refused(format!("rekey is not connected to {name}")))
    }
}
