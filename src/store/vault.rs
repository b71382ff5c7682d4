//! HashiCorp Vault and OpenBao: one field of one secret of a key-value engine. Version 2 guards every write by
//! check-and-set and keeps the versions from before; version 1 has neither.

mod auth;
pub(super) mod config;
mod identity;
mod wire;

pub use auth::{Auth, Proof};

use super::adapter::Adapter;
use super::caution::{Caution, Cautions};
use super::place::Place;
use super::session::Session;
use super::template::Template;
use super::{BadConnection, Base, Link, Seen, StoreError, Written};
use crate::http::{Api, Call, CallError, Credential, Reply, segment};
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Rollback, Tag, Undo};
use crate::secret::Secret;
use auth::VaultLogin;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wire::{Held, on_namespace};

/// A field as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spec {
    /// The connection's name.
    pub at: String,
    /// The connection's host and, if it has one, namespace: two connections to one server are one place.
    pub address: String,
    /// Where the key-value engine is mounted.
    pub mount: String,
    /// The secret's path below it.
    pub path: String,
    /// The field of the secret.
    pub field: String,
    /// Which key-value engine it is.
    pub engine: Engine,
}

/// The two key-value engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// Without versions.
    V1,
    /// With versions and check-and-set.
    V2,
}

impl Spec {
    pub(super) fn id(&self) -> String {
        format!("{} {}", self.secret(), self.field)
    }

    pub(super) fn place(&self) -> Place {
        Place::whole(self.secret()).part(&self.field)
    }

    fn secret(&self) -> String {
        format!("vault {} {}/{}", self.address, self.mount, self.path)
    }
}

/// A connection as the configuration names it.
#[derive(Debug)]
pub struct Settings {
    /// Where it is.
    pub link: Link,
    /// Its namespace, in Vault Enterprise, HCP and OpenBao.
    pub namespace: Option<String>,
    /// How the bot logs in.
    pub auth: Auth,
}

/// An open connection.
pub struct Connection {
    api: Arc<Api>,
    namespace: Option<String>,
    session: Session<VaultLogin>,
}

impl Connection {
    pub(super) fn open(settings: &Arc<Settings>, section: &str) -> Result<Self, BadConnection> {
        let credential = Credential::PerCall { header: "x-vault-token", prefix: "" };
        let api = Arc::new(settings.link.open(section, credential)?);
        let login = VaultLogin { api: api.clone(), settings: settings.clone() };
        Ok(Self { api, namespace: settings.namespace.clone(), session: Session::new(login) })
    }
}

/// With fewer versions a second attempt of one rotation would push out the value of before.
const ENOUGH: u64 = 3;
/// A version that no secret reaches: a check-and-set against it never matches.
const NO_VERSION: u64 = 2_147_483_647;

/// One field.
pub(super) struct Vault {
    id: StoreId,
    connection: Arc<Connection>,
    spec: Spec,
    /// Seen to keep too few versions.
    forgets: AtomicBool,
    cautions: Cautions,
}

#[async_trait::async_trait]
impl Adapter for Vault {
    fn id(&self) -> &StoreId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        let versions = self.spec.engine == Engine::V2;
        let native = versions && !self.forgets.load(Ordering::Relaxed);
        let rollback = if native { Rollback::Native } else { Rollback::Rewrite };
        Capabilities { versions, compare_and_set: versions, rollback, ..Capabilities::plain() }
    }

    async fn preflight(&self) -> Result<(), StoreError> {
        let held = self.fetch(None).await?;
        self.policy_allows().await?;
        self.patch_is_known(&held.value).await?;
        self.learn_what_it_keeps().await
    }

    fn cautions(&self) -> Vec<Caution> {
        self.cautions.get()
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        let held = self.fetch(None).await?;
        let native = self.capabilities().rollback == Rollback::Native;
        let undo = held.version.filter(|_| native).map(|version| Undo(version.to_string()));
        let base = held.base();
        let told = self.identity().await?;
        Ok(Seen { identity: told.identity, note: told.lacks, ..Seen::new(Some(held.value), base, undo) })
    }

    async fn write(&self, value: &Secret, base: &Base, _tag: &Tag) -> Result<Written, StoreError> {
        let held = self.fetch(None).await?;
        if held.value.digest() == value.digest() {
            return Ok(Written::Done);
        }
        if held.base() != *base {
            return Err(StoreError::conflict(&self.id, "the secret is not as it was"));
        }
        match held.version {
            Some(version) => self.patch(value, version).await,
            None => self.put(value, &held).await,
        }
    }

    async fn roll_back(&self, undo: &Undo, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        let version = undo.0.parse().map_err(|_| {
            StoreError::refused(
                &self.id,
                "the version to go back to is garbled",
                "put the previous value there by hand",
            )
        })?;
        let before = self.fetch(Some(version)).await?;
        self.write(&before.value, base, tag).await
    }
}

