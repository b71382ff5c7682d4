//! Google Secret Manager: a new version of a secret, read as `latest` or under an alias. An alias is moved from the state
//! that was seen, which nobody can come in between; for `latest` we look again right before. Versions never change, so
//! whatever was there before can be brought back.

mod calls;
pub(super) mod config;
mod identity;

pub use identity::Credentials;

use super::adapter::Adapter;
use super::caution::{Caution, Cautions};
use super::connection::{BadConnection, Link};
use super::place::Place;
use super::session::Session;
use super::{Base, Seen, StoreError, Written};
use crate::http::{Api, Credential};
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Idempotency, Rollback, Tag, Undo};
use crate::secret::Secret;
use calls::{Access, Labels};
use identity::Identity;
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;

/// Google's limit on a payload, in bytes.
const LONGEST: usize = 65_536;

/// A connection as configured: one project, in one location, by one identity.
#[derive(Debug)]
pub struct Settings {
    /// Where the API is.
    pub link: Link,
    /// The project's id.
    pub project: String,
    /// The region of its regional secrets; `None`: global ones.
    pub location: Option<String>,
    /// Who calls.
    pub credentials: Credentials,
}

/// An open connection.
pub struct Project {
    api: Api,
    session: Session<Identity>,
    /// How the bot's permissions are granted, for those who must mend it.
    section: String,
}

/// What becomes of versions that are no longer needed once a rotation is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OldVersions {
    /// They stay as they are.
    #[default]
    Keep,
    /// They cannot be read until somebody enables them.
    Disable,
    /// Their payload is gone for ever, or after the delay that the secret is set up with.
    Destroy,
}

/// A secret as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spec {
    /// Which connection.
    pub at: String,
    /// That connection's project.
    pub project: String,
    /// That connection's location.
    pub location: Option<String>,
    /// The secret's name in it.
    pub secret: String,
    /// The alias that readers use; `None`: they use `latest`.
    pub alias: Option<String>,
    /// What becomes of the others.
    pub old_versions: OldVersions,
}

impl Spec {
    pub(super) fn id(&self) -> String {
        format!("google-secret {} ({})", self.name(), self.alias.as_deref().unwrap_or("latest"))
    }

    /// A new version changes what `latest` is, whichever alias it is meant for.
    pub(super) fn place(&self) -> Place {
        let whole = Place::whole(format!("google-secret {}", self.name()));
        match &self.alias {
            Some(alias) => whole.part(alias),
            None => whole,
        }
    }

    fn name(&self) -> String {
        let Self { project, location, secret, .. } = self;
        match location {
            Some(location) => format!("{project}/{location}/{secret}"),
            None => format!("{project}/{secret}"),
        }
    }
}

impl Settings {
    /// Reads the certificates; calls nobody.
    pub(super) fn open(&self, section: &str) -> Result<Project, BadConnection> {
        let credential = Credential::PerCall { header: "authorization", prefix: "Bearer " };
        let api = self.link.open(section, credential)?;
        let session = Session::new(Identity::new(&self.credentials, &self.link, section)?);
        Ok(Project { api, session, section: section.to_owned() })
    }
}

/// One secret, under one name of its versions.
pub(super) struct GoogleSecretManager {
    id: StoreId,
    project: Arc<Project>,
    spec: Spec,
    cautions: Cautions,
}

/// What readers get now.
struct Current {
    number: u64,
    payload: Secret,
    /// Of the secret; only needed to move an alias.
    labels: Option<Labels>,
}

#[async_trait::async_trait]
impl Adapter for GoogleSecretManager {
    fn id(&self) -> &StoreId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        let by_alias = self.spec.alias.is_some();
        Capabilities {
            readable: true,
            versions: true,
            compare_and_set: by_alias,
            staging: by_alias,
            idempotency: Idempotency::ByTag,
            rollback: Rollback::Native,
            max_bytes: Some(LONGEST as u64),
            eventual: true,
            ..Capabilities::plain()
        }
    }

    async fn preflight(&self) -> Result<(), StoreError> {
        self.may(&self.needed()).await?;
        let ending = self.itself().await?.and_then(|secret| secret.ending(&self.spec.secret));
        self.cautions.set(ending.into_iter().collect());
        self.current().await.map(drop)
    }

    fn cautions(&self) -> Vec<Caution> {
        self.cautions.get()
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        let Current { number, payload, labels } = self.current().await?;
        let (undo, identity) = (Some(Undo(number.to_string())), self.identity(labels).await?);
        let note = identity.is_none().then(|| {
            format!(
                "{} could be deleted and made again between this plan and the write, and nothing would tell; grant \
                 secretmanager.secrets.get",
                self.id
            )
        });
        Ok(Seen { identity, note, ..Seen::new(Some(payload), Base::version(number.to_string()), undo) })
    }

    async fn write(&self, value: &Secret, base: &Base, _tag: &Tag) -> Result<Written, StoreError> {
        let length = value.expose().len();
        if length == 0 || length > LONGEST {
            let why = format!("the value has {length} bytes, and Google takes 1 to {LONGEST}");
            return Err(StoreError::refused(&self.id, why, "store the value elsewhere"));
        }
        self.put(value, base, None).await
    }

    async fn roll_back(&self, undo: &Undo, base: &Base, _tag: &Tag) -> Result<Written, StoreError> {
        match self.access(&undo.0).await? {
            Access::Held(number, payload) => self.put(&payload, base, Some(number)).await,
            Access::Missing | Access::Closed => {
                let why = format!("its version {} is gone or disabled", undo.0);
                Err(StoreError::refused(&self.id, why, "enable that version, or put the previous value there by hand"))
            }
        }
    }

    /// Retires the version that this rotation replaced, unless somebody reads it under another name. Older ones may be
    /// what a rotation of another alias goes back to.
    async fn finish(&self, _tag: &Tag, undo: Option<&Undo>) -> Result<(), StoreError> {
        let replaced = undo.and_then(|undo| undo.0.parse::<u64>().ok());
        let Some(replaced) = replaced.filter(|_| self.spec.old_versions != OldVersions::Keep) else { return Ok(()) };
        let still_read = self.current().await?.number == replaced || self.labels().await?.numbers().contains(&replaced);
        if still_read { Ok(()) } else { self.retire(replaced).await }
    }
}

