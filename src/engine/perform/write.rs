//! Writing one store from custody, and reading stores back.

use super::ground::{Ground, few_bits};
use super::store_trouble::{swapped, trouble};
use crate::engine::Engine;
use crate::engine::report::Stop;
use crate::engine::worker::{Hold, Performed};
use crate::rotation::event::Event;
use crate::rotation::ids::{StoreId, TokenId};
use crate::rotation::phase::{Minted, Phase};
use crate::rotation::policy::later;
use crate::rotation::record::Rotation;
use crate::rotation::refusal::Refusal;
use crate::rotation::token::Strategy;
use crate::secret::{Digest, Secret};
use crate::store::{Base, SecretStore, StoreError, Written};
use std::collections::BTreeSet;

/// How a write went.
enum Put {
    /// The store holds the value; read back and equal, or not readable.
    Done { read_back: bool },
    /// People must agree first.
    Waiting { why: String },
}

/// What a look at a store came to.
pub enum Look {
    /// It holds what it should, or cannot be read.
    Fine,
    /// It holds something else; the token, if GitLab knows it, and a few bits of it.
    Drifted(Option<TokenId>, Option<u16>),
    /// It is another place than people approved.
    Swapped(Box<Event>),
    /// It could not be looked at.
    Trouble(Performed),
}

impl Engine {
    pub(super) async fn write(&self, hold: &Hold<'_>, rotation: &Rotation, store: &StoreId) -> Result<Performed, Stop> {
        let Phase::Distributing { new, .. } = &rotation.phase else { return Ok(Performed::Misfit) };
        let attempt = new.attempt;
        if self.custody.value(&rotation.id, attempt).is_none() && rotation.plan.strategy == Strategy::SelfRotate {
            self.take_back(rotation, new).await;
        }
        let Some((_, value)) = self.custody.value(&rotation.id, attempt) else {
            let lost = Event::ValueLost { attempt, found: BTreeSet::new() };
            return hold.report(rotation, &lost).await;
        };
        let Some(adapter) = self.store_of(rotation, store) else {
            let why = "it is no longer in the configuration".to_owned();
            return hold.report(rotation, &Event::StoreRefused { store: store.clone(), why }).await;
        };
        let put = match self.ground(hold, rotation, adapter.as_ref(), Some(&value)).await? {
            Ground::Free(base) => self.put(hold, rotation, adapter.as_ref(), &value, &base).await?,
            Ground::Foreign(why, held) => return self.contested(hold, rotation, store, why.to_owned(), held).await,
            Ground::Store(error) => Err(error),
            Ground::Unsure(trouble) => return Ok(trouble),
        };
        match put {
            Ok(Put::Done { read_back }) => {
                hold.report(rotation, &Event::Stored { attempt, store: store.clone(), read_back }).await
            }
            Ok(Put::Waiting { why }) => self.wait_for_people(hold, rotation, store, why).await,
            Err(StoreError::Refused { why, mend, may_pass, .. }) if !may_pass || hold.is_sure() => {
                let why = format!("{why}. To mend it: {mend}");
                hold.report(rotation, &Event::StoreRefused { store: store.clone(), why }).await
            }
            // A no that may pass is asked again before anything else is written.
            Err(error @ StoreError::Refused { .. }) => Ok(trouble(&error)),
            Err(StoreError::Conflict { why, .. }) => {
                self.after_conflict(hold, rotation, adapter.as_ref(), &value, why).await
            }
            Err(StoreError::Overwrote { why, .. }) => {
                hold.report(rotation, &Event::StoreOverwrote { store: store.clone(), why }).await
            }
            Err(error) => self.try_others_first(hold, rotation, store, &error).await,
        }
    }

    /// A token that rotated itself cannot be made again, but a store that was written before has its value.
    async fn take_back(&self, rotation: &Rotation, new: &Minted) {
        for planned in rotation.plan.stores.iter().filter(|planned| planned.capabilities.readable) {
            let Some(store) = self.stores.get(&planned.id) else { continue };
            if let Ok(Some(value)) = store.read().await
                && value.digest() == new.digest
            {
                return self.custody.take(&rotation.id, new.clone(), value);
            }
        }
    }

    /// Writes and reads back.
    async fn put(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        store: &dyn SecretStore,
        value: &Secret,
        base: &Base,
    ) -> Result<Result<Put, StoreError>, Stop> {
        let Some(new) = rotation.phase.minted() else { return Err(Stop::Overtaken(Refusal::Stale)) };
        hold.ensure().await?;
        match store.write(value, base, &rotation.tag(new)).await {
            Ok(Written::Done) => {}
            Ok(Written::Waiting { why }) => return Ok(Ok(Put::Waiting { why })),
            Err(error) => return Ok(Err(error)),
        }
        let seen = match store.look().await {
            Ok(seen) => seen,
            Err(error) => return Ok(Err(error.once_written())),
        };
        Ok(match seen.value {
            None => {
                self.custody.keep_left(&rotation.id, store.id(), seen.base);
                Ok(Put::Done { read_back: false })
            }
            Some(held) if held.digest() == value.digest() => Ok(Put::Done { read_back: true }),
            Some(_) => Err(StoreError::Conflict {
                store: store.id().clone(),
                why: "it took the value but gives back another one".into(),
            }),
        })
    }

