//! One field of an item behind a 1Password Connect server. Connect has no compare-and-set and no history, and its reads
//! lag: so a write goes from one version of the item to exactly the next, and waits until reads show it. If the
//! configuration says so, the value of before stays in a second field of the item until the rotation is over.

pub(super) mod config;
mod item;
mod server;

use self::item::{Change, Field, Item};
use self::server::Located;
pub(super) use self::server::Server;
use super::adapter::Adapter;
use super::caution::{Caution, Cautions};
use super::connection::{BadConnection, Link};
use super::place::Place;
use super::{Base, Seen, StoreError, Written};
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Rollback, Tag, Undo};
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Types of fields that hold something else than text of one's own.
const OTHER_TYPES: [&str; 5] = ["OTP", "DATE", "MONTH_YEAR", "MENU", "SSHKEY"];

/// A field as the configuration names it. Vault, item, section and field are ids or exact names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spec {
    /// The connection.
    pub at: String,
    /// Host and port of that connection: what tells places on two servers apart.
    pub host: String,
    /// The vault.
    pub vault: String,
    /// The item in it.
    pub item: String,
    /// The section that the field is in; `None`: the field's name is clear without.
    pub section: Option<String>,
    /// The field.
    pub field: String,
    /// The name of a second field for the value of before; `None`: it is not kept.
    pub previous: Option<String>,
}

/// A Connect server and the token for it.
pub struct Settings {
    /// Where it is.
    pub link: Link,
    /// A Connect token that may read and write the vaults.
    pub token: Secret,
    /// How long a change may take to show up in reads.
    pub sync: Duration,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("link", &self.link).field("sync", &self.sync).finish_non_exhaustive()
    }
}

impl Settings {
    pub(super) fn open(&self, section: &str) -> Result<Server, BadConnection> {
        Server::open(self, section)
    }
}

impl Spec {
    /// As 1Password itself writes references; no part has a slash in it.
    fn reference(&self) -> String {
        let section = self.section.as_ref().map(|section| format!("{section}/")).unwrap_or_default();
        format!("op://{}/{}/{section}{}", self.vault, self.item, self.field)
    }

    pub(super) fn id(&self) -> String {
        format!("1password {} {}", self.host, self.reference())
    }

    pub(super) fn place(&self) -> Place {
        self.item_place().part(format!("{}/{}", self.section.as_deref().unwrap_or_default(), self.field))
    }

    /// The field that the previous value goes to: it is found by its name alone.
    pub(super) fn second_place(&self) -> Option<Place> {
        self.previous.as_ref().map(|name| self.item_place().part(format!("previous {name}")))
    }

    fn item_place(&self) -> Place {
        Place::whole(format!("1password {} op://{}/{}", self.host, self.vault, self.item))
    }
}

/// One field.
pub(super) struct Onepassword {
    id: StoreId,
    server: Arc<Server>,
    spec: Spec,
    cautions: Cautions,
}

#[async_trait::async_trait]
impl Adapter for Onepassword {
    fn id(&self) -> &StoreId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        let plain = Capabilities { eventual: true, ..Capabilities::plain() };
        match self.spec.previous {
            Some(_) => Capabilities { versions: true, rollback: Rollback::Native, ..plain },
            None => plain,
        }
    }

    async fn preflight(&self) -> Result<(), StoreError> {
        let (at, item) = self.item().await?;
        self.cautions.set(item.put_away().into_iter().collect());
        let field = self.field(&item)?;
        if OTHER_TYPES.contains(&field.kind.as_str()) {
            let why = format!("the field is of type {}", field.kind);
            return Err(self.refused(why, "name a field of type password or text"));
        }
        self.kept(&item)?;
        self.server.may_change(&self.id, &at).await
    }

    fn cautions(&self) -> Vec<Caution> {
        self.cautions.get()
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        let (at, item) = self.item().await?;
        let value = self.field(&item)?.held();
        let base = Base { version: Some(item.version.to_string()), digest: Some(value.digest()) };
        let undo = self.spec.previous.as_ref().map(|_| Undo(format!("item version {}", item.version)));
        Ok(Seen::new(Some(value), base, undo).at(self.server.identity(&at)))
    }

    async fn write(&self, value: &Secret, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        let (at, item) = self.item().await?;
        let field = self.field(&item)?;
        let held = field.held();
        if held.digest() == value.digest() {
            return Ok(Written::Done);
        }
        self.unchanged(&held, base)?;
        let mut changes = vec![Change::replace(field, value)];
        changes.extend(self.keep(&item, field, &held, tag)?);
        self.put(&at, &item, &changes, value).await
    }

    async fn roll_back(&self, _undo: &Undo, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        let (at, item) = self.item().await?;
        let field = self.field(&item)?;
        let Some(kept) = self.kept(&item)?.filter(|kept| self.label(tag).as_ref() == Some(&kept.label)) else {
            let why = "the item has no field that keeps the value of before this rotation";
            return Err(
                self.refused(why, "find the value in the item's history in 1Password, and put it there by hand")
            );
        };
        let (held, before) = (field.held(), kept.held());
        if held.digest() == before.digest() {
            return Ok(Written::Done);
        }
        self.unchanged(&held, base)?;
        self.put(&at, &item, &[Change::replace(field, &before)], &before).await
    }

    async fn finish(&self, tag: &Tag, _undo: Option<&Undo>) -> Result<(), StoreError> {
        let Some(label) = self.label(tag) else { return Ok(()) };
        let (at, item) = self.item().await?;
        match self.kept(&item)?.filter(|kept| kept.label == label) {
            Some(kept) => self.server.change(&self.id, &at, &item, &[Change::remove(kept)]).await.map(drop),
            None => Ok(()),
        }
    }
}

