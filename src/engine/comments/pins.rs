//! Logins change hands: whoever takes a login that became free is not the person whom the configuration means. Logins of
//! the configuration are held to the account that bore them when rekey first looked, in the database; those of other
//! people, who count by their groups, as long as this process lives.

use crate::engine::directory::HELD_GROUP;
use crate::engine::{Engine, EngineError};
use crate::ledger::Line;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// Accounts by login, in lower case.
#[derive(Default)]
pub(super) struct Pins(Mutex<BTreeMap<String, u64>>);

impl Pins {
    /// Whether this account is the one that the login meant at first.
    fn holds(&self, login: &str, account: u64) -> bool {
        let mut pins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *pins.entry(login.to_owned()).or_insert(account) == account
    }
}

impl Engine {
    /// Looks at all logins of the configuration that are not held yet. Done with every scan, so that whoever takes a login
    /// later is not the first who is seen.
    pub(in crate::engine) async fn hold_logins(&self) -> Result<(), EngineError> {
        let host = self.gitlab.host();
        let held = self.ledger.logins(host).await?;
        for unheld in self.named_logins().iter().filter(|named| !held.contains_key(*named)) {
            if let Some(found) = self.gitlab.user_id(unheld).await? {
                self.ledger.hold_login(host, unheld, found, self.clock.now()).await?;
            }
        }
        Ok(())
    }

    /// Whether the login still means the account that it meant when it was first looked at.
    pub(super) async fn is_same_account(&self, login: &str, account: u64) -> Result<bool, EngineError> {
        let (host, login) = (self.gitlab.host(), login.to_lowercase());
        let named = self.named_logins();
        if !named.contains(&login) {
            return Ok(self.looks.pins.holds(&login, account));
        }
        self.hold_logins().await?;
        Ok(self.ledger.hold_login(host, &login, account, self.clock.now()).await? == account)
    }

    /// Which account each login of the configuration is held to, as far as any was looked at.
    pub async fn held_logins(&self) -> Result<BTreeMap<String, u64>, EngineError> {
        let named = self.named_logins();
        let held = self.ledger.logins(self.gitlab.host()).await?;
        Ok(held.into_iter().filter(|(login, _)| named.contains(login) || login.starts_with(HELD_GROUP)).collect())
    }

    /// Whoever bears the login next is believed. False if it was held to nobody.
    pub async fn forget_login(&self, login: &str, via: &str) -> Result<bool, EngineError> {
        let (host, login) = (self.gitlab.host(), login.to_lowercase());
        let detail = serde_json::json!({ "host": host, "login": login });
        let line = Line { at: self.clock.now(), actor: self.actor(via), event: "login_forgotten".into(), detail };
        Ok(self.ledger.forget_login(host, &login, &line).await?)
    }

    fn named_logins(&self) -> BTreeSet<String> {
        let logins = self.catalog.people.values().filter_map(|person| person.gitlab.as_ref());
        logins.map(|login| login.to_lowercase()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_means_the_account_that_first_bore_it() {
        let pins = Pins::default();
        assert!(pins.holds("alice", 7) && pins.holds("alice", 7) && pins.holds("bob", 9));
        assert!(!pins.holds("alice", 8));
        assert!(pins.holds("alice", 7));
    }
}