    /// A store that is down holds nobody else up; it comes again after the others.
    pub(super) async fn try_others_first(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        store: &StoreId,
        error: &StoreError,
    ) -> Result<Performed, Stop> {
        if let Some(swapped) = swapped(error) {
            return hold.report(rotation, &swapped).await;
        }
        let Phase::Distributing { pending, down, .. } = &rotation.phase else { return Ok(trouble(error)) };
        if pending.len() > 1 {
            let event = Event::StoreDown { store: store.clone(), why: error.to_string() };
            let moved = hold.report(rotation, &event).await?;
            if pending.iter().any(|other| other != store && !down.contains_key(other)) {
                return Ok(moved);
            }
        }
        Ok(trouble(error))
    }

    /// The store's own people decide first. That may take as long as an approval may.
    async fn wait_for_people(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        store: &StoreId,
        why: String,
    ) -> Result<Performed, Stop> {
        let Phase::Distributing { pending, down, .. } = &rotation.phase else { return Ok(Performed::Misfit) };
        if pending.iter().any(|other| other != store && !down.contains_key(other)) {
            return hold.report(rotation, &Event::StoreDown { store: store.clone(), why }).await;
        }
        self.wait_and_say(hold, rotation, store, why).await
    }

    /// Says on the card what is waited for, and looks again soon; too long is a refusal.
    pub(super) async fn wait_and_say(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        store: &StoreId,
        why: String,
    ) -> Result<Performed, Stop> {
        let limit = rotation.plan.timing.approval_seconds;
        match &rotation.waiting {
            Some(waiting) if self.clock.now() >= later(waiting.since, limit) => {
                let (store, why) = (store.clone(), format!("nobody decided in time: {why}"));
                let event = match rotation.phase {
                    Phase::Restoring { .. } => Event::RestoreImpossible { store, why },
                    _ => Event::StoreRefused { store, why },
                };
                hold.report(rotation, &event).await
            }
            Some(waiting) if waiting.why == why => Ok(Performed::Later(self.settings.poll)),
            _ => {
                hold.report(rotation, &Event::Delayed { why }).await?;
                Ok(Performed::Later(self.settings.poll))
            }
        }
    }

    /// Reads every readable store again: does each still hold the new value?
    pub(super) async fn settle(&self, hold: &Hold<'_>, rotation: &Rotation) -> Result<Performed, Stop> {
        let Some(new) = rotation.phase.minted() else { return Ok(Performed::Misfit) };
        match self.first_drift(rotation, &new.digest).await {
            Ok(None) => hold.report(rotation, &Event::Settled).await,
            Ok(Some(drifted)) => hold.report(rotation, &drifted).await,
            Err(trouble) => Ok(trouble),
        }
    }

    /// The first store that does not hold `expected`, as an event.
    pub(super) async fn first_drift(&self, rotation: &Rotation, expected: &Digest) -> Result<Option<Event>, Performed> {
        for planned in rotation.plan.stores.iter().filter(|planned| planned.capabilities.readable) {
            let Some(store) = self.store_of(rotation, &planned.id) else { return Ok(self.missing(rotation)) };
            match self.look(rotation, store.as_ref(), expected).await {
                Look::Fine => {}
                Look::Drifted(holds, held) => {
                    return Ok(Some(Event::StoreDrifted { store: planned.id.clone(), holds, held }));
                }
                Look::Swapped(event) => return Ok(Some(*event)),
                Look::Trouble(trouble) => return Err(trouble),
            }
        }
        Ok(None)
    }

    /// The first readable store of the plan that left the configuration: it may hold a token that is about to be
    /// revoked.
    pub(super) fn missing(&self, rotation: &Rotation) -> Option<Event> {
        let mut readable = rotation.plan.stores.iter().filter(|planned| planned.capabilities.readable);
        let missing = readable.find(|planned| !self.stores.contains_key(&planned.id))?;
        Some(Event::StoreMissing { store: missing.id.clone() })
    }

    async fn look(&self, rotation: &Rotation, store: &dyn SecretStore, expected: &Digest) -> Look {
        if !store.capabilities().readable {
            return Look::Fine;
        }
        match store.read().await {
            Ok(None) if !store.capabilities().readable => Look::Fine,
            Ok(None) => Look::Drifted(None, None),
            Ok(Some(value)) if value.digest() == *expected => Look::Fine,
            // A dead one of ours is told by nothing else.
            Ok(Some(value)) => match rotation.made_with(&value.digest()) {
                Some(ours) => Look::Drifted(Some(ours), None),
                None => self.identify(rotation, &value).await,
            },
            Err(error) => {
                swapped(&error).map_or_else(|| Look::Trouble(trouble(&error)), |event| Look::Swapped(Box::new(event)))
            }
        }
    }

    /// Whose value a store holds. Only asked for a value that is not the new token's, so the proof of use stays clean.
    pub(super) async fn identify(&self, rotation: &Rotation, value: &Secret) -> Look {
        match self.gitlab.whoami(value).await {
            Ok(token) => Look::Drifted(token.map(|token| token.id), Some(few_bits(rotation, value))),
            Err(error) => Look::Trouble(super::trouble(&error)),
        }
    }
}
