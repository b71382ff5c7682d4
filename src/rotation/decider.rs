//! Who decides: a person, from where, under which policy.

use super::account::Account;
use super::ids::PersonId;
use super::policy::Policy;
use serde::{Deserialize, Serialize};

/// A person and the policy that held when they clicked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decider {
    /// Who.
    pub person: PersonId,
    /// From which account, where there is one.
    #[serde(default)]
    pub account: Option<Account>,
    /// Where: `slack`, `discord`, `issue`, `cli`.
    pub via: String,
    /// Whether a one-time code of theirs came with it, and was right.
    #[serde(default)]
    pub with_code: bool,
    /// Whose shell spoke for them, where it was not they themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// Which stop of the rotation they saw; unset where it does not matter.
    #[serde(default)]
    pub stop: Option<u32>,
    /// Who may decide, at this moment.
    pub policy: Policy,
}

impl Decider {
    /// Somebody without an account, as on the command line.
    pub fn new(person: PersonId, via: impl Into<String>, policy: Policy) -> Self {
        Self { person, account: None, via: via.into(), with_code: false, shell: None, stop: None, policy }
    }
}
