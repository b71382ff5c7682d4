//! People of the configuration by their number in GitLab. The configuration names logins, and logins change hands:
//! each is looked up once, and from then on only that account is the person.

use crate::gitlab::Client;
use crate::rotation::ids::PersonId;
use std::collections::BTreeMap;
use tokio::sync::Mutex;

/// Logins of the configuration, and whose accounts they turned out to be.
pub struct Logins {
    gitlab: Client,
    people: BTreeMap<String, PersonId>,
    accounts: Mutex<BTreeMap<String, u64>>,
}

impl Logins {
    /// People by login.
    pub fn new(gitlab: Client, people: BTreeMap<String, PersonId>) -> Self {
        Self { gitlab, people, accounts: Mutex::default() }
    }

    /// Whose account this is. An error, in words, if GitLab cannot be asked.
    pub async fn person(&self, account: u64) -> Result<Option<PersonId>, String> {
        let mut accounts = self.accounts.lock().await;
        for login in self.people.keys() {
            if accounts.contains_key(login) {
                continue;
            }
            if let Some(found) = self.gitlab.user_id(login).await.map_err(|error| error.to_string())? {
                accounts.insert(login.clone(), found);
            }
        }
        let login = accounts.iter().find(|(_, known)| **known == account).map(|(login, _)| login);
        Ok(login.and_then(|login| self.people.get(login)).cloned())
    }
}
