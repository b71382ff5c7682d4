//! Who somebody is. Authority is (workspace or guild, user id) as bound in the configuration; never a display name,
//! never being in a channel.

use super::Caller;
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
    /// Not in the configuration.
    Unknown,
    /// It could not be found out who they are; why, in words.
    Unproven(String),
}

/// Everybody the configuration knows.
#[derive(Clone, Debug, Default)]
pub struct Visitors {
    places: BTreeMap<SurfaceName, BTreeSet<String>>,
    accounts: BTreeMap<(SurfaceName, String), PersonId>,
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

    /// Who the caller is.
    pub async fn recognise(&self, caller: &Caller) -> Result<PersonId, Stranger> {
        let at_home = self.places.get(&caller.surface).is_some_and(|places| places.contains(&caller.place));
        if !at_home {
            return Err(Stranger::Elsewhere);
        }
        if caller.guest {
            return Err(Stranger::Guest);
        }
        let bound = self.accounts.get(&(caller.surface.clone(), caller.account.clone()));
        bound.cloned().ok_or(Stranger::Unknown)
    }
}
