//! A secret in Fortanix DSM, by name. A value cannot be changed there: a new object is imported under a name of its own
//! and then takes the old one's name in one step, which only works on the very object that was looked at. The old one stays
//! beside it until the rotation is over, and takes its name back if need be. Where a quorum guards the group, its people
//! are asked, and the write waits for them.

mod account;
mod approval;
pub(super) mod config;
mod login;
mod object;

pub(super) use self::account::Account;
pub use self::login::Key;

use self::account::{Exported, Imported, Performed};
use self::object::{NewSobject, Operation, Sobject, Which, is_leftover, is_staged, parked_name, staged_name};
use super::adapter::Adapter;
use super::connection::{BadConnection, Link};
use super::place::Place;
use super::{Base, Seen, StoreError, Written};
use crate::rotation::identity::Identity;
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Rollback, Tag, Undo};
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Types of objects that hold what one likes.
const TYPES: [&str; 2] = ["SECRET", "OPAQUE"];

/// An object as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spec {
    /// The connection.
    pub at: String,
    /// Host and port of that connection.
    pub host: String,
    /// The object's name, by which its readers find it.
    pub name: String,
    /// What becomes of the object that was replaced.
    pub replaced: Replaced,
}

/// What becomes of the object that was replaced, once its token is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replaced {
    /// It stays, and nobody can use it.
    Deactivate,
    /// It is removed for good.
    Delete,
}

/// An account of a DSM, and who calls it.
pub struct Settings {
    /// Where it is; with the client certificate if that is the key.
    pub link: Link,
    /// What proves the bot's app.
    pub key: Arc<Key>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("link", &self.link).finish_non_exhaustive()
    }
}

impl Settings {
    pub(super) fn open(&self, section: &str) -> Result<Account, BadConnection> {
        Account::open(self, section)
    }
}

impl Spec {
    pub(super) fn id(&self) -> String {
        format!("fortanix {} {}", self.host, self.name)
    }

    pub(super) fn place(&self) -> Place {
        Place::whole(self.id())
    }
}

/// One object.
pub(super) struct Fortanix {
    id: StoreId,
    account: Arc<Account>,
    spec: Spec,
    /// Seen to be unreadable: it is not exportable, or its quorum would have to agree each time.
    blind: AtomicBool,
}

#[async_trait::async_trait]
impl Adapter for Fortanix {
    fn id(&self) -> &StoreId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: !self.blind.load(Ordering::Relaxed),
            versions: true,
            compare_and_set: true,
            staging: true,
            rollback: Rollback::Native,
            ..Capabilities::plain()
        }
    }

    /// Says once more what is so anyway, that the object is enabled: whoever may do that may replace it, or may ask to.
    async fn preflight(&self) -> Result<(), StoreError> {
        let now = self.object().await?;
        if let Some((why, mend)) = unfit(&now) {
            return Err(StoreError::refused(&self.id, why, mend));
        }
        self.value_of(&now).await?;
        self.account.perform(&self.id, &Operation::keep_enabled(&now.kid)).await.map(drop)
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        let now = self.object().await?;
        let value = self.value_of(&now).await?;
        let identity = Identity(format!("{} object {}", self.spec.host, now.origin(self.account.made(&now))));
        Ok(Seen::new(value, Base::version(now.kid.clone()), Some(Undo(now.kid))).at(identity))
    }

    async fn write(&self, value: &Secret, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        let now = self.object().await?;
        if self.holds(&now, value, tag).await? {
            self.account.withdraw(&self.id, tag, None).await?;
            return Ok(Written::Done);
        }
        self.unchanged(&now, base)?;
        self.account.withdraw(&self.id, tag, Some(tag)).await?;
        let staged = self.stage(&now, value, tag).await?;
        self.promote(&now, &staged, tag).await
    }

    async fn roll_back(&self, undo: &Undo, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        let now = self.object().await?;
        if now.kid == undo.0 {
            self.account.withdraw(&self.id, tag, None).await?;
            return Ok(Written::Done);
        }
        self.unchanged(&now, base)?;
        self.account.withdraw(&self.id, tag, Some(tag)).await?;
        if self.account.find(&self.id, &Which::Kid(&undo.0)).await?.is_none() {
            let mend = "import the previous value once more by hand, under the object's name";
            return Err(StoreError::refused(&self.id, "the object of before is gone", mend));
        }
        self.promote(&now, &undo.0, tag).await
    }

    async fn finish(&self, tag: &Tag, _undo: Option<&Undo>) -> Result<(), StoreError> {
        self.account.withdraw(&self.id, tag, None).await?;
        let now = self.object().await?;
        let all = self.account.list(&self.id, now.group_id.as_deref()).await?;
        let mut kept = Vec::new();
        for left in all.iter().filter(|left| left.kid != now.kid && is_leftover(left, &self.spec.name, tag)) {
            let operation = match self.spec.replaced {
                Replaced::Deactivate if !is_staged(left, &self.spec.name, tag) => {
                    if left.is_deactivated() {
                        continue;
                    }
                    Operation::deactivate(&left.kid)
                }
                _ => Operation::delete(&left.kid),
            };
            if let Performed::NeedsQuorum = self.account.perform(&self.id, &operation).await? {
                kept.push(left.name.clone().unwrap_or_else(|| left.kid.clone()));
            }
        }
        if kept.is_empty() {
            return Ok(());
        }
        let why = format!("its quorum would have to agree before {} may go", kept.join(" and "));
        Err(StoreError::refused(&self.id, why, "deactivate or delete it in DSM, or leave it: nothing uses it"))
    }
}

