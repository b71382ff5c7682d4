//! Who somebody is. Authority is (workspace or guild, user id) as bound in the configuration; never a display name,
//! never being in a channel.

use super::Caller;
use super::logins::Logins;
use crate::engine::issue::ISSUE;
use crate::rotation::ids::{PersonId, SurfaceName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Why somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// Of another workspace, guild or instance.
    Elsewhere,
    /// Let in by their own administrators as a guest only.
    Guest,
    /// Their account is switched off.
    Deactivated,
    /// Not in the configuration.
    Unknown,
    /// It could not be found out who they are; why, in words.
    Unproven(String),
}

/// Everybody the configuration knows.
#[derive(Clone, Default)]
pub struct Visitors {
    places: BTreeMap<SurfaceName, BTreeSet<String>>,
    accounts: BTreeMap<(SurfaceName, String), PersonId>,
    logins: Option<Arc<Logins>>,
}

impl Visitors {
    /// Callers of this surface are believed when they come from this place.
    pub fn at(mut self, surface: &str, place: impl Into<String>) -> Self {
        self.places.entry(surface.into()).or_default().insert(place.into());
        self
    }

    /// This account is that person.
    pub fn knowing(mut self, surface: &str, account: impl Into<String>, person: PersonId) -> Self {
        self.accounts.insert((surface.into(), account.into()), person);
        self
    }

    /// People who comment on issues.
    pub fn commenting(mut self, logins: Logins) -> Self {
        self.logins = Some(Arc::new(logins));
        self
    }

    /// Who the caller is.
    pub async fn recognise(&self, caller: &Caller) -> Result<PersonId, Stranger> {
        let at_home = self.places.get(&caller.surface).is_some_and(|places| places.contains(&caller.place));
        if !at_home {
            return Err(Stranger::Elsewhere);
        }
        if caller.guest {
            return Err(Stranger::Guest);
        }
        if let (ISSUE, Some(logins)) = (caller.surface.as_str(), &self.logins) {
            let account = caller.account.parse().map_err(|_| Stranger::Unknown)?;
            return logins.person(account).await.map_err(Stranger::Unproven)?.ok_or(Stranger::Unknown);
        }
        let bound = self.accounts.get(&(caller.surface.clone(), caller.account.clone()));
        bound.cloned().ok_or(Stranger::Unknown)
    }
}