impl Vault {
    pub(super) fn new(id: StoreId, connection: Arc<Connection>, spec: Spec) -> Self {
        Self { id, connection, spec, forgets: AtomicBool::new(false), cautions: Cautions::default() }
    }

    /// The field now or at a version.
    async fn fetch(&self, version: Option<u64>) -> Result<Held, StoreError> {
        let call = Call::get(self.path("data")).maybe("version", version).answers(&[404]);
        let reply = self.read(&call).await?;
        if reply.status() == 404 {
            return Err(self.missing(&reply, version));
        }
        let garbled = |error: CallError| StoreError::unavailable(&self.id, error);
        let document = wire::document(&reply).map_err(garbled)?;
        let template = self.field_in_answer();
        let value = template.extract(&document).map_err(|misfit| {
            let mend = format!("write the field {} there once, as text, or correct its name", self.spec.field);
            StoreError::refused(&self.id, misfit.why, mend)
        })?;
        let version = wire::version(&reply).map_err(garbled)?.filter(|_| self.spec.engine == Engine::V2);
        Ok(Held { value, version, document })
    }

    /// Why there is nothing: never there, or deleted, which leaves its version behind.
    fn missing(&self, reply: &Reply, version: Option<u64>) -> StoreError {
        let deleted = wire::version(reply).ok().flatten().is_some();
        let (why, mend) = match (version, deleted) {
            (Some(version), _) => (
                format!("version {version} is no longer kept"),
                "put the previous value there by hand; let the secret keep more versions (max_versions)".to_owned(),
            ),
            (None, true) => {
                ("its newest version is deleted".to_owned(), "undelete it, or write it anew by hand".to_owned())
            }
            (None, false) => {
                let mend = "create the secret with that field, or correct mount, path, kv or namespace";
                ("there is no such secret".to_owned(), mend.to_owned())
            }
        };
        StoreError::refused(&self.id, why, mend)
    }

    /// One field, only if nobody else wrote since that version.
    async fn patch(&self, value: &Secret, version: u64) -> Result<Written, StoreError> {
        let body = wire::Patch::new(&self.spec.field, value, version);
        let call = Call::patch(self.path("data")).json_as("application/merge-patch+json", &body);
        match self.call(&call).await? {
            Ok(_) => Ok(Written::Done),
            Err(error) if wire::is_mismatch(&error) => self.settle(value).await,
            Err(error) => Err(StoreError::of_write(&self.id, &error, |status| self.mend(status))),
        }
    }

    /// A check-and-set that failed: an earlier try of ours has landed, or somebody else was there.
    async fn settle(&self, value: &Secret) -> Result<Written, StoreError> {
        if self.fetch(None).await?.value.digest() == value.digest() {
            return Ok(Written::Done);
        }
        Err(StoreError::conflict(&self.id, "somebody wrote the secret in the same instant"))
    }

    /// Version 1 takes whole secrets only: the others' fields are sent back as they were read.
    async fn put(&self, value: &Secret, held: &Held) -> Result<Written, StoreError> {
        let refused = |why: String| StoreError::refused(&self.id, why, "store the value in a secret of its own");
        let document = self.field_in_answer().replace(&held.document, value);
        let document = document.map_err(|misfit| refused(misfit.why))?;
        let fields = wire::fields(&document).ok_or_else(|| refused("its fields cannot be told apart".into()))?;
        let call = Call::put(self.path("data")).bytes("application/json", fields);
        let outcome = self.call(&call).await?;
        outcome.map(|_| Written::Done).map_err(|error| StoreError::of_write(&self.id, &error, |s| self.mend(s)))
    }

    /// Asks for the rights that the token has on the very path.
    async fn policy_allows(&self) -> Result<(), StoreError> {
        let path = self.named("data");
        let call = Call::post("/v1/sys/capabilities-self").json(&wire::Paths { paths: [&path] });
        let mend = "let the bot's policy update sys/capabilities-self, as Vault's policy default does";
        let reply = self.call(&call).await?;
        let reply = reply.map_err(|error| StoreError::of_read(&self.id, &error, |_| mend.to_owned()))?;
        let rights = wire::rights(&reply, &path).map_err(|error| StoreError::unavailable(&self.id, error))?;
        let needed = if self.spec.engine == Engine::V2 { ["read", "patch"] } else { ["read", "update"] };
        let has = |right: &str| rights.iter().any(|own| own == right || own == "root");
        let lacking: Vec<&str> = needed.into_iter().filter(|right| !has(right)).collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let why = format!("the bot's policy does not allow {} on {path}", lacking.join(" and "));
        Err(StoreError::refused(&self.id, why, self.mend(403)))
    }