impl GoogleSecretManager {
    pub(super) fn new(id: StoreId, project: Arc<Project>, spec: &Spec) -> Self {
        Self { id, project, spec: spec.clone(), cautions: Cautions::default() }
    }

    /// The permissions that a rotation takes here, no more.
    fn needed(&self) -> Vec<&'static str> {
        let mut needed = vec!["secretmanager.versions.access", "secretmanager.versions.add"];
        if self.spec.alias.is_some() || self.spec.old_versions != OldVersions::Keep {
            needed.push("secretmanager.secrets.get");
        }
        if self.spec.alias.is_some() {
            needed.push("secretmanager.secrets.update");
        }
        match self.spec.old_versions {
            OldVersions::Keep => {}
            OldVersions::Disable => needed.push("secretmanager.versions.disable"),
            OldVersions::Destroy => needed.push("secretmanager.versions.destroy"),
        }
        needed
    }

    /// What readers get, or are about to get: what Google says under the name may be of a moment ago.
    async fn current(&self) -> Result<Current, StoreError> {
        let Some(alias) = &self.spec.alias else { return self.newest().await };
        let labels = self.labels().await?;
        let number = labels.of(alias).ok_or_else(|| self.refused("the secret has no such alias", alias))?;
        match self.access(&number.to_string()).await? {
            Access::Held(number, payload) => Ok(Current { number, payload, labels: Some(labels) }),
            _ => Err(self.refused("the version behind the alias is disabled or destroyed", alias)),
        }
    }

    /// The newest version. Reading a version by its number is never behind, unlike `latest`, so this sees one that somebody
    /// has just added, be it us.
    async fn newest(&self) -> Result<Current, StoreError> {
        let (mut number, mut payload) = match self.access("latest").await? {
            Access::Held(number, payload) => (number, payload),
            Access::Missing => return Err(self.refused("there is no such secret, or it has no version yet", "latest")),
            Access::Closed => return Err(self.closed()),
        };
        loop {
            match self.access(&(number + 1).to_string()).await? {
                Access::Held(next, of_next) => (number, payload) = (next, of_next),
                Access::Missing => return Ok(Current { number, payload, labels: None }),
                Access::Closed => return Err(self.closed()),
            }
        }
    }

    /// Makes the payload what readers get, from the state `base`. `kept` is a version that holds it already.
    async fn put(&self, payload: &Secret, base: &Base, kept: Option<u64>) -> Result<Written, StoreError> {
        let now = self.current().await?;
        if now.payload.digest() == payload.digest() {
            return self.wait_until_shown(payload).await;
        }
        if Base::version(now.number.to_string()) != *base {
            let why = format!("readers get version {} now, which was not the one before", now.number);
            return Err(StoreError::conflict(&self.id, why));
        }
        match (&self.spec.alias, now.labels) {
            (Some(alias), Some(labels)) => {
                let number = match kept {
                    Some(number) => number,
                    None => self.added(payload).await?,
                };
                self.move_alias(alias, labels, now.number, number).await?;
            }
            _ => {
                let added = self.add(payload).await?;
                if added != now.number + 1 {
                    let why = format!("readers had version {} before, and ours is {added}", now.number);
                    return Err(StoreError::overwrote(&self.id, why));
                }
            }
        }
        self.wait_until_shown(payload).await
    }

    /// The number of a version with that payload. What a lost answer left behind is found as the newest one.
    async fn added(&self, payload: &Secret) -> Result<u64, StoreError> {
        match self.newest().await {
            Ok(newest) if newest.payload.digest() == payload.digest() => Ok(newest.number),
            // The alias may mean an older version, and the newest one may be disabled.
            Ok(_) | Err(StoreError::Refused { .. }) => self.add(payload).await,
            Err(error) => Err(error),
        }
    }

    fn closed(&self) -> StoreError {
        self.refused("its latest version is disabled or destroyed", "latest")
    }

    fn refused(&self, why: &str, which: &str) -> StoreError {
        let secret = &self.spec.secret;
        let mend = match which {
            "latest" => format!("correct project, location and secret, or add a version to {secret} by hand once"),
            alias => format!("gcloud secrets update {secret} --update-version-aliases={alias}=NUMBER, once"),
        };
        StoreError::refused(&self.id, why, mend)
    }
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
    String::deserialize(from).map(Secret::new)
}
