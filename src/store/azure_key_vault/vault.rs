//! The calls to one vault.

use super::challenge::host_of;
use super::identity::Tokens;
use super::refusal::explain;
use super::{API_VERSION, Settings};
use crate::http::{Api, Call, CallError, Credential, Reply, segment};
use crate::rotation::ids::StoreId;
use crate::secret::Secret;
use crate::store::connection::BadConnection;
use crate::store::error::StoreError;
use crate::store::session::Session;
use reqwest::Url;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a new secret says it is, unless the one before said something else.
const CONTENT_TYPE: &str = "text/plain";

/// Pages of versions that are read at most.
const PAGES: usize = 200;

/// A vault.
pub(in crate::store) struct Vault {
    api: Arc<Api>,
    session: Session<Tokens>,
}

/// A version with its value.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bundle {
    id: String,
    #[serde(deserialize_with = "secret")]
    pub(super) value: Secret,
    #[serde(default)]
    pub(super) content_type: Option<String>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    attributes: Attributes,
    #[serde(default)]
    pub(super) managed: bool,
}

/// A version without its value.
#[derive(Deserialize)]
pub(super) struct Version {
    id: String,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    created: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    value: Vec<Version>,
    #[serde(default)]
    next_link: Option<String>,
}

/// A version to be made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewSecret<'a> {
    #[serde(serialize_with = "exposed")]
    pub(super) value: &'a Secret,
    content_type: String,
    tags: BTreeMap<String, String>,
    attributes: NewAttributes,
}

#[derive(Serialize)]
struct NewAttributes {
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
}

#[derive(Serialize)]
struct NothingNew {
    attributes: NewAttributes,
}

impl<'a> NewSecret<'a> {
    pub(super) fn of(value: &'a Secret, tags: BTreeMap<String, String>, content_type: Option<String>) -> Self {
        let content_type = content_type.filter(|kind| !kind.is_empty()).unwrap_or_else(|| CONTENT_TYPE.to_owned());
        Self { value, content_type, tags, attributes: NewAttributes { enabled: true, exp: None } }
    }

    pub(super) fn tagged(mut self, tags: BTreeMap<String, String>) -> Self {
        self.tags.extend(tags);
        self
    }

    /// Seconds since 1970, UTC. A hint to people and monitors; the vault gives out what has expired, too.
    pub(super) fn expiring(mut self, exp: Option<i64>) -> Self {
        self.attributes.exp = exp;
        self
    }
}

impl Bundle {
    pub(super) fn version(&self) -> &str {
        last_part(&self.id)
    }

    pub(super) fn created(&self) -> i64 {
        self.attributes.created
    }
}

impl Version {
    pub(super) fn name(&self) -> &str {
        last_part(&self.id)
    }

    pub(super) fn created(&self) -> i64 {
        self.attributes.created
    }
}

impl Vault {
    pub(super) fn open(settings: &Settings, section: &str) -> Result<Self, BadConnection> {
        let credential = Credential::PerCall { header: "authorization", prefix: "Bearer " };
        let api = Arc::new(settings.link.open(section, credential)?);
        let tokens = Tokens::open(settings, section, api.clone())?;
        Ok(Self { api, session: Session::new(tokens) })
    }

    /// The current version.
    pub(super) async fn current(&self, store: &StoreId, name: &str) -> Result<Bundle, StoreError> {
        let reply = self.read(store, Call::get(path(name)).answers(&[403, 404])).await?;
        match reply.status() {
            404 => Err(self.missing(store, name, &reply).await),
            _ => understood(store, &reply),
        }
    }

    /// One version of before.
    pub(super) async fn version(&self, store: &StoreId, name: &str, version: &str) -> Result<Bundle, StoreError> {
        let reply = self.read(store, Call::get(format!("{}/{}", path(name), segment(version))).answers(&[403])).await?;
        understood(store, &reply)
    }

    /// All versions, in no order.
    pub(super) async fn versions(&self, store: &StoreId, name: &str) -> Result<Vec<Version>, StoreError> {
        let (mut versions, mut next) = (Vec::new(), None);
        for _ in 0..PAGES {
            let call = Call::get(format!("{}/versions", path(name))).query("maxresults", 25);
            let reply = self.read(store, call.maybe("$skiptoken", next.take()).answers(&[403])).await?;
            let page: Page = understood(store, &reply)?;
            versions.extend(page.value);
            match page.next_link {
                Some(link) => next = Some(self.skip_token(store, &link)?),
                None => return Ok(versions),
            }
        }
        Err(StoreError::refused(store, "it has too many versions to look through", "use a new secret"))
    }

