//! One key of a Kubernetes Secret. The cluster refuses a write that is not from its present state, other keys are never
//! sent, and a Secret that a controller owns is left to that controller. Workloads that read the Secret only when they
//! start are restarted after the switch, if the configuration names them.

pub(super) mod config;
mod object;
mod restart;

pub use restart::Workload;

use super::adapter::Adapter;
use super::caution::{Caution, Cautions};
use super::connection::{BadConnection, Link};
use super::place::Place;
use super::{Base, Seen, StoreError, Written};
use crate::http::{Api, Call, CallError, Credential, Reply, segment};
use crate::rotation::identity::Identity;
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Rollback, Tag, Undo};
use crate::secret::Secret;
use object::{Object, encoded};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::sync::Arc;

/// A whole Secret may hold one MiB; so may not its one key.
const LONGEST: u64 = 1 << 20;
/// How Kubernetes wants a change of some keys only.
const MERGE: &str = "application/merge-patch+json";
/// Whose previous value the second key holds: a rotation that mints twice must not push its own first try there.
const MARK: &str = "rekey/previous-of";

/// One key of one Secret, as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spec {
    /// The connection's name.
    pub at: String,
    /// Host and port of the cluster's API.
    pub server: String,
    /// The namespace.
    pub namespace: String,
    /// The Secret.
    pub name: String,
    /// Its key.
    pub key: String,
    /// A second key that keeps the previous value while a rotation goes on.
    pub previous_key: Option<String>,
    /// What is restarted once the Secret holds the new value.
    pub restart: Vec<Workload>,
}

impl Spec {
    pub(super) fn id(&self) -> String {
        format!("kubernetes {} {}/{} key {}", self.server, self.namespace, self.name, self.key)
    }

    /// Merge patches touch one key each, and the cluster orders them.
    pub(super) fn place(&self) -> Place {
        self.place_of(&self.key)
    }

    /// The key that the previous value goes to.
    pub(super) fn second_place(&self) -> Option<Place> {
        self.previous_key.as_ref().map(|key| self.place_of(key))
    }

    fn place_of(&self, key: &str) -> Place {
        Place::whole(format!("kubernetes {} {}/{}", self.server, self.namespace, self.name)).part(key)
    }
}

/// A cluster as configured: `[kubernetes.<name>]`.
#[derive(Debug)]
pub struct Settings {
    /// Where its API is.
    pub link: Link,
    /// What proves to it who calls.
    pub token: Token,
}

/// A service account's token.
pub enum Token {
    /// A file that is replaced from outside before the token in it ends; read for every call.
    File(PathBuf),
    /// A token that does not change.
    Value(Secret),
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Value(_) => f.write_str("Value"),
        }
    }
}

/// An open connection to a cluster.
pub struct Cluster {
    api: Api,
    token: Token,
}

impl Settings {
    /// Sets it up; calls nobody. `name` is the section's.
    pub(super) fn open(&self, name: &str) -> Result<Cluster, BadConnection> {
        let credential = Credential::PerCall { header: "authorization", prefix: "Bearer " };
        let token = match &self.token {
            Token::File(path) => Token::File(path.clone()),
            Token::Value(value) => Token::Value(value.duplicate()),
        };
        Ok(Cluster { api: self.link.open(name, credential)?, token })
    }
}

/// One key of one Secret.
pub(super) struct Kubernetes {
    id: StoreId,
    cluster: Arc<Cluster>,
    spec: Spec,
    cautions: Cautions,
}

