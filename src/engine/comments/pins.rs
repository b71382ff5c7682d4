//! Logins change hands: whoever takes a login that became free is not the person whom the configuration means. Each is
//! held to the account that bore it when this process first looked.

use crate::engine::{Engine, EngineError};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Accounts by login, in lower case.
#[derive(Default)]
pub(super) struct Pins(Mutex<BTreeMap<String, u64>>);

impl Pins {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knows(&self, login: &str) -> bool {
        self.lock().contains_key(login)
    }

    /// Whether this account is the one that the login meant at first.
    fn holds(&self, login: &str, account: u64) -> bool {
        *self.lock().entry(login.to_owned()).or_insert(account) == account
    }
}

impl Engine {
    /// Whether the login still means the account that it meant when it was first looked at. Looks at all logins of the
    /// configuration before it answers for the first time.
    pub(super) async fn is_same_account(&self, login: &str, account: u64) -> Result<bool, EngineError> {
        let pins = &self.looks.pins;
        for person in self.catalog.people.values() {
            let Some(login) = person.gitlab.as_ref().map(|login| login.to_lowercase()) else { continue };
            if pins.knows(&login) {
                continue;
            }
            if let Some(found) = self.gitlab.user_id(&login).await? {
                pins.holds(&login, found);
            }
        }
        Ok(pins.holds(&login.to_lowercase(), account))
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
        assert!(pins.holds("alice", 7) && pins.knows("bob") && !pins.knows("carol"));
    }
}
