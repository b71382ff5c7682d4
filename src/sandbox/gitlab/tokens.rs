//! Access tokens: states, families, and the three things that change them: issue, rotate, revoke.
//! Only a value's digest is kept, as GitLab does; the value leaves once, in the answer that made it.

mod showing;

use super::model::Token;
use super::people::{Kind, Place};
use super::reply::{Refusal, stamp};
use super::world::World;
use crate::secret::Secret;
use jiff::{ToSpan, civil::Date};
use serde_json::{Value, json};

/// Where a token is shown; not every place tells its permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Showing {
    /// By itself.
    Single,
    /// In a list.
    Listed,
    /// In the list of a service account's tokens.
    OfAccount,
    /// In the answer that made it.
    Made,
}

/// The permissions of a fine-grained token that a test does not care for.
pub fn grant() -> Value {
    json!({"access": "selected_memberships", "permissions": ["read_repository"], "project_id": null, "group_id": 1})
}

/// A token just made, with the only copy of its value.
pub struct Minted {
    /// GitLab's number.
    pub id: u64,
    /// Its value.
    pub value: Secret,
}

/// What a new token shall be.
pub(super) struct Order {
    pub user: u64,
    pub name: String,
    pub description: Option<String>,
    pub scopes: Vec<String>,
    pub expires_at: Option<Date>,
    pub granular: bool,
    pub grants: Vec<Value>,
}

impl Token {
    /// Neither revoked nor expired on that day.
    pub fn is_active(&self, today: Date) -> bool {
        !self.revoked && self.expires_at.is_none_or(|date| today < date)
    }

    /// As the API shows it.
    pub(super) fn json(&self, world: &World, showing: Showing) -> Value {
        let mut shown = json!({
            "id": self.id, "name": self.name, "revoked": self.revoked, "created_at": stamp(self.created_at),
            "description": self.description, "scopes": self.scopes, "user_id": self.user,
            "last_used_at": self.last_used_at.map(stamp), "active": self.is_active(world.today()),
            "expires_at": self.expires_at,
        });
        if world.is_at_least("18.10") {
            shown["granular"] = json!(self.granular);
        }
        if world.is_at_least(if showing == Showing::Made { "19.4" } else { "18.0" }) {
            shown["last_used_ips"] = json!(self.last_used_ips);
        }
        if self.granular && showing.tells_permissions().is_some_and(|version| world.is_at_least(version)) {
            shown["granular_scopes"] = json!(self.grants);
        }
        if let Some((place, level)) = world.bot_of(self.user) {
            shown["access_level"] = json!(level);
            let (kind, id) = match place {
                Place::Project(id) => ("project", id),
                Place::Group(id) => ("group", id),
                Place::Instance => ("instance", 0),
            };
            shown["resource_type"] = json!(kind);
            shown["resource_id"] = json!(id);
        }
        shown
    }
}

impl World {
    /// Makes a token with a fresh value and a family of its own.
    pub(super) fn issue(&mut self, order: Order, value: Option<String>) -> Minted {
        let value = Secret::new(value.unwrap_or_else(|| self.token_value()));
        let id = self.next_id("token");
        let token = Token {
            id,
            user: order.user,
            name: order.name,
            description: order.description,
            scopes: order.scopes,
            created_at: self.now,
            expires_at: order.expires_at,
            revoked: false,
            last_used_at: None,
            last_used_ips: Vec::new(),
            digest: value.digest(),
            family: id,
            granular: order.granular,
            grants: order.grants,
        };
        self.by_digest.insert(token.digest.clone(), id);
        self.tokens.insert(id, token);
        Minted { id, value }
    }

    /// GitLab's rotate: the old one is revoked and its successor made in one step.
    pub(super) fn rotate(&mut self, id: u64, wanted: Option<Date>) -> Result<Minted, Refusal> {
        let old = self.tokens.get(&id).cloned().ok_or_else(|| Refusal::not_found("Personal Access Token"))?;
        if old.revoked {
            return Err(Refusal::bad_request("Token already revoked"));
        }
        let required = self.expiry_required_for(old.user);
        let week = self.today().saturating_add(7.days());
        let expires_at = self.checked_expiry(wanted.or(required.then_some(week)), old.user)?;
        if let Some(token) = self.tokens.get_mut(&id) {
            token.revoked = true;
        }
        let order = Order {
            user: old.user,
            name: old.name,
            description: old.description,
            scopes: old.scopes,
            expires_at,
            granular: old.granular,
            grants: old.grants,
        };
        let minted = self.issue(order, None);
        if let Some(token) = self.tokens.get_mut(&minted.id) {
            token.family = old.family;
        }
        Ok(minted)
    }

    /// The expiry a new token gets when none was asked for: the longest, or none where none is needed.
    pub(super) fn default_expiry(&self, user: u64) -> Option<Date> {
        self.expiry_required_for(user).then(|| self.latest_expiry())
    }

    /// Refuses an expiry in the past or beyond the instance's limit.
    pub(super) fn checked_expiry(&self, date: Option<Date>, user: u64) -> Result<Option<Date>, Refusal> {
        let latest = self.latest_expiry();
        match date {
            Some(date) if date <= self.today() => Err(Refusal::bad_request("Expires at must be in the future")),
            Some(date) if self.settings.expiry_required && date > latest => {
                Err(Refusal::bad_request(&format!("Expires at must be before {latest}")))
            }
            None if self.expiry_required_for(user) => Err(Refusal::bad_request("Expires at can't be blank")),
            other => Ok(other),
        }
    }

    /// Reuse detection: every live token that came from the same one dies.
    pub(super) fn revoke_family(&mut self, family: u64) {
        for token in self.tokens.values_mut().filter(|token| token.family == family) {
            token.revoked = true;
        }
    }

    /// The token with this value, dead or alive.
    pub(super) fn token_with(&self, value: &str) -> Option<&Token> {
        let digest = Secret::new(value.to_owned()).digest();
        self.tokens.get(self.by_digest.get(&digest)?)
    }

    /// Notes a use, as coarsely as GitLab does.
    pub(super) fn touch(&mut self, id: u64, ip: &str) {
        let (now, every) = (self.now, self.settings.last_used_seconds);
        let Some(token) = self.tokens.get_mut(&id) else { return };
        if token.last_used_at.is_none_or(|last| now.as_second() - last.as_second() >= every) {
            token.last_used_at = Some(now);
        }
        if !token.last_used_ips.iter().any(|known| known == ip) {
            token.last_used_ips.push(ip.to_owned());
            if token.last_used_ips.len() > 5 {
                token.last_used_ips.remove(0);
            }
        }
    }

    /// The answer to create and rotate: the token and, once, its value.
    pub(super) fn with_value(&self, minted: &Minted) -> Value {
        let mut shown = self.tokens.get(&minted.id).map(|token| token.json(self, Showing::Made)).unwrap_or_default();
        shown["token"] = json!(minted.value.expose());
        shown
    }

    /// Where the user is the bot of, and its role there.
    pub(super) fn bot_of(&self, user: u64) -> Option<(Place, u8)> {
        match self.users.get(&user)?.kind {
            Kind::ProjectBot(place) => Some((place, self.level(user, place))),
            _ => None,
        }
    }

    fn latest_expiry(&self) -> Date {
        self.today().saturating_add(self.settings.max_lifetime_days.days())
    }

    fn expiry_required_for(&self, user: u64) -> bool {
        match self.users.get(&user).map(|user| user.kind) {
            Some(Kind::ServiceAccount(_)) => self.settings.service_account_expiry_required,
            _ => self.settings.expiry_required,
        }
    }
}