impl Fortanix {
    pub(super) fn new(id: StoreId, account: Arc<Account>, spec: &Spec) -> Self {
        Self { id, account, spec: spec.clone(), blind: AtomicBool::new(false) }
    }

    /// The object that has the name now.
    async fn object(&self) -> Result<Sobject, StoreError> {
        let found = self.account.find(&self.id, &Which::Name(&self.spec.name)).await?;
        found.ok_or_else(|| {
            let why = format!("the app sees no object named {}", self.spec.name);
            StoreError::refused(&self.id, why, "correct the name, import the object, or add the app to its group")
        })
    }

    async fn value_of(&self, object: &Sobject) -> Result<Option<Secret>, StoreError> {
        let exported = match object.is_exportable() {
            true => self.account.export(&self.id, &object.kid).await?,
            false => Exported::NeedsQuorum,
        };
        self.blind.store(matches!(exported, Exported::NeedsQuorum), Ordering::Relaxed);
        Ok(match exported {
            Exported::Value(value) => Some(value),
            Exported::NeedsQuorum => None,
        })
    }

    /// What cannot be read is known by its marks, and by who made it: marks alone are passed on to a successor.
    async fn holds(&self, now: &Sobject, value: &Secret, tag: &Tag) -> Result<bool, StoreError> {
        Ok(match self.value_of(now).await? {
            Some(held) => held.digest() == value.digest(),
            None => now.is_of(tag) && self.account.made(now),
        })
    }

    fn unchanged(&self, now: &Sobject, base: &Base) -> Result<(), StoreError> {
        if base.version.as_ref() == Some(&now.kid) {
            return Ok(());
        }
        Err(StoreError::conflict(&self.id, format!("another object has the name now, {}", now.kid)))
    }

    /// The new object, under a name by which nobody reads it yet. Found again if an earlier try made it.
    async fn stage(&self, now: &Sobject, value: &Secret, tag: &Tag) -> Result<String, StoreError> {
        let name = staged_name(&self.spec.name, tag);
        if let Some(staged) = self.account.find(&self.id, &Which::Name(&name)).await? {
            if self.holds(&staged, value, tag).await? {
                return Ok(staged.kid);
            }
            self.make_way(&staged, &name).await?;
        }
        let origin = now.origin(self.account.made(now));
        match self.account.import(&self.id, &NewSobject::after(now, origin, name.clone(), value, tag)).await? {
            Imported::As(kid) => Ok(kid),
            Imported::NameTaken => Err(StoreError::unavailable(&self.id, format!("{name} was just being made"))),
        }
    }

    /// The same token in a document of which the rest has changed meanwhile.
    async fn make_way(&self, staged: &Sobject, name: &str) -> Result<(), StoreError> {
        match self.account.perform(&self.id, &Operation::delete(&staged.kid)).await? {
            Performed::Done => Ok(()),
            Performed::NeedsQuorum => {
                let why =
                    format!("the object {name} is in the way, and its quorum would have to agree before it may go");
                Err(StoreError::refused(&self.id, why, "delete that object in DSM"))
            }
        }
    }

    /// Gives the name to the object with that id, in one step, if the object of now still has it.
    async fn promote(&self, now: &Sobject, kid: &str, tag: &Tag) -> Result<Written, StoreError> {
        let replace = Operation::replace(&now.kid, parked_name(&self.spec.name, now, tag), kid);
        if let Performed::NeedsQuorum = self.account.perform(&self.id, &replace).await?
            && let Some(why) = self.account.ask(&self.id, &replace, &self.spec.name, tag).await?
        {
            return Ok(Written::Waiting { why });
        }
        let after = self.object().await.map_err(StoreError::once_written)?;
        if after.kid == kid {
            return Ok(Written::Done);
        }
        Err(StoreError::conflict(
            &self.id,
            format!("the name went to another object at the same moment, {}", after.kid),
        ))
    }
}

/// Why an object cannot be replaced by ours, and what to do.
fn unfit(object: &Sobject) -> Option<(String, &'static str)> {
    if !TYPES.contains(&object.obj_type.as_str()) {
        let why = format!("the object is of type {}", object.obj_type);
        return Some((why, "name an object of type SECRET or OPAQUE"));
    }
    if !object.enabled || object.is_deactivated() {
        return Some(("the object is not active".into(), "activate and enable it, or import a new one under its name"));
    }
    if !object.is_manageable() {
        let mend = "import the value once more by hand, with the key operations Export and AppManageable";
        return Some(("the object may not be managed by apps".into(), mend));
    }
    None
}