#[async_trait::async_trait]
impl Adapter for Kubernetes {
    fn id(&self) -> &StoreId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        let kept = self.spec.previous_key.is_some();
        let rollback = if kept { Rollback::Native } else { Rollback::Rewrite };
        let plain = Capabilities::plain();
        Capabilities { compare_and_set: true, versions: kept, rollback, max_bytes: Some(LONGEST), ..plain }
    }

    /// The same value once more, as a dry run: the cluster asks everybody who has a say and stores nothing.
    async fn preflight(&self) -> Result<(), StoreError> {
        let object = self.object().await?;
        self.cautions.set(object.keepers(&self.spec.key));
        let same = self.value_of(&object)?;
        let patch =
            json!({"metadata": {"resourceVersion": object.version()}, "data": {&self.spec.key: encoded(&same)}});
        self.send(Call::patch(self.path()).query("dryRun", "All").json_as(MERGE, &patch)).await?;
        for workload in &self.spec.restart {
            self.restart(workload, None).await?;
        }
        Ok(())
    }

    fn cautions(&self) -> Vec<Caution> {
        self.cautions.get()
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        let object = self.object().await?;
        let value = self.value_of(&object)?;
        let undo = self.spec.previous_key.as_ref().map(|key| Undo(format!("key {key}")));
        let base = Base::of(&value);
        let identity = object.uid().map(|uid| Identity(format!("{} Secret {uid}", self.cluster.api.host())));
        Ok(Seen { identity, ..Seen::new(Some(value), base, undo) })
    }

    async fn write(&self, value: &Secret, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        if value.expose().is_empty() || value.expose().len() as u64 > LONGEST {
            return Err(StoreError::refused(
                &self.id,
                "the value is empty or longer than a Secret may be",
                "mint a token",
            ));
        }
        let object = self.object().await?;
        let held = self.value_of(&object)?;
        if held.digest() != value.digest() {
            if Base::of(&held) != *base {
                return Err(StoreError::conflict(&self.id, "the key holds another value than before"));
            }
            self.replace(&object, value, self.keeping(&object, &held, tag)).await?;
        }
        self.restart_all(tag).await.map_err(once_held)?;
        Ok(Written::Done)
    }

    async fn roll_back(&self, _undo: &Undo, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        let object = self.object().await?;
        let held = self.value_of(&object)?;
        let previous = match object.annotation(&self.mark()) {
            Some(rotation) if rotation == tag.rotation.as_str() => self.previous(&object)?,
            _ => None,
        };
        let Some(previous) = previous else {
            let why = "the key with the previous value is gone";
            return Err(StoreError::refused(&self.id, why, "put the previous value there by hand"));
        };
        if held.digest() != previous.digest() {
            if Base::of(&held) != *base {
                return Err(StoreError::conflict(&self.id, "the key holds another value than before"));
            }
            self.replace(&object, &previous, Kept::default()).await?;
        }
        self.restart_all(tag).await.map_err(once_held)?;
        Ok(Written::Done)
    }

    async fn finish(&self, tag: &Tag, _undo: Option<&Undo>) -> Result<(), StoreError> {
        let Some(key) = &self.spec.previous_key else { return Ok(()) };
        let object = self.object().await?;
        if object.annotation(&self.mark()) != Some(tag.rotation.as_str()) {
            return Ok(());
        }
        let metadata = json!({"resourceVersion": object.version(), "annotations": {self.mark(): null}});
        let patch = json!({"metadata": metadata, "data": {key: null}});
        self.send(Call::patch(self.path()).json_as(MERGE, &patch)).await.map(drop)
    }
}

/// Trouble with the workloads once the Secret has the value.
fn once_held(error: StoreError) -> StoreError {
    match error.once_written() {
        StoreError::Refused { store, why, mend, may_pass } => {
            StoreError::Refused { store, why: format!("the Secret holds the value, but {why}"), mend, may_pass }
        }
        StoreError::Conflict { store, why } => StoreError::Unknown { store, why },
        other => other,
    }
}

/// What a write keeps beside the value.
#[derive(Default)]
struct Kept {
    data: Map<String, Value>,
    annotations: Map<String, Value>,
}

impl Kubernetes {
    pub(super) fn new(id: StoreId, cluster: Arc<Cluster>, spec: &Spec) -> Self {
        Self { id, cluster, spec: spec.clone(), cautions: Cautions::default() }
    }

    /// The annotation that says whose previous value is kept. Each key of a Secret has its own; names are short.
    fn mark(&self) -> String {
        let key = hex::encode(Sha256::digest(self.spec.key.as_bytes()));
        format!("{MARK}.{}", &key[..16])
    }

    async fn object(&self) -> Result<Object, StoreError> {
        let reply = self.send(Call::get(self.path())).await?;
        let object: Object = reply.json().map_err(|error| self.failed(&error))?;
        match object.unfit() {
            None => Ok(object),
            Some((why, mend)) => Err(StoreError::refused(&self.id, why, mend)),
        }
    }

    fn value_of(&self, object: &Object) -> Result<Secret, StoreError> {
        let broken = || {
            let why = format!("key {} does not hold text", self.spec.key);
            StoreError::refused(&self.id, why, "correct the key, or store the value elsewhere")
        };
        object.value(&self.spec.key).map_err(|_| broken())?.ok_or_else(|| {
            let why = format!("the Secret has no key {}", self.spec.key);
            StoreError::refused(&self.id, why, "add the key once by hand, or correct its name")
        })
    }

