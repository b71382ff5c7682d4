//! Accounts: as whom a service knows somebody. The configuration may say which accounts are one person's; where it does
//! not, two accounts may be one human being, and nobody may be counted twice.

use super::ids::{PersonId, SurfaceName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Who gives out accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// The Slack workspace.
    Slack,
    /// The Discord server.
    Discord,
    /// The GitLab instance.
    Gitlab,
}

impl Service {
    /// The word by which accounts and groups of it are written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::Gitlab => "gitlab",
        }
    }

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slack => "Slack",
            Self::Discord => "Discord",
            Self::Gitlab => "GitLab",
        }
    }

    /// The account by which somebody goes whom the configuration does not name, if it is one of this service.
    pub fn account_of(self, person: &PersonId) -> Option<String> {
        Account::of(person).filter(|account| account.service == self).map(|account| account.id)
    }

    /// Whose accounts people have on a surface; `None` for one without accounts, such as the command line.
    pub fn of(surface: &SurfaceName) -> Option<Self> {
        match surface.as_str() {
            "slack" => Some(Self::Slack),
            "discord" => Some(Self::Discord),
            "issue" | "gitlab" => Some(Self::Gitlab),
            _ => None,
        }
    }
}

/// An account of a service: an id, or a login where logins are the names of accounts (GitLab).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Account {
    /// Who gave it out.
    pub service: Service,
    /// Its name there.
    pub id: String,
}

impl Account {
    /// The account called so. GitLab's logins do not distinguish case.
    pub fn new(service: Service, id: impl Into<String>) -> Self {
        let id = id.into();
        let id = if service == Service::Gitlab { id.to_lowercase() } else { id };
        Self { service, id }
    }

    /// The person behind it, where the configuration names nobody.
    pub fn person(&self) -> PersonId {
        PersonId(self.to_string())
    }

    /// The account by which a person goes whom the configuration does not name.
    pub fn of(person: &PersonId) -> Option<Self> {
        let (service, id) = person.as_str().split_once(':')?;
        let services = [Service::Slack, Service::Discord, Service::Gitlab];
        let service = services.into_iter().find(|known| known.word() == service)?;
        Some(Self::new(service, id))
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service.word(), self.id)
    }
}

/// The accounts of one person, at most one of each service.
pub type Accounts = BTreeMap<Service, String>;

/// Whether two names mean two human beings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apart {
    /// They are one.
    Same,
    /// They are two.
    Different,
    /// Nobody can tell: they have no service in common.
    Unknown,
}

/// Tells two people apart by what is known of their accounts. People whom the configuration names are two if their names
/// are; otherwise only two accounts of one service prove it.
pub fn tell_apart(one: (&PersonId, &Accounts), other: (&PersonId, &Accounts)) -> Apart {
    if one.0 == other.0 {
        return Apart::Same;
    }
    let mut shared = one.1.iter().filter_map(|(service, id)| Some((id, other.1.get(service)?))).peekable();
    let comparable = shared.peek().is_some();
    if shared.any(|(one, other)| one == other) {
        return Apart::Same;
    }
    let named = Account::of(one.0).is_none() && Account::of(other.0).is_none();
    if named || comparable { Apart::Different } else { Apart::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(one: (&str, &[(Service, &str)]), other: (&str, &[(Service, &str)])) -> Apart {
        let accounts = |of: &[(Service, &str)]| of.iter().map(|(service, id)| (*service, (*id).to_owned())).collect();
        let (one, other) = ((one.0.into(), accounts(one.1)), (other.0.into(), accounts(other.1)));
        let (forth, back) =
            (tell_apart((&one.0, &one.1), (&other.0, &other.1)), tell_apart((&other.0, &other.1), (&one.0, &one.1)));
        assert_eq!(forth, back, "it does not matter who is asked about first");
        forth
    }

    const U1: (&str, &[(Service, &str)]) = ("slack:U1", &[(Service::Slack, "U1")]);
    const U2: (&str, &[(Service, &str)]) = ("slack:U2", &[(Service::Slack, "U2")]);
    const D1: (&str, &[(Service, &str)]) = ("discord:1", &[(Service::Discord, "1")]);

    #[test]
    fn people_of_the_configuration_are_as_many_as_their_names() {
        assert_eq!(apart(("alice", &[]), ("alice", &[])), Apart::Same);
        assert_eq!(apart(("alice", &[]), ("bob", &[])), Apart::Different);
        assert_eq!(apart(("alice", &[(Service::Slack, "U1")]), ("bob", &[(Service::Discord, "1")])), Apart::Different);
    }

    #[test]
    fn accounts_of_one_service_are_two_people_if_they_differ() {
        assert_eq!(apart(U1, U1), Apart::Same);
        assert_eq!(apart(U1, U2), Apart::Different);
        assert_eq!(apart(("alice", &[(Service::Slack, "U1")]), U2), Apart::Different);
    }

    #[test]
    fn an_account_that_the_configuration_gives_to_somebody_is_that_person() {
        assert_eq!(apart(("alice", &[(Service::Slack, "U1"), (Service::Discord, "1")]), U1), Apart::Same);
        assert_eq!(apart(("alice", &[(Service::Slack, "U1"), (Service::Discord, "1")]), D1), Apart::Same);
    }

    #[test]
    fn without_a_service_in_common_nobody_can_tell() {
        assert_eq!(apart(U1, D1), Apart::Unknown);
        assert_eq!(apart(("alice", &[(Service::Slack, "U1")]), D1), Apart::Unknown);
        assert_eq!(apart(("alice", &[]), D1), Apart::Unknown);
    }

    #[test]
    fn an_account_is_written_as_it_is_read() {
        for text in ["slack:U0123", "discord:1234", "gitlab:alice"] {
            assert_eq!(Account::of(&text.into()).map(|account| account.person()), Some(text.into()));
        }
        for text in ["alice", "irc:alice", ""] {
            assert_eq!(Account::of(&text.into()), None, "{text}");
        }
        assert_eq!(Account::new(Service::Gitlab, "Alice").to_string(), "gitlab:alice");
    }
}
