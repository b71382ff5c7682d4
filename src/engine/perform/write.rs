//! Writing one store from custody, and reading stores back.

use crate::engine::Engine;
use crate::engine::report::Stop;
use crate::engine::worker::{Hold, Performed};
use crate::rotation::event::Event;
use crate::rotation::ids::{StoreId, TokenId};
use crate::rotation::phase::Phase;
use crate::rotation::record::Rotation;
use crate::secret::{Digest, Secret};
use crate::secret_store::{SecretStore, StoreError};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a look at a store came to.
pub enum Look {
    /// It holds what it should, or cannot be read.
    Fine,
    /// It holds something else; the token, if GitLab knows it.
    Drifted(Option<TokenId>),
    /// It could not be looked at.
    Trouble(Performed),
}

impl Engine {
    pub(super) async fn write(&self, hold: &Hold<'_>, rotation: &Rotation, store: &StoreId) -> Result<Performed, Stop> {
        let Phase::Distributing { new, .. } = &rotation.phase else { return Ok(Performed::Moved) };
        let attempt = new.attempt;
        let Some((_, value)) = self.custody.value(&rotation.id, attempt) else {
            let lost = Event::ValueLost { attempt, found: BTreeSet::new() };
            return hold.report(rotation, &lost).await;
        };
        let Some(adapter) = self.stores.get(store).cloned() else {
            let why = "it is no longer in the configuration".to_owned();
            return hold.report(rotation, &Event::StoreRefused { store: store.clone(), why }).await;
        };
        match self.put(hold, rotation, &adapter, &value).await? {
            Ok(read_back) => hold.report(rotation, &Event::Stored { attempt, store: store.clone(), read_back }).await,
            Err(StoreError::Refused { why, .. }) => {
                hold.report(rotation, &Event::StoreRefused { store: store.clone(), why }).await
            }
            Err(error) => Ok(trouble(&error)),
        }
    }

    /// Keeps the previous value if it can be had, writes, reads back. True: read back and equal.
    async fn put(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        store: &Arc<dyn SecretStore>,
        value: &Secret,
    ) -> Result<Result<bool, StoreError>, Stop> {
        let readable = store.capabilities().readable;
        if readable && self.custody.previous(&rotation.id, store.id()).is_none() {
            match store.read().await {
                Ok(Some(previous)) if previous.digest() != value.digest() => {
                    self.custody.keep_previous(&rotation.id, store.id(), previous);
                }
                Ok(_) => {}
                Err(error) => return Ok(Err(error)),
            }
        }
        hold.ensure().await?;
        if let Err(error) = store.write(value).await {
            return Ok(Err(error));
        }
        if !readable {
            return Ok(Ok(false));
        }
        let held = match store.read().await {
            Ok(held) => held,
            Err(error) => return Ok(Err(error)),
        };
        Ok(match held {
            None => Ok(false),
            Some(held) if held.digest() == value.digest() => Ok(true),
            Some(_) => Err(StoreError::Unavailable {
                store: store.id().clone(),
                why: "it took the value but gives back another one".into(),
                retry_after: None,
            }),
        })
    }

    /// Reads every readable store again: does each still hold the new value?
    pub(super) async fn settle(&self, hold: &Hold<'_>, rotation: &Rotation) -> Result<Performed, Stop> {
        let Some(new) = rotation.phase.minted() else { return Ok(Performed::Moved) };
        match self.first_drift(rotation, &new.digest).await {
            Ok(None) => hold.report(rotation, &Event::Settled).await,
            Ok(Some(drifted)) => hold.report(rotation, &drifted).await,
            Err(trouble) => Ok(trouble),
        }
    }

    /// The first store that does not hold `expected`, as an event.
    pub(super) async fn first_drift(&self, rotation: &Rotation, expected: &Digest) -> Result<Option<Event>, Performed> {
        for planned in rotation.plan.stores.iter().filter(|planned| planned.capabilities.readable) {
            let store = self.configured(&planned.id)?;
            match self.look(store, expected).await {
                Look::Fine => {}
                Look::Drifted(holds) => {
                    return Ok(Some(Event::StoreDrifted { store: planned.id.clone(), holds }));
                }
                Look::Trouble(trouble) => return Err(trouble),
            }
        }
        Ok(None)
    }

    /// A store that left the configuration may still hold a token that is about to be revoked.
    pub(super) fn configured(&self, id: &StoreId) -> Result<&Arc<dyn SecretStore>, Performed> {
        let missing = || format!("{id} is no longer in the configuration, so it cannot be read again");
        self.stores.get(id).ok_or_else(|| Performed::Trouble { why: missing(), after: None })
    }

    async fn look(&self, store: &Arc<dyn SecretStore>, expected: &Digest) -> Look {
        if !store.capabilities().readable {
            return Look::Fine;
        }
        match store.read().await {
            Ok(None) => Look::Fine,
            Ok(Some(value)) if value.digest() == *expected => Look::Fine,
            Ok(Some(value)) => self.identify(&value).await,
            Err(error) => Look::Trouble(trouble(&error)),
        }
    }

    /// Whose value a store holds. Only asked for a value that is not the new token's, so the proof of use stays clean.
    pub(super) async fn identify(&self, value: &Secret) -> Look {
        match self.gitlab.whoami(value).await {
            Ok(token) => Look::Drifted(token.map(|token| token.id)),
            Err(error) => Look::Trouble(super::trouble(&error)),
        }
    }
}

/// A store that may be tried again.
pub(super) fn trouble(error: &StoreError) -> Performed {
    let after = match error {
        StoreError::Unavailable { retry_after, .. } => *retry_after,
        _ => None,
    };
    Performed::Trouble { why: error.to_string(), after }
}
