//! A secret in an Azure Key Vault. A vault has no compare-and-set and no key for a repeated write, and every write makes
//! a version: so ours carry tags by which a write whose answer was lost is found again, and versions that somebody else
//! made in the same instant are noticed. An earlier version comes back by being written again.

mod challenge;
pub(super) mod config;
mod identity;
mod refusal;
mod vault;

pub use self::identity::{Application, Identity, Proof};
pub(super) use self::vault::Vault;

use self::vault::{Bundle, NewSecret};
use super::adapter::Adapter;
use super::connection::{BadConnection, Link};
use super::place::Place;
use super::{Base, Seen, StoreError, Written};
use crate::clock::start_of;
use crate::rotation::identity::Identity as PlaceIdentity;
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Rollback, Tag, Undo};
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Understood by every vault since 2022.
const API_VERSION: &str = "7.4";

/// Azure's limit on a value.
const LONGEST: usize = 25_600;

/// Azure's limit on tags.
const TAGS: usize = 15;

/// The tag that names the rotation.
const ROTATION: &str = "rekey-rotation";

/// The tag that names the GitLab token whose value it is.
const TOKEN: &str = "gitlab-token-id";

/// A secret as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spec {
    /// The connection.
    pub at: String,
    /// Host of the vault, and its port if it is an unusual one.
    pub host: String,
    /// The secret's name.
    pub secret: String,
}

/// A vault, and who calls it.
pub struct Settings {
    /// The vault, `https://<name>.vault.azure.net`.
    pub link: Link,
    /// How a token for it is got.
    pub identity: Identity,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("link", &self.link).field("identity", &self.identity).finish()
    }
}

impl Settings {
    pub(super) fn open(&self, section: &str) -> Result<Vault, BadConnection> {
        Vault::open(self, section)
    }
}

impl Spec {
    pub(super) fn id(&self) -> String {
        format!("azure-key-vault {} {}", self.host, self.secret)
    }

    /// Names of secrets do not distinguish case.
    pub(super) fn place(&self) -> Place {
        Place::whole(self.id().to_lowercase())
    }
}

/// One secret.
pub(super) struct AzureKeyVault {
    id: StoreId,
    vault: Arc<Vault>,
    spec: Spec,
}

#[async_trait::async_trait]
impl Adapter for AzureKeyVault {
    fn id(&self) -> &StoreId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            versions: true,
            rollback: Rollback::Native,
            max_bytes: Some(LONGEST as u64),
            ..Capabilities::plain()
        }
    }

    /// Says once more what is so anyway, that the current version is enabled: who may do that may write.
    async fn preflight(&self) -> Result<(), StoreError> {
        let now = self.current().await?;
        let others = now.tags.keys().filter(|key| ![ROTATION, TOKEN].contains(&key.as_str())).count();
        if others + 2 > TAGS {
            let why = format!("it has {others} tags, and a write needs two more; Azure allows {TAGS}");
            return Err(StoreError::refused(&self.id, why, "remove tags"));
        }
        self.versions().await?;
        self.vault.may_write(&self.id, &self.spec.secret, now.version()).await
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        let now = self.current().await?;
        let (base, undo) = (base_of(&now), Some(Undo(now.version().to_owned())));
        Ok(Seen { identity: self.first().await?, ..Seen::new(Some(now.value), base, undo) })
    }

    async fn write(&self, value: &Secret, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        if value.expose().is_empty() || value.expose().len() > LONGEST {
            let why = format!("the value is empty or longer than {LONGEST} bytes");
            return Err(StoreError::refused(&self.id, why, "store it elsewhere"));
        }
        let now = self.current().await?;
        let (tags, content_type) = (now.tags.clone(), now.content_type.clone());
        self.put(now, NewSecret::of(value, tags, content_type), base, tag).await
    }

    async fn roll_back(&self, undo: &Undo, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        let now = self.current().await?;
        let before = self.vault.version(&self.id, &self.spec.secret, &undo.0).await?;
        self.put(now, NewSecret::of(&before.value, before.tags, before.content_type), base, tag).await
    }
}

impl AzureKeyVault {
    pub(super) fn new(id: StoreId, vault: Arc<Vault>, spec: &Spec) -> Self {
        Self { id, vault, spec: spec.clone() }
    }

    async fn current(&self) -> Result<Bundle, StoreError> {
        let now = self.vault.current(&self.id, &self.spec.secret).await?;
        if now.managed {
            let mend = "name a secret of its own; this one changes with the certificate";
            return Err(StoreError::refused(&self.id, "it belongs to a certificate of the vault", mend));
        }
        Ok(now)
    }

    /// A secret is known by its first version, whose name no other secret gets: one that was purged and made again begins
    /// anew.
    async fn first(&self) -> Result<Option<PlaceIdentity>, StoreError> {
        let versions = self.versions().await?;
        let first = versions.iter().min_by_key(|version| (version.created(), version.name()));
        let Spec { host, secret, .. } = &self.spec;
        Ok(first.map(|first| PlaceIdentity(format!("{host} {secret}, begun with version {}", first.name()))))
    }

    async fn versions(&self) -> Result<Vec<vault::Version>, StoreError> {
        self.vault.versions(&self.id, &self.spec.secret).await
    }

    /// Writes what is not there yet, once, and only over what was looked at.
    async fn put(&self, now: Bundle, new: NewSecret<'_>, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        if now.value.digest() == new.value.digest() {
            return Ok(Written::Done);
        }
        if base_of(&now) != *base {
            return Err(StoreError::conflict(
                &self.id,
                format!("its version is {}, not the one from before", now.version()),
            ));
        }
        let (before, ours) = (self.versions().await?, tags_of(tag));
        let is_ours = |version: &&vault::Version| ours.iter().all(|(key, value)| version.tags.get(key) == Some(value));
        if let Some(landed) = before.iter().filter(is_ours).find(|version| version.created() > now.created()) {
            let why = format!("version {} of this very write is there, and reads do not show it yet", landed.name());
            return Err(StoreError::Unknown { store: self.id.clone(), why });
        }
        let expires = tag.expires_at.map(|date| start_of(date).as_second());
        let made = self.vault.put(&self.id, &self.spec.secret, new.tagged(ours).expiring(expires)).await?;
        self.was_alone(&before, made.version()).await
    }

    /// A version that is neither from before nor ours was made in between, and is not the current one any more.
    async fn was_alone(&self, before: &[vault::Version], ours: &str) -> Result<Written, StoreError> {
        let after = match self.versions().await {
            Ok(after) => after,
            Err(StoreError::Unavailable { store, why, .. }) => return Err(StoreError::Unknown { store, why }),
            Err(error) => return Err(error),
        };
        let known = |version: &&vault::Version| before.iter().all(|known| known.name() != version.name());
        match after.iter().filter(known).find(|version| version.name() != ours) {
            Some(other) => {
                let why = format!("version {} was written at the same moment as ours, {ours}", other.name());
                Err(StoreError::overwrote(&self.id, why))
            }
            None => Ok(Written::Done),
        }
    }
}

fn base_of(bundle: &Bundle) -> Base {
    Base::version(bundle.version())
}

fn tags_of(tag: &Tag) -> BTreeMap<String, String> {
    [(ROTATION.to_owned(), tag.rotation.0.clone()), (TOKEN.to_owned(), tag.token.0.to_string())].into()
}
