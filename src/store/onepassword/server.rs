//! The calls to one Connect server, and what is known about how far its reads lag behind.

use super::Settings;
use super::item::{Change, Item};
use crate::http::{Api, Call, CallError, Credential, segment};
use crate::rotation::identity::Identity;
use crate::rotation::ids::StoreId;
use crate::store::connection::BadConnection;
use crate::store::error::StoreError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::Instant;

/// The longest pause between two looks for a change.
const PAUSE: Duration = Duration::from_millis(500);

const NO_CHANGES: [Change; 0] = [];

/// A Connect server.
pub(in crate::store) struct Server {
    api: Api,
    section: String,
    sync: Duration,
    lag: Mutex<HashMap<String, Lag>>,
}

/// What reads of one item must or should show, as versions.
#[derive(Clone, Copy, Default)]
struct Lag {
    /// It was there already: older is stale.
    seen: u64,
    /// A change whose answer was lost makes it, if it arrived.
    hoped: u64,
}

/// The ids of a vault and an item in it.
pub(super) struct Located {
    vault: String,
    item: String,
}

#[derive(Deserialize)]
struct Vault {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Title {
    id: String,
    title: String,
    #[serde(default)]
    state: Option<String>,
}

impl Server {
    /// Which item that is: ids, which no other item ever gets.
    pub(super) fn identity(&self, at: &Located) -> Identity {
        Identity(format!("{} vault {} item {}", self.api.host(), at.vault, at.item))
    }

    pub(super) fn open(settings: &Settings, section: &str) -> Result<Self, BadConnection> {
        let api = settings.link.open(section, Credential::Bearer(settings.token.duplicate()))?;
        Ok(Self { api, section: section.to_owned(), sync: settings.sync, lag: Mutex::default() })
    }

    /// Ids for what may be names. A name must be one vault's or item's alone.
    pub(super) async fn locate(&self, store: &StoreId, vault: &str, item: &str) -> Result<Located, StoreError> {
        let vault = if is_id(vault) { vault.to_owned() } else { self.vault(store, vault).await? };
        let item = if is_id(item) { item.to_owned() } else { self.titled(store, &vault, item).await? };
        Ok(Located { vault, item })
    }

    async fn vault(&self, store: &StoreId, name: &str) -> Result<String, StoreError> {
        let call = Call::get("/v1/vaults").query("filter", format!("name eq {}", quoted(name)));
        let mut vaults: Vec<Vault> = self.get(store, &call).await?;
        vaults.retain(|vault| vault.name == name);
        let mend = "correct the vault's name, or give the Connect token access to the vault";
        only(vaults, store, &format!("vaults named {name}"), mend).map(|vault| vault.id)
    }

    async fn titled(&self, store: &StoreId, vault: &str, title: &str) -> Result<String, StoreError> {
        let path = format!("/v1/vaults/{}/items", segment(vault));
        let call = Call::get(path).query("filter", format!("title eq {}", quoted(title)));
        let mut items: Vec<Title> = self.get(store, &call).await?;
        items.retain(|item| item.title == title && item.state.is_none());
        only(items, store, &format!("items titled {title}"), "correct the item's title").map(|item| item.id)
    }

    /// The item as it is. Waits while reads still show it as it was before a change that we know of or hope for.
    pub(super) async fn item(&self, store: &StoreId, at: &Located) -> Result<Item, StoreError> {
        let (call, since) = (Call::get(at.path()), Instant::now());
        let mut item: Item = self.get(store, &call).await?;
        let lag = self.lag_of(&item.id);
        while item.version < lag.seen.max(lag.hoped) && since.elapsed() < self.sync {
            tokio::time::sleep(PAUSE.min(self.sync / 20)).await;
            item = self.get(store, &call).await?;
        }
        if item.version < lag.seen {
            let why = format!("it still shows version {} of the item, and {} was there", item.version, lag.seen);
            return Err(StoreError::unavailable(store, why));
        }
        self.note(&item.id, Lag { seen: item.version, hoped: 0 });
        Ok(item)
    }

    /// Proves the right to write: an empty list of changes needs it and leaves the item as it is.
    pub(super) async fn may_change(&self, store: &StoreId, at: &Located) -> Result<(), StoreError> {
        let answer = self.api.read(&Call::patch(at.path()).json(&NO_CHANGES)).await;
        answer.map(drop).map_err(|error| StoreError::of_read(store, &error, |status| self.mend_of_change(status)))
    }

    /// Changes the item and gives the version that it has now.
    pub(super) async fn change(
        &self,
        store: &StoreId,
        at: &Located,
        item: &Item,
        changes: &[Change],
    ) -> Result<u64, StoreError> {
        let call = Call::patch(at.path()).json(&changes);
        let answer = self.api.call(&call).await.and_then(|reply| reply.json::<Item>());
        match &answer {
            Ok(changed) => self.note(&item.id, Lag { seen: changed.version, hoped: 0 }),
            Err(CallError::Unknown { .. } | CallError::Nonsense { .. }) => {
                self.note(&item.id, Lag { seen: item.version, hoped: item.version + 1 });
            }
            Err(_) => {}
        }
        answer
            .map(|changed| changed.version)
            .map_err(|error| StoreError::of_write(store, &error, |status| self.mend_of_change(status)))
    }

    async fn get<T: DeserializeOwned>(&self, store: &StoreId, call: &Call<'_>) -> Result<T, StoreError> {
        let answer = self.api.read(call).await.and_then(|reply| reply.json());
        answer.map_err(|error| StoreError::of_read(store, &error, |status| self.mend(status)))
    }

    fn mend(&self, status: u16) -> String {
        match status {
            401 => format!("give {} a Connect token that the server accepts", self.section),
            403 => "give the Connect token access to the vault".to_owned(),
            404 => "correct the ids of vault and item, or give the Connect token access to the vault".to_owned(),
            _ => format!("see whether {} names a 1Password Connect server", self.section),
        }
    }

    fn mend_of_change(&self, status: u16) -> String {
        match status {
            403 => "give the Connect token the right to write in the vault, not only to read".to_owned(),
            400 | 413 => "change the field once by hand to see what 1Password objects to".to_owned(),
            _ => self.mend(status),
        }
    }

    /// What was seen stays seen.
    fn note(&self, item: &str, now: Lag) {
        let mut lags = self.lags();
        let seen = lags.get(item).map_or(0, |lag| lag.seen).max(now.seen);
        lags.insert(item.to_owned(), Lag { seen, ..now });
    }

    fn lag_of(&self, item: &str) -> Lag {
        self.lags().get(item).copied().unwrap_or_default()
    }

    fn lags(&self) -> MutexGuard<'_, HashMap<String, Lag>> {
        self.lag.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Located {
    fn path(&self) -> String {
        format!("/v1/vaults/{}/items/{}", segment(&self.vault), segment(&self.item))
    }
}

/// 1Password's own form of ids; no sensible name looks so.
fn is_id(text: &str) -> bool {
    text.len() == 26 && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

/// As text of a filter.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Exactly one, or a refusal that says how many there are.
fn only<T>(mut found: Vec<T>, store: &StoreId, what: &str, mend: &str) -> Result<T, StoreError> {
    match (found.pop(), found.len()) {
        (Some(one), 0) => Ok(one),
        (None, _) => Err(StoreError::refused(store, format!("the Connect token sees no {what}"), mend)),
        (Some(_), others) => {
            let why = format!("there are {} {what}", others + 1);
            Err(StoreError::refused(store, why, "write the id instead of the name"))
        }
    }
}
