//! The plan: exactly what will be done. A person approves its hash; a changed plan has another.

use super::identity::Identity;
use super::ids::{PlanHash, RotationId, StoreId, TokenId, TokenName};
use super::store::Capabilities;
use super::token::{Consumer, Owner, Strategy};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// The token that is replaced, as GitLab described it when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldToken {
    /// GitLab's number.
    pub id: TokenId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<String>,
    /// Unusable from 00:00 UTC of this date.
    pub expires_at: Option<Date>,
}

/// The token that will be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewToken {
    /// Same name as the old one.
    pub name: String,
    /// The old description without our marker; the marker of the attempt is appended when it is minted.
    pub description: String,
    /// At most the old one's and the policy's.
    pub scopes: BTreeSet<String>,
    /// The old one's fine-grained permissions, if they are what it has and it is made anew with them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub permissions: BTreeSet<String>,
    /// Role, for project and group access tokens.
    pub access_level: Option<u8>,
    /// A UTC date; `None` only for a token that never expired.
    pub expires_at: Option<Date>,
}

/// A store that will be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStore {
    /// Full identity.
    pub id: StoreId,
    /// What it can do.
    pub capabilities: Capabilities,
    /// It holds something that is no GitLab token at all, which would be written over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaces_other: bool,
    /// It holds what looks like a token. If it is empty later, or gone, somebody was there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub holds_token: bool,
    /// Which place it is, whatever its name leads to later; unset where the store cannot tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// It holds another live token of the same name, which would be written over and stays alive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_token: Option<TokenId>,
}

/// A live token that an earlier rotation of the same token made and left. It is revoked at the end, like the old one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// Which.
    pub token: TokenId,
    /// Which rotation made it.
    pub rotation: RotationId,
}

impl PlannedStore {
    /// A store that was not looked at yet.
    pub fn unseen(id: StoreId, capabilities: Capabilities) -> Self {
        Self { id, capabilities, replaces_other: false, holds_token: false, identity: None, other_token: None }
    }
}

/// How long things may take, fixed when the plan is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// Silence of the old token before it is revoked.
    pub grace_seconds: u64,
    /// After this long no request that we sent can still land.
    pub horizon_seconds: u64,
    /// How long the new token may take to be seen in use once its consumers passed.
    pub use_seconds: u64,
    /// How long an approval, or a request for one, stays valid.
    pub approval_seconds: u64,
}

/// What will be done, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What a plan of that time knows: from 2 on, which places and projects are meant by number. Not written for 1, so
    /// that the hash of such a plan stays.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub version: u32,
    /// The managed token.
    pub token: TokenName,
    /// GitLab host.
    pub host: String,
    /// Whose token it is.
    pub owner: Owner,
    /// GitLab's number of the owner.
    pub user_id: u64,
    /// GitLab's number of the project or group that the owner is, or that the owner belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_number: Option<u64>,
    /// What is replaced.
    pub old: OldToken,
    /// How.
    pub strategy: Strategy,
    /// Why this strategy.
    pub reasons: Vec<String>,
    /// What is made.
    pub new: NewToken,
    /// What is written, in this order.
    pub stores: Vec<PlannedStore>,
    /// Who proves it.
    pub consumers: Vec<Consumer>,
    /// Seconds during which consumers hold a dead token, if there is such a time.
    pub outage_seconds: Option<u64>,
    /// How long things may take.
    pub timing: Timing,
    /// What earlier rotations of this token left alive, and this one revokes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<Leftover>,
    /// It starts at once when approved: the token would expire before the window opens.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_once: bool,
    /// What must be mended before anyone can approve. Not part of the hash.
    pub blockers: Vec<String>,
    /// What an approver should know. Not part of the hash.
    pub warnings: Vec<String>,
}

/// Before plans had versions.
fn first() -> u32 {
    1
}

fn is_first(version: &u32) -> bool {
    *version == 1
}

impl Plan {
    /// The version of plans that are made today.
    pub const VERSION: u32 = 2;

    /// The owner as GitLab's API is asked about it: by number, so that a path which changes hands leads nobody astray.
    pub fn addressed_owner(&self) -> Owner {
        self.owner.by_number(self.owner_number)
    }

    /// Which place a store was when the plan was made.
    pub fn identity_of(&self, store: &StoreId) -> Option<&Identity> {
        self.stores.iter().find(|planned| planned.id == *store)?.identity.as_ref()
    }

    /// Whether the store held what looks like a token when the plan was made.
    pub fn saw_token_in(&self, store: &StoreId) -> bool {
        self.stores.iter().any(|planned| planned.id == *store && planned.holds_token)
    }

    /// SHA-256 over everything that will be done. Blockers and warnings are circumstances, not deeds.
    pub fn hash(&self) -> PlanHash {
        let deeds = Self { blockers: Vec::new(), warnings: Vec::new(), ..self.clone() };
        let text = serde_json::to_string(&deeds).expect("a plan has only string keys");
        PlanHash(hex::encode(Sha256::digest(text.as_bytes())))
    }

