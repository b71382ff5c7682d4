//! `[[token]]`: one managed token, what the policy says of it, where it lives and what proves it.

use super::entry::Entry;
use super::owner;
use super::people::People;
use super::rotation::{self, Rotation};
use super::{approvers, step_up, verify};
use crate::rotation::ids::TokenName;
use crate::rotation::token::{ManagedToken, Strategy};
use crate::settings::section::Section;
use crate::store::{Connections, StoreSpec, sections};
use std::collections::BTreeSet;

pub(super) const KEYS: &[&str] = &[
    "id",
    "owner",
    "name",
    "scopes",
    "lifetime_days",
    "rotate_before_days",
    "approvers",
    "quorum",
    "approval_ttl",
    "step_up",
    "strategy",
    "grace",
    "store",
    "verify",
];

const STRATEGIES: [(&str, Option<Strategy>); 5] = [
    ("auto", None),
    ("overlap", Some(Strategy::Overlap)),
    ("in_place", Some(Strategy::InPlace)),
    ("self", Some(Strategy::SelfRotate)),
    ("revoke_first", Some(Strategy::RevokeFirst)),
];

/// What the rest of the configuration says that tokens refer to.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) defaults: &'a Rotation,
    pub(super) people: &'a People,
    pub(super) connections: &'a Connections,
    /// The workspace or organisation of `[slack]`.
    pub(super) team: Option<&'a str>,
}

/// Reads one `[[token]]`; `None` after noting what is wrong with it.
pub(super) fn read(section: Section<'_>, known: &Known<'_>) -> Option<Entry> {
    let Known { defaults, people, connections, .. } = *known;
    let id = section.required("id", "give it a short name of your own, \"deploy\"");
    let label = id.as_ref().map(|id| format!("token \"{id}\""));
    let section = match label {
        Some(label) => section.called(label),
        None => section,
    };
    if id.as_deref().is_some_and(|id| !is_plain(id)) {
        section.complain("id", "id may have letters, digits, dots, dashes and underscores");
    }
    let owner = owner::read(&section);
    let name = section.required("name", "write the token's name in GitLab, which a rotation keeps");
    let (approvers, groups) = approvers::read(&section, people);
    let (lifetime_days, rotate_before_days) = days(&section, defaults);
    let stores = sections::read(&section, connections);
    let token = ManagedToken {
        quorum: approvers::quorum(&section, &approvers),
        approvers,
        groups,
        step_up: section.choice("step_up", &step_up::CHOICES).unwrap_or(defaults.step_up),
        scopes: scopes(&section),
        lifetime_days,
        rotate_before_days,
        approval_seconds: section.duration("approval_ttl").unwrap_or(defaults.approval_seconds),
        strategy: section.choice("strategy", &STRATEGIES).flatten(),
        grace_seconds: rotation::grace(&section, defaults.demo).unwrap_or(defaults.grace_seconds),
        stores: stores.iter().map(StoreSpec::id).collect(),
        consumers: verify::read(&section),
        id: TokenName(id?),
        owner: owner?,
        name: name?,
    };
    warn_of(&section, &token);
    Some(Entry { token, stores, place: section.place() })
}

fn is_plain(id: &str) -> bool {
    id.chars().all(|symbol| symbol.is_ascii_alphanumeric() || matches!(symbol, '.' | '-' | '_'))
}

fn scopes(section: &Section<'_>) -> Option<BTreeSet<String>> {
    if !section.has("scopes") {
        return None;
    }
    let scopes: BTreeSet<String> = section.texts("scopes").into_iter().collect();
    if scopes.is_empty() {
        section.complain("scopes", "scopes is empty, so the token could do nothing; leave it out to keep the old ones");
    }
    Some(scopes)
}

fn days(section: &Section<'_>, defaults: &Rotation) -> (u16, u16) {
    let lifetime = rotation::lifetime(section, "lifetime_days").unwrap_or(defaults.lifetime_days);
    let before = rotation::days_before(section).unwrap_or(defaults.rotate_before_days);
    if section.has("lifetime_days") || section.has("rotate_before_days") {
        rotation::check_pace(section, "lifetime_days", before, lifetime);
    }
    (lifetime, before)
}

fn warn_of(section: &Section<'_>, token: &ManagedToken) {
    if token.consumers.is_empty() {
        section.warn("", "has no [[token.verify]], so only its first use proves the new token");
    }
    if token.strategy == Some(Strategy::RevokeFirst) {
        section.warn("strategy", "strategy revoke_first means an outage at every rotation; it is meant for incidents");
    }
}