impl Onepassword {
    pub(super) fn new(id: StoreId, server: Arc<Server>, spec: &Spec) -> Self {
        Self { id, server, spec: spec.clone(), cautions: Cautions::default() }
    }

    async fn item(&self) -> Result<(Located, Item), StoreError> {
        let at = self.server.locate(&self.id, &self.spec.vault, &self.spec.item).await?;
        let item = self.server.item(&self.id, &at).await?;
        Ok((at, item))
    }

    fn field<'i>(&self, item: &'i Item) -> Result<&'i Field, StoreError> {
        let found = item.fields(self.spec.section.as_deref(), &self.spec.field);
        match found.as_slice() {
            [field] => Ok(field),
            [] => {
                let why = format!("the item has no field {}", self.spec.field);
                Err(self.refused(why, "correct the field's name or its section, or add the field"))
            }
            _ => {
                let why = format!("the item has {} fields {}", found.len(), self.spec.field);
                Err(self.refused(why, "name the section too, or the field's id"))
            }
        }
    }

    /// The field that keeps a value of before, of this rotation or an earlier one. A field of that name that somebody
    /// else made is not ours to fill.
    fn kept<'i>(&self, item: &'i Item) -> Result<Option<&'i Field>, StoreError> {
        let Some(name) = &self.spec.previous else { return Ok(None) };
        if item.fields.iter().any(|field| field.label == *name) {
            let why = format!("the item has a field {name} that rekey did not make");
            return Err(self.refused(why, "rename that field, or write another name after previous ="));
        }
        let prefix = format!("{name} (rekey ");
        let mut kept = item.fields.iter().filter(|field| field.label.starts_with(&prefix));
        match (kept.next(), kept.next()) {
            (kept, None) => Ok(kept),
            _ => Err(self.refused(format!("the item has several fields {prefix}…)"), "remove those fields")),
        }
    }

    /// How the field of this rotation is called.
    fn label(&self, tag: &Tag) -> Option<String> {
        self.spec.previous.as_ref().map(|name| format!("{name} (rekey {})", tag.rotation.0))
    }

    /// What was there before the first write of a rotation is kept; a later attempt of it does not replace that.
    fn keep(&self, item: &Item, field: &Field, held: &Secret, tag: &Tag) -> Result<Option<Change>, StoreError> {
        let Some(label) = self.label(tag) else { return Ok(None) };
        Ok(match self.kept(item)? {
            Some(kept) if kept.label == label => None,
            Some(kept) => Some(Change::relabel(kept, &label, held)),
            None => Some(Change::add_beside(field, &label, held)),
        })
    }

    /// Other fields may have changed meanwhile: a change of ours does not touch them.
    fn unchanged(&self, held: &Secret, base: &Base) -> Result<(), StoreError> {
        if base.digest.as_ref() == Some(&held.digest()) {
            return Ok(());
        }
        Err(StoreError::conflict(&self.id, "the field holds another value than before"))
    }

    async fn put(&self, at: &Located, item: &Item, changes: &[Change], value: &Secret) -> Result<Written, StoreError> {
        // Lives as long as the server may repeat it.
        let _held = self.field(item)?.held();
        let changed = self.server.change(&self.id, at, item, changes).await?;
        if changed != item.version + 1 {
            let why = format!("the item went from version {} to {changed}, so it was changed twice", item.version);
            return Err(StoreError::overwrote(&self.id, why));
        }
        let shown = self.server.item(&self.id, at).await.map_err(StoreError::once_written)?;
        if self.field(&shown)?.held().digest() == value.digest() {
            return Ok(Written::Done);
        }
        let why = format!("version {} of the item holds another value than was just written", shown.version);
        Err(StoreError::conflict(&self.id, why))
    }

    fn refused(&self, why: impl Into<String>, mend: &str) -> StoreError {
        StoreError::refused(&self.id, why, mend)
    }
}
