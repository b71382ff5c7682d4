//! What a store holds before we write it, and whose that is: only a value of ours is written over without asking.

use super::store_trouble::swapped;
use crate::engine::Engine;
use crate::engine::report::Stop;
use crate::engine::worker::{Hold, Performed};
use crate::rotation::event::Event;
use crate::rotation::ids::StoreId;
use crate::rotation::phase::Phase;
use crate::rotation::record::Rotation;
use crate::rotation::store::Undo;
use crate::rotation::token::Strategy;
use crate::secret::Secret;
use crate::store::{Base, SecretStore, StoreError};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What people are told of it.
const FOREIGN: &str = "it holds a value that is not this token's";

/// Somebody emptied it, and knew why.
const EMPTIED: &str = "it held a token when the plan was made, and holds none now";

/// What a first look at a store came to.
pub(super) enum Ground {
    /// It may be written from that state.
    Free(Base),
    /// Somebody else was there; the words say how that shows, and a few bits what they left.
    Foreign(&'static str, Option<u16>),
    /// The store could not be looked at.
    Store(StoreError),
    /// GitLab could not say whose the value is.
    Unsure(Performed),
}

impl Engine {
    /// Looks at every store that can be read while nothing is made yet, so that somebody else's value stops the rotation
    /// before it changes anything. A store that is down is looked at again when its turn comes. `None`: go on.
    pub(super) async fn survey(&self, hold: &Hold<'_>, rotation: &Rotation) -> Result<Option<Performed>, Stop> {
        let (mut foreign, mut seen) = (Vec::new(), BTreeMap::new());
        for planned in rotation.plan.stores.iter().filter(|planned| planned.capabilities.readable) {
            let Some(store) = self.store_of(rotation, &planned.id) else { continue };
            hold.ensure().await?;
            // An earlier try may be hours old.
            self.custody.forget_base(&rotation.id, &planned.id);
            match self.ground(hold, rotation, store.as_ref(), None).await? {
                Ground::Store(error) if swapped(&error).is_some() => {
                    return self.try_others_first(hold, rotation, &planned.id, &error).await.map(Some);
                }
                Ground::Free(_) | Ground::Store(_) => {}
                Ground::Foreign(why, held) => {
                    seen.extend(held.map(|held| (planned.id.clone(), held)));
                    foreign.push((planned.id.clone(), why));
                }
                Ground::Unsure(trouble) => return Ok(Some(trouble)),
            }
        }
        let Some((store, why)) = foreign.pop() else { return Ok(None) };
        let also = foreign.into_iter().map(|(store, _)| store).collect();
        let event = Event::StoreConflict { store, why: why.to_owned(), also, held: seen };
        hold.report(rotation, &event).await.map(Some)
    }

    /// The state from which a store is written: as it was at the first look of this process, which keeps what is needed
    /// to bring the previous value back.
    pub(super) async fn ground(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        store: &dyn SecretStore,
        value: Option<&Secret>,
    ) -> Result<Ground, Stop> {
        if let Some(base) = self.custody.base(&rotation.id, store.id()) {
            return Ok(Ground::Free(base));
        }
        let seen = match store.look().await {
            Ok(seen) => seen,
            Err(error) => return Ok(Ground::Store(error)),
        };
        let is_there = seen.value.as_ref().is_some_and(|held| !held.expose().is_empty());
        let emptied = rotation.plan.saw_token_in(store.id()) && !rotation.overwrite.contains(store.id());
        if emptied && !is_there && store.capabilities().readable {
            return Ok(Ground::Foreign(EMPTIED, None));
        }
        if let Some(held) = &seen.value {
            match self.may_overwrite(rotation, store.id(), value, held).await {
                Ok(true) => {}
                Ok(false) => return Ok(Ground::Foreign(FOREIGN, Some(few_bits(rotation, held)))),
                Err(trouble) => return Ok(Ground::Unsure(trouble)),
            }
        }
        let blind = !store.capabilities().readable;
        let undo = seen.undo.or_else(|| blind.then(Undo::nothing));
        if let Some(undo) = undo.filter(|_| !rotation.undo.contains_key(store.id())) {
            hold.report(rotation, &Event::UndoKnown { store: store.id().clone(), undo }).await?;
        }
        let is_new = |held: &Secret| value.is_some_and(|value| value.digest() == held.digest());
        if let Some(previous) = seen.value.filter(|held| !is_new(held)) {
            self.custody.keep_previous(&rotation.id, store.id(), previous);
        }
        self.custody.keep_base(&rotation.id, store.id(), seen.base.clone());
        Ok(Ground::Free(seen.base))
    }