    fn previous(&self, object: &Object) -> Result<Option<Secret>, StoreError> {
        let Some(key) = &self.spec.previous_key else { return Ok(None) };
        object.value(key).map_err(|_| {
            StoreError::refused(
                &self.id,
                format!("key {key} does not hold text"),
                "put the previous value back by hand",
            )
        })
    }

    /// The value before the rotation's first write goes to the second key, once.
    fn keeping(&self, object: &Object, held: &Secret, tag: &Tag) -> Kept {
        let mut kept = Kept::default();
        if let Some(key) = &self.spec.previous_key
            && object.annotation(&self.mark()) != Some(tag.rotation.as_str())
        {
            kept.data.insert(key.clone(), encoded(held).into());
            kept.annotations.insert(self.mark(), tag.rotation.as_str().into());
        }
        kept
    }

    async fn replace(&self, from: &Object, value: &Secret, mut kept: Kept) -> Result<(), StoreError> {
        kept.data.insert(self.spec.key.clone(), encoded(value).into());
        let metadata = json!({"resourceVersion": from.version(), "annotations": kept.annotations});
        let patch = json!({"metadata": metadata, "data": kept.data});
        self.send(Call::patch(self.path()).json_as(MERGE, &patch)).await.map(drop)
    }

    async fn restart_all(&self, tag: &Tag) -> Result<(), StoreError> {
        for workload in &self.spec.restart {
            self.restart(workload, Some(tag)).await?;
        }
        Ok(())
    }

    /// The same mark twice changes nothing, so a repeat restarts nothing. Without a tag: a dry run.
    async fn restart(&self, workload: &Workload, tag: Option<&Tag>) -> Result<(), StoreError> {
        let call = Call::patch(workload.path(&self.spec.namespace));
        let call = if tag.is_none() { call.query("dryRun", "All") } else { call };
        self.send(call.json_as(MERGE, &restart::patch(tag))).await.map(drop).map_err(|error| match error {
            StoreError::Refused { store, why, may_pass, .. } => {
                let mend = format!("let the bot get and patch {workload} in namespace {}", self.spec.namespace);
                StoreError::Refused { store, why: format!("{workload} cannot be restarted: {why}"), mend, may_pass }
            }
            other => other,
        })
    }

    async fn send(&self, call: Call<'_>) -> Result<Reply, StoreError> {
        let token = self.token().await?;
        let writes = call.is_write();
        let call = call.credential(&token);
        if writes {
            let outcome = self.cluster.api.call(&call).await;
            return outcome.map_err(|error| self.write_failed(&error));
        }
        self.cluster.api.read(&call).await.map_err(|error| self.failed(&error))
    }

    async fn token(&self) -> Result<Secret, StoreError> {
        let path = match &self.cluster.token {
            Token::Value(value) => return Ok(value.duplicate()),
            Token::File(path) => path,
        };
        let read = tokio::fs::read_to_string(path).await.map(zeroize::Zeroizing::new);
        let read = read.map_err(|error| {
            let why = format!("the token file {} cannot be read: {}", path.display(), error.kind());
            StoreError::refused(&self.id, why, "mount the service account's token there")
        });
        Ok(Secret::new(read?.trim().to_owned()))
    }

    fn failed(&self, error: &CallError) -> StoreError {
        StoreError::of_read(&self.id, error, |status| self.mend(status))
    }

    fn write_failed(&self, error: &CallError) -> StoreError {
        match error.status() {
            Some(409) => StoreError::conflict(&self.id, "the object changed between our look and our write"),
            _ => StoreError::of_write(&self.id, error, |status| self.mend(status)),
        }
    }

    fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/secrets/{}", segment(&self.spec.namespace), segment(&self.spec.name))
    }

    fn mend(&self, status: u16) -> String {
        let Spec { namespace, name, .. } = &self.spec;
        match status {
            401 => "give the bot a service account token that the cluster accepts".to_owned(),
            403 => format!("let the bot's service account get and patch Secret {name} in namespace {namespace}"),
            404 => format!("create Secret {name} in namespace {namespace}, or correct the names"),
            _ => format!("look at Secret {name} in namespace {namespace} with kubectl describe"),
        }
    }
}
