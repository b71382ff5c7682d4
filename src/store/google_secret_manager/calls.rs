//! The few calls of Secret Manager's REST interface, with checksums both ways, and what their refusals mean.

use super::{GoogleSecretManager, OldVersions, Project, secret};
use crate::http::{Backoff, Call, CallError, Reply, segment};
use crate::rotation::identity::Identity;
use crate::secret::Secret;
use crate::store::{Caution, StoreError, Written};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use zeroize::Zeroizing;

/// How often a write is looked for until readers get it; about six seconds in all.
const LOOKS: u32 = 8;

/// Another try to move an alias of a secret of which something else has changed.
const TRIES: u32 = 3;

/// What came of reading a version.
pub(super) enum Access {
    /// Its number and its payload.
    Held(u64, Secret),
    /// There is no such version, or no such secret.
    Missing,
    /// It is disabled or destroyed.
    Closed,
}

/// The part of a secret that says which alias means which version, in one state.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Labels {
    /// With the project's number.
    name: String,
    #[serde(default)]
    create_time: Option<String>,
    /// When Google deletes it, with all that it holds.
    #[serde(default)]
    expire_time: Option<String>,
    etag: String,
    #[serde(default)]
    version_aliases: BTreeMap<String, Number>,
}

/// Google writes large numbers as texts.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Number {
    Text(String),
    Number(u64),
}

#[derive(Deserialize)]
struct AccessAnswer {
    name: String,
    payload: Payload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    #[serde(deserialize_with = "secret")]
    data: Secret,
    data_crc32c: Option<Number>,
}

#[derive(Serialize)]
struct NewVersion<'a> {
    payload: NewPayload<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewPayload<'a> {
    data: &'a str,
    data_crc32c: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    name: String,
    #[serde(default)]
    client_specified_payload_checksum: bool,
}

#[derive(Deserialize)]
struct Permissions {
    #[serde(default)]
    permissions: BTreeSet<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewLabels<'a> {
    etag: &'a str,
    version_aliases: BTreeMap<&'a str, String>,
}

impl Labels {
    pub(super) fn of(&self, alias: &str) -> Option<u64> {
        self.version_aliases.get(alias).and_then(Number::get)
    }

    /// The versions that some alias means.
    pub(super) fn numbers(&self) -> BTreeSet<u64> {
        self.version_aliases.values().filter_map(Number::get).collect()
    }

    /// Which secret it is, whatever has its name later.
    fn identity(&self) -> Option<Identity> {
        Some(Identity(format!("{} made {}", self.name, self.create_time.as_ref()?)))
    }

    /// What people should know of a secret that ends by itself.
    pub(super) fn ending(&self, secret: &str) -> Option<Caution> {
        let told = self.expire_time.as_ref()?;
        let at = told.parse::<Timestamp>().map_or_else(|_| told.clone(), |at| at.strftime("%F %H:%M UTC").to_string());
        Some(Caution::new(
            format!("is deleted as a whole at {at} (expireTime), the new value with it"),
            format!("gcloud secrets update {secret} --remove-expiration"),
        ))
    }

    fn with<'a>(&'a self, alias: &'a str, number: u64) -> NewLabels<'a> {
        let mut version_aliases: BTreeMap<&str, String> =
            self.version_aliases.iter().map(|(name, number)| (name.as_str(), number.text())).collect();
        version_aliases.insert(alias, number.to_string());
        NewLabels { etag: &self.etag, version_aliases }
    }
}