    /// Somebody else was there. If the value itself is still the one from before, or one of ours, only its surroundings
    /// changed, or an earlier write landed late: then the write starts again from what is there now.
    pub(super) async fn after_conflict(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        store: &dyn SecretStore,
        value: &Secret,
        why: String,
    ) -> Result<Performed, Stop> {
        let seen = match store.look().await {
            Ok(seen) => seen,
            Err(error) => return self.try_others_first(hold, rotation, store.id(), &error).await,
        };
        let ours = match &seen.value {
            Some(held) => self.is_this_tokens(rotation, store.id(), Some(value), held).await,
            None => Ok(false),
        };
        match ours {
            Ok(true) => {
                self.custody.keep_base(&rotation.id, store.id(), seen.base);
                let error = StoreError::Conflict { store: store.id().clone(), why };
                self.try_others_first(hold, rotation, store.id(), &error).await
            }
            Ok(false) => {
                let held = seen.value.as_ref().map(|held| few_bits(rotation, held));
                self.contested(hold, rotation, store.id(), why, held).await
            }
            Err(trouble) => Ok(trouble),
        }
    }

    /// A person decides; the next write starts from a new look.
    pub(super) async fn contested(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        store: &StoreId,
        why: String,
        held: Option<u16>,
    ) -> Result<Performed, Stop> {
        self.custody.forget_base(&rotation.id, store);
        let held = held.map(|held| (store.clone(), held)).into_iter().collect();
        hold.report(rotation, &Event::StoreConflict { store: store.clone(), why, also: Vec::new(), held }).await
    }

    /// Nothing is there, or people agreed: in the plan, or when they retried.
    async fn may_overwrite(
        &self,
        rotation: &Rotation,
        store: &StoreId,
        value: Option<&Secret>,
        held: &Secret,
    ) -> Result<bool, Performed> {
        let planned = rotation.plan.stores.iter().any(|planned| planned.id == *store && planned.replaces_other);
        let agreed = rotation.may_overwrite(store, Some(few_bits(rotation, held)))
            || (planned && !self.gitlab.could_be_token(held));
        if held.expose().is_empty() || agreed {
            return Ok(true);
        }
        self.is_this_tokens(rotation, store, value, held).await
    }

    /// Whether it is the new value, one from before, or one whose token is dead because we, or its expiry, ended it.
    async fn is_this_tokens(
        &self,
        rotation: &Rotation,
        store: &StoreId,
        value: Option<&Secret>,
        held: &Secret,
    ) -> Result<bool, Performed> {
        let digest = held.digest();
        let before = self.custody.previous(&rotation.id, store);
        let known = value.into_iter().chain(before.as_deref()).any(|known| known.digest() == digest);
        if known || rotation.lost_digests.contains(&digest) || self.custody.is_vouched(&rotation.id, &digest) {
            return Ok(true);
        }
        let plan = &rotation.plan;
        let agreed = plan.stores.iter().find(|planned| planned.id == *store).and_then(|planned| planned.other_token);
        let (old, lost) = match self.gitlab.whoami(held).await {
            Ok(Some(token)) => {
                let id = token.id;
                (id == plan.old.id, rotation.lost.contains(&id) || plan.sweeps(id) || agreed == Some(id))
            }
            Ok(None) => (self.old_is_dead(rotation).await?, false),
            // A live token whose user is blocked.
            Err(error) if error.status() == Some(403) => (false, false),
            Err(error) => return Err(super::trouble(&error)),
        };
        if old {
            self.custody.keep_old(&rotation.id, digest.clone());
        }
        let ours = old || lost;
        if ours {
            self.custody.vouch(&rotation.id, digest);
        }
        Ok(ours)
    }

    /// A dead token's value cannot be told from any other text, so it may be the old one.
    async fn old_is_dead(&self, rotation: &Rotation) -> Result<bool, Performed> {
        let ended = match (&rotation.phase, rotation.plan.strategy) {
            (_, Strategy::Overlap) => false,
            (_, Strategy::RevokeFirst) => true,
            (Phase::Minting { attempt, .. }, _) => *attempt > 1,
            _ => true,
        };
        if ended || rotation.old_is_dead(self.clock.now()) {
            return Ok(true);
        }
        self.is_seen_dead(rotation).await
    }

    /// Whether GitLab shows that the old token is dead; no where the bot cannot look.
    pub(super) async fn is_seen_dead(&self, rotation: &Rotation) -> Result<bool, Performed> {
        let plan = &rotation.plan;
        let found = match self.may_look_up(&plan.owner).await {
            Ok(true) => self.gitlab.find(&plan.addressed_owner(), plan.old.id).await,
            Ok(false) => return Ok(false),
            Err(error) => Err(error),
        };
        found.map(|token| token.is_none_or(|token| !token.active)).map_err(|error| super::trouble(&error))
    }
}

/// Enough to see that a value is another one, too few to guess it by; others in every rotation.
pub(super) fn few_bits(rotation: &Rotation, value: &Secret) -> u16 {
    let digest =
        Sha256::new().chain_update(rotation.id.as_str()).chain_update([0]).chain_update(value.expose()).finalize();
    u16::from_be_bytes([digest[0], digest[1]])
}
