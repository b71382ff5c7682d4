//! Who somebody is. Authority is (workspace or guild, user id) as bound in the configuration, or being in a group that the
//! configuration names, proven by the service itself; never a display name, never being in a channel.

use super::Caller;
use crate::engine::directory::{Age, Directories, Standing, Unproven};
use crate::engine::rights::Visitor;
use crate::rotation::account::{Account, Service};
use crate::rotation::group::Group;
use crate::rotation::ids::{PersonId, SurfaceName};
use std::collections::{BTreeMap, BTreeSet};

/// Why somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// Of another workspace, guild or instance.
    Elsewhere,
    /// Let in by their own administrators as a guest only.
    Guest,
    /// Their account is switched off.
    Deactivated,
    /// Where or how they asked proves nothing; why, in a sentence for them.
    Misplaced(&'static str),
    /// Neither in the configuration nor in a group of it.
    Unknown,
    /// It could not be found out who they are.
    Unproven(Unproven),
}

/// Everybody the configuration knows, and who can be asked about the others.
#[derive(Clone, Default)]
pub struct Visitors {
    places: BTreeMap<SurfaceName, BTreeSet<String>>,
    accounts: BTreeMap<Account, PersonId>,
    groups: BTreeSet<Group>,
    directories: Directories,
}

impl Visitors {
    /// Callers of this surface are believed when they come from this place.
    pub fn at(mut self, surface: &str, place: impl Into<String>) -> Self {
        self.places.entry(surface.into()).or_default().insert(place.into());
        self
    }

    /// This account is that person.
    pub fn knowing(mut self, surface: &str, account: impl Into<String>, person: PersonId) -> Self {
        let account = Service::of(&surface.into()).map(|service| Account::new(service, account));
        self.accounts.extend(account.map(|account| (account, person)));
        self
    }

    /// Members of these groups are known too, and the services are asked about everybody.
    pub fn asking(self, directories: Directories, groups: BTreeSet<Group>) -> Self {
        Self { directories, groups, ..self }
    }

    /// Who the caller is. May ask the caller's service.
    pub async fn recognise(&self, caller: &Caller) -> Result<Visitor, Stranger> {
        let at_home = self.places.get(&caller.surface).is_some_and(|places| places.contains(&caller.place));
        if !at_home {
            return Err(Stranger::Elsewhere);
        }
        if caller.guest {
            return Err(Stranger::Guest);
        }
        let account = caller.as_account().ok_or(Stranger::Unknown)?;
        // Discord signs with every request who is a member of the server, and with which roles.
        let signed = account.service == Service::Discord;
        if !signed {
            self.of_standing(&account).await?;
        }
        let person = match self.accounts.get(&account) {
            Some(person) => person.clone(),
            None => self.member_of_a_group(&account, caller).await?,
        };
        Ok(Visitor { person, account: Some(account), roles: signed.then(|| caller.roles.clone()), shell: None })
    }

    /// As whom the caller would be recognised, without asking anybody: proves nothing.
    pub fn presumably(&self, caller: &Caller) -> Option<PersonId> {
        let account = caller.as_account()?;
        Some(self.accounts.get(&account).cloned().unwrap_or_else(|| account.person()))
    }

    async fn of_standing(&self, account: &Account) -> Result<(), Stranger> {
        match self.directories.standing(account, Age::Recent).await {
            Ok(None | Some(Standing::Member)) => Ok(()),
            Ok(Some(Standing::Guest)) => Err(Stranger::Guest),
            Ok(Some(Standing::Deactivated)) => Err(Stranger::Deactivated),
            Ok(Some(Standing::Elsewhere)) => Err(Stranger::Elsewhere),
            Ok(Some(Standing::Unknown)) => Err(Stranger::Unknown),
            Err(unproven) => Err(Stranger::Unproven(unproven)),
        }
    }

    async fn member_of_a_group(&self, account: &Account, caller: &Caller) -> Result<PersonId, Stranger> {
        let mut unproven: Option<Unproven> = None;
        for group in self.groups.iter().filter(|group| group.service() == account.service) {
            let is_in = match group {
                Group::Discord { role } => Ok(caller.roles.contains(role)),
                _ => self.directories.is_in(account, group, Age::Recent).await,
            };
            match is_in {
                Ok(true) => return Ok(account.person()),
                Ok(false) => {}
                Err(trouble) => unproven = Some(trouble),
            }
        }
        Err(unproven.map_or(Stranger::Unknown, Stranger::Unproven))
    }
}