impl Number {
    fn get(&self) -> Option<u64> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Number(number) => Some(*number),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

impl GoogleSecretManager {
    /// Reads a version by its number, an alias or `latest`.
    pub(super) async fn access(&self, which: &str) -> Result<Access, StoreError> {
        let call = Call::get(self.path(&format!("/versions/{}:access", segment(which))));
        let reply = match self.read(&call).await? {
            Ok(reply) => reply,
            Err(CallError::Status { status: 404, .. }) => return Ok(Access::Missing),
            Err(error) if is_precondition(&error) => return Ok(Access::Closed),
            Err(error) => return Err(self.of_read(&error, "secretmanager.versions.access")),
        };
        let answer: AccessAnswer = reply.json().map_err(|error| StoreError::unavailable(&self.id, error))?;
        let data = STANDARD.decode(answer.payload.data.expose()).map(Zeroizing::new);
        let (Ok(data), Some(number)) = (data, number_in(&answer.name)) else {
            return Err(StoreError::unavailable(&self.id, "Google's answer cannot be understood"));
        };
        let sum = answer.payload.data_crc32c.as_ref().and_then(Number::get);
        if sum.is_some_and(|sum| sum != u64::from(crc32c::crc32c(&data))) {
            return Err(StoreError::unavailable(&self.id, "the payload was damaged on its way (CRC32C)"));
        }
        match std::str::from_utf8(&data) {
            Ok(text) => Ok(Access::Held(number, Secret::new(text.to_owned()))),
            Err(_) => Err(StoreError::refused(&self.id, "it does not hold text", "correct secret")),
        }
    }

    /// Adds a version; its number.
    pub(super) async fn add(&self, payload: &Secret) -> Result<u64, StoreError> {
        let data = Zeroizing::new(STANDARD.encode(payload.expose()));
        let data_crc32c = crc32c::crc32c(payload.expose().as_bytes()).to_string();
        let body = NewVersion { payload: NewPayload { data: &data, data_crc32c } };
        let call = Call::post(self.path(":addVersion")).json(&body);
        let reply = self.call(&call).await?.map_err(|error| self.of_write(&error, "secretmanager.versions.add"))?;
        let lost = |why: &str| StoreError::Unknown { store: self.id.clone(), why: why.to_owned() };
        let added: Version = reply.json().map_err(|error| lost(&error.to_string()))?;
        if !added.client_specified_payload_checksum {
            return Err(lost("Google did not confirm the checksum of the new version"));
        }
        number_in(&added.name).ok_or_else(|| lost("Google's answer names no version"))
    }

    /// The aliases as they are now.
    pub(super) async fn labels(&self) -> Result<Labels, StoreError> {
        let answer = self.read(&Call::get(self.path(""))).await?;
        let labels = answer.and_then(|reply| reply.json());
        labels.map_err(|error| self.of_read(&error, "secretmanager.secrets.get"))
    }

    /// The secret itself; `None` where the bot may not ask.
    pub(super) async fn itself(&self) -> Result<Option<Labels>, StoreError> {
        let answer = self.read(&Call::get(self.path(""))).await?;
        match answer.and_then(|reply| reply.json::<Labels>()) {
            Ok(labels) => Ok(Some(labels)),
            Err(error) if error.status() == Some(403) => Ok(None),
            Err(error) => Err(self.of_read(&error, "secretmanager.secrets.get")),
        }
    }

    /// Which secret it is; `None` where the bot may not ask.
    pub(super) async fn identity(&self, known: Option<Labels>) -> Result<Option<Identity>, StoreError> {
        let seen = match known {
            Some(known) => Some(known),
            None => self.itself().await?,
        };
        Ok(seen.and_then(|seen| seen.identity()))
    }

    /// Lets the alias mean `to`, if it still means `from`. Of others nothing is lost: the change is made from one state
    /// of the secret, and made again from the next if that state is gone.
    pub(super) async fn move_alias(&self, alias: &str, mut at: Labels, from: u64, to: u64) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let call = Call::patch(self.path("")).query("updateMask", "versionAliases").json(&at.with(alias, to));
            let error = match self.call(&call).await? {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            let etag = at.etag.clone();
            if error.status() == Some(409) || is_precondition(&error) {
                at = self.labels().await?;
            }
            match at.of(alias) {
                _ if at.etag == etag => return Err(self.of_write(&error, "secretmanager.secrets.update")),
                Some(now) if now == to => return Ok(()),
                Some(now) if now == from => {}
                _ => return Err(StoreError::conflict(&self.id, "somebody else has moved the alias")),
            }
        }
        Err(StoreError::unavailable(&self.id, "others keep changing the secret"))
    }