    /// Makes a version, which is the current one from then on.
    pub(super) async fn put(&self, store: &StoreId, name: &str, new: NewSecret<'_>) -> Result<Bundle, StoreError> {
        let call = Call::put(path(name)).query("api-version", API_VERSION).json(&new);
        let outcome = self.session.call(store, &self.api, &call.answers(&[403, 409]), is_unauthorized).await?;
        let told = |error: CallError| StoreError::of_write(store, &error, mend);
        let reply = outcome.map_err(told)?;
        match reply.status() {
            403 | 409 => Err(explain(store, &reply)),
            _ => reply.json().map_err(told),
        }
    }

    /// Changes nothing, with the right to change.
    pub(super) async fn may_write(&self, store: &StoreId, name: &str, version: &str) -> Result<(), StoreError> {
        let call = Call::patch(format!("{}/{}", path(name), segment(version)));
        let nothing_new = NothingNew { attributes: NewAttributes { enabled: true, exp: None } };
        let reply = self.read(store, call.json(&nothing_new).answers(&[403])).await?;
        if reply.status() == 403 { Err(explain(store, &reply)) } else { Ok(()) }
    }

    /// A deleted secret keeps its name for weeks; who may see it is told what to do.
    async fn missing(&self, store: &StoreId, name: &str, missing: &Reply) -> StoreError {
        let deleted = Call::get(format!("/deletedsecrets/{}", segment(name))).answers(&[403, 404]);
        let found = self.read(store, deleted).await.is_ok_and(|reply| reply.status() == 200);
        if found {
            let mend = format!("recover it: az keyvault secret recover --name {name} (or purge it and create it anew)");
            return StoreError::refused(store, "it was deleted and can be recovered", mend);
        }
        let mend = "create the secret once by hand with any value, or correct its name";
        StoreError::refused(store, missing.refusal().to_string(), mend)
    }

    async fn read(&self, store: &StoreId, call: Call<'_>) -> Result<Reply, StoreError> {
        let call = call.query("api-version", API_VERSION);
        let outcome = self.session.read(store, &self.api, &call, is_unauthorized).await?;
        outcome.map_err(|error| StoreError::of_read(store, &error, mend))
    }

    /// The next page has an address of its own; only its mark is taken from it, so that no token goes to another host.
    fn skip_token(&self, store: &StoreId, link: &str) -> Result<String, StoreError> {
        let url = Url::parse(link).ok().filter(|url| host_of(url) == host_of_authority(&self.api.host()));
        let pairs = url.iter().flat_map(|url| url.query_pairs());
        let mark = pairs.filter(|(key, _)| key == "$skiptoken").map(|(_, mark)| mark.into_owned()).next();
        mark.ok_or_else(|| {
            StoreError::unavailable(store, "the list of its versions goes on at an address of another host")
        })
    }
}

fn understood<T: DeserializeOwned>(store: &StoreId, reply: &Reply) -> Result<T, StoreError> {
    if reply.status() == 403 {
        return Err(explain(store, reply));
    }
    reply.json().map_err(|error| StoreError::of_read(store, &error, mend))
}

fn path(name: &str) -> String {
    format!("/secrets/{}", segment(name))
}

fn last_part(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn host_of_authority(authority: &str) -> String {
    authority.split(':').next().unwrap_or(authority).to_lowercase()
}

fn is_unauthorized(error: &CallError) -> bool {
    error.status() == Some(401)
}

fn mend(status: u16) -> String {
    match status {
        401 => "see whether the identity belongs to the vault's tenant".to_owned(),
        400 | 413 => "set the secret once by hand to see what Azure objects to".to_owned(),
        404 => "correct the vault's address and the secret's name".to_owned(),
        _ => "see whether the url is a key vault's".to_owned(),
    }
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
    String::deserialize(from).map(Secret::new)
}

fn exposed<S: serde::Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(secret.expose())
}