    /// The very request of the write, against a version that cannot be: a server that knows it says that the version
    /// does not match, and one before 1.9 that there is no such method. Nothing is written; whatever stands between and
    /// does not look at versions writes the value that is there.
    async fn patch_is_known(&self, held: &Secret) -> Result<(), StoreError> {
        if self.spec.engine == Engine::V1 {
            return Ok(());
        }
        let body = wire::Patch::new(&self.spec.field, held, NO_VERSION);
        let call = Call::patch(self.path("data")).json_as("application/merge-patch+json", &body);
        match self.call(&call).await? {
            Err(error) if matches!(error.status(), Some(405 | 415)) => {
                Err(StoreError::of_write(&self.id, &error, |_| self.mend(405)))
            }
            Err(error) if error.status() == Some(403) => Err(StoreError::of_write(&self.id, &error, |s| self.mend(s))),
            Ok(_) => {
                let mend = "give the address of Vault itself, or mend what stands before it and drops options.cas";
                Err(StoreError::refused(&self.id, "it writes whatever version it is asked to write from", mend))
            }
            // Whatever else it objects to, it is the version's mismatch or nothing that a write would meet.
            Err(_) => Ok(()),
        }
    }

    /// A secret that keeps few versions forgets the old value with the write, or with a second attempt's; one with
    /// `delete_version_after` forgets the new one. Who may not ask is told by the page.
    async fn learn_what_it_keeps(&self) -> Result<(), StoreError> {
        self.cautions.set(Vec::new());
        if self.spec.engine == Engine::V1 {
            return Ok(());
        }
        let garbled = |error: CallError| StoreError::unavailable(&self.id, error);
        let own = self.read(&Call::get(self.path("metadata")).answers(&[403, 404])).await?;
        let own = if own.status() == 200 { wire::kept(&own).map_err(garbled)? } else { wire::Kept::default() };
        let mount = self.spec.mount.split('/').map(segment).collect::<Vec<_>>().join("/");
        let all = self.read(&Call::get(format!("/v1/{mount}/config")).answers(&[403, 404, 405])).await?;
        let all = if all.status() == 200 { wire::kept(&all).map_err(garbled)? } else { wire::Kept::default() };
        let most = own.most.or(all.most);
        self.forgets.store(most.is_some_and(|most| most < ENOUGH), Ordering::Relaxed);
        // The shorter of the two counts.
        let life = [own.life, all.life].into_iter().flatten().min();
        self.cautions.set(life.map(wire::forgetting).into_iter().collect());
        Ok(())
    }

    async fn read(&self, call: &Call<'_>) -> Result<Reply, StoreError> {
        let Connection { api, session, namespace } = &*self.connection;
        let call = on_namespace(call.clone(), namespace.as_deref()).answers(wire::IDLE);
        let outcome = session.read(&self.id, api, &call, wire::is_denied).await?;
        let error = |error: CallError| StoreError::of_read(&self.id, &error, |status| self.mend(status));
        let reply = outcome.map_err(error)?;
        wire::awake(&reply).map_err(|why| StoreError::unavailable(&self.id, why))?;
        Ok(reply)
    }

    async fn call(&self, call: &Call<'_>) -> Result<Result<Reply, CallError>, StoreError> {
        let Connection { api, session, namespace } = &*self.connection;
        let call = on_namespace(call.clone(), namespace.as_deref()).answers(wire::IDLE);
        let outcome = session.call(&self.id, api, &call, wire::is_denied).await?;
        if let Ok(reply) = &outcome {
            wire::awake(reply).map_err(|why| match reply.status() {
                // Its storage may have taken the write all the same.
                500 => StoreError::Unknown { store: self.id.clone(), why },
                _ => StoreError::unavailable(&self.id, why),
            })?;
        }
        Ok(outcome)
    }

    /// As an address has it.
    fn path(&self, below: &str) -> String {
        let named = self.named(below);
        format!("/v1/{}", named.split('/').map(segment).collect::<Vec<_>>().join("/"))
    }

    /// As policies have it. Version 2 keeps its secrets below a word of their own.
    fn named(&self, below: &str) -> String {
        let Spec { mount, path, engine, .. } = &self.spec;
        match engine {
            Engine::V1 => format!("{mount}/{path}"),
            Engine::V2 => format!("{mount}/{below}/{path}"),
        }
    }

    fn field_in_answer(&self) -> Template {
        let field = self.spec.field.clone();
        let data = || "data".to_owned();
        Template::Json {
            key: match self.spec.engine {
                Engine::V1 => vec![data(), field],
                Engine::V2 => vec![data(), data(), field],
            },
        }
    }

    fn mend(&self, status: u16) -> String {
        match (status, self.spec.engine) {
            (403, Engine::V1) => format!("allow the bot's policy read and update on {}", self.named("data")),
            (403, Engine::V2) => format!("allow the bot's policy read and patch on {}", self.named("data")),
            (404, _) => "create the secret with that field, or correct mount, path, kv or namespace".to_owned(),
            (300..=399, _) => "use the address of the active node, or of a load balancer before them".to_owned(),
            (405, Engine::V2) => {
                "use kv = 1 if the engine is of version 1; Vault before 1.9 cannot change one field".into()
            }
            _ => "write the field once by hand to see what Vault objects to".to_owned(),
        }
    }
}