    /// Reading lags behind writing, so what readers get is looked at until it is the payload.
    pub(super) async fn wait_until_shown(&self, payload: &Secret) -> Result<Written, StoreError> {
        let name = self.spec.alias.as_deref().unwrap_or("latest");
        let pauses = Backoff::jittered(Duration::from_millis(100), Duration::from_secs(2));
        for look in 0..LOOKS {
            let shown = self.access(name).await.map_err(StoreError::once_written)?;
            if matches!(shown, Access::Held(_, held) if held.digest() == payload.digest()) {
                return Ok(Written::Done);
            }
            tokio::time::sleep(pauses.delay(look)).await;
        }
        let why = "the new version is there, and readers do not get it yet".to_owned();
        Err(StoreError::Unknown { store: self.id.clone(), why })
    }

    /// Makes sure that all of these permissions are granted; asking needs none.
    pub(super) async fn may(&self, needed: &[&'static str]) -> Result<(), StoreError> {
        let body = serde_json::json!({ "permissions": needed });
        let call = Call::post(self.path(":testIamPermissions")).json(&body);
        let answer = self.read(&call).await?.and_then(|reply| reply.json());
        let granted: Permissions = answer.map_err(|error| self.of_read(&error, "secretmanager.secrets.get"))?;
        let missing: Vec<&str> =
            needed.iter().copied().filter(|permission| !granted.permissions.contains(*permission)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let why = if missing.len() == needed.len() { "there is no such secret, or the bot" } else { "the bot" };
        Err(StoreError::refused(&self.id, format!("{why} lacks {}", missing.join(", ")), self.grant()))
    }

    /// Disables or destroys a version; fine if it is so already.
    pub(super) async fn retire(&self, number: u64) -> Result<(), StoreError> {
        let (verb, permission) = match self.spec.old_versions {
            OldVersions::Destroy => ("destroy", "secretmanager.versions.destroy"),
            OldVersions::Keep | OldVersions::Disable => ("disable", "secretmanager.versions.disable"),
        };
        let call = Call::post(self.path(&format!("/versions/{number}:{verb}"))).json(&serde_json::json!({}));
        match self.call(&call).await? {
            Ok(_) => Ok(()),
            Err(error) if is_precondition(&error) => Ok(()),
            Err(error) => Err(self.of_read(&error, permission)),
        }
    }

    fn path(&self, rest: &str) -> String {
        let (project, secret) = (segment(&self.spec.project), segment(&self.spec.secret));
        match &self.spec.location {
            Some(location) => format!("/v1/projects/{project}/locations/{}/secrets/{secret}{rest}", segment(location)),
            None => format!("/v1/projects/{project}/secrets/{secret}{rest}"),
        }
    }

    async fn read(&self, call: &Call<'_>) -> Result<Result<Reply, CallError>, StoreError> {
        let Project { api, session, .. } = &*self.project;
        session.read(&self.id, api, call, is_unauthorized).await
    }

    async fn call(&self, call: &Call<'_>) -> Result<Result<Reply, CallError>, StoreError> {
        let Project { api, session, .. } = &*self.project;
        session.call(&self.id, api, call, is_unauthorized).await
    }

    fn of_read(&self, error: &CallError, permission: &str) -> StoreError {
        StoreError::of_read(&self.id, error, |status| self.mend(status, permission))
    }

    fn of_write(&self, error: &CallError, permission: &str) -> StoreError {
        StoreError::of_write(&self.id, error, |status| self.mend(status, permission))
    }

    fn mend(&self, status: u16, permission: &str) -> String {
        match status {
            401 => format!("check the credentials of {}", self.project.section),
            403 => format!("{} (it lacks {permission})", self.grant()),
            404 => "create the secret, or correct project, location and secret".to_owned(),
            _ => "add a version once by hand to see what Google objects to".to_owned(),
        }
    }

    fn grant(&self) -> String {
        format!("grant the role of docs/stores/google_secret_manager.md on {} to the bot", self.spec.secret)
    }
}

fn is_unauthorized(error: &CallError) -> bool {
    error.status() == Some(401)
}

/// The object is there, in a state that does not allow it.
fn is_precondition(error: &CallError) -> bool {
    matches!(error, CallError::Status { status: 400, message, .. } if message.starts_with("FAILED_PRECONDITION"))
}

/// The number at the end of `projects/1/secrets/deploy/versions/5`.
fn number_in(name: &str) -> Option<u64> {
    name.rsplit_once("/versions/")?.1.parse().ok()
}