    /// Whether both tokens live for a while, so that a failure leaves the old one working.
    pub fn overlaps(&self) -> bool {
        self.strategy == Strategy::Overlap
    }

    /// Whether an earlier rotation left that token, and this one revokes it.
    pub fn sweeps(&self, token: TokenId) -> bool {
        self.leftovers.iter().any(|left| left.token == token)
    }

    /// Whether minting kills the old token in the same instant.
    pub fn rotates(&self) -> bool {
        matches!(self.strategy, Strategy::InPlace | Strategy::SelfRotate)
    }

    /// Whether some store cannot be read, so that a late write into it would go unseen.
    pub fn has_blind_stores(&self) -> bool {
        self.stores.iter().any(|store| !store.capabilities.readable)
    }

    /// Whether the store can be read back.
    pub fn can_read(&self, store: &StoreId) -> bool {
        self.stores.iter().any(|planned| planned.id == *store && planned.capabilities.readable)
    }

    /// What differs between two plans, in words for the people who approved the first.
    pub fn changes_to(&self, newer: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        let mut note = |what: &str, before: String, after: String| {
            if before != after {
                changes.push(format!("{what}: {before} → {after}"));
            }
        };
        note("strategy", self.strategy.to_string(), newer.strategy.to_string());
        note("old token", self.old.id.to_string(), newer.old.id.to_string());
        note("old expiry", date(self.old.expires_at), date(newer.old.expires_at));
        note("new name", self.new.name.clone(), newer.new.name.clone());
        note("scopes", words(&self.new.scopes), words(&newer.new.scopes));
        note("new expiry", date(self.new.expires_at), date(newer.new.expires_at));
        note("owner", self.owner.to_string(), newer.owner.to_string());
        note("stores", list(self.stores.iter().map(|s| &s.id.0)), list(newer.stores.iter().map(|s| &s.id.0)));
        let other = |plan: &Self| list(plan.stores.iter().filter(|s| s.replaces_other).map(|s| &s.id.0));
        note("stores that hold something else", other(self), other(newer));
        note("consumers", list(self.consumers.iter().map(|c| &c.id.0)), list(newer.consumers.iter().map(|c| &c.id.0)));
        let left = |plan: &Self| list(plan.leftovers.iter().map(|left| left.token.to_string()));
        note("tokens left by earlier rotations", left(self), left(newer));
        let held =
            |plan: &Self| list(plan.stores.iter().filter_map(|s| s.other_token.map(|id| format!("{id} in {}", s.id))));
        note("other tokens in the stores", held(self), held(newer));
        let starts = |plan: &Self| if plan.at_once { "at once" } else { "when the window is open" }.to_owned();
        note("start", starts(self), starts(newer));
        changes.extend(self.swaps_to(newer));
        if changes.is_empty() && self.version != newer.version {
            changes.push("places and projects are named by their numbers now".into());
        }
        if changes.is_empty() && self.hash() != newer.hash() {
            changes.push("details of the plan (timing, description, role or store capabilities)".into());
        }
        changes
    }
}

impl Plan {
    /// What goes by the same name and is something else, or holds something else, in words.
    fn swaps_to(&self, newer: &Self) -> Vec<String> {
        let mut swaps = Vec::new();
        let mut swap = |what: &str, before: Option<String>, after: Option<String>| {
            if let (Some(before), Some(after)) = (before, after)
                && before != after
            {
                swaps.push(format!("{what} is another one than before: {before} → {after}"));
            }
        };
        let text = |identity: &Option<Identity>| identity.as_ref().map(Identity::to_string);
        let number = |plan: &Self| plan.owner_number.map(|number| number.to_string());
        swap(&self.owner.to_string(), number(self), number(newer));
        for (before, after) in self.stores.iter().filter_map(|a| Some((a, newer.stores.iter().find(|b| a.id == b.id)?)))
        {
            swap(before.id.as_str(), text(&before.identity), text(&after.identity));
        }
        for before in &self.consumers {
            if let Some(after) = newer.consumers.iter().find(|after| after.id == before.id) {
                swap(&before.id.0, text(&before.identity), text(&after.identity));
            }
        }
        let emptied = self.stores.iter().filter(|store| store.holds_token && !newer.saw_token_in(&store.id));
        let emptied = emptied.filter(|store| newer.stores.iter().any(|after| after.id == store.id));
        swaps.extend(emptied.map(|store| format!("{} held a token and holds none now", store.id)));
        swaps
    }
}

fn words(scopes: &BTreeSet<String>) -> String {
    list(scopes.iter())
}

fn date(date: Option<Date>) -> String {
    date.map_or_else(|| "never".into(), |d| d.to_string())
}

fn list(items: impl Iterator<Item = impl std::fmt::Display>) -> String {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    if items.is_empty() { "none".into() } else { items.join(", ") }
}
