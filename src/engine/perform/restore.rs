//! Putting the previous value back: from the store's own versions, or if this process still holds it.

use super::store_trouble::{swapped, trouble};
use super::write::Look;
use crate::engine::Engine;
use crate::engine::report::Stop;
use crate::engine::worker::{Hold, Performed};
use crate::rotation::event::Event;
use crate::rotation::ids::StoreId;
use crate::rotation::record::Rotation;
use crate::rotation::store::{Capabilities, Rollback, Tag, Undo};
use crate::secret::Secret;
use crate::store::{Base, SecretStore, Seen, StoreError, Written};
use std::sync::Arc;

impl Engine {
    pub(super) async fn restore_store(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        store: &StoreId,
    ) -> Result<Performed, Stop> {
        let impossible = |why: &str| Event::RestoreImpossible { store: store.clone(), why: why.to_owned() };
        let Some(adapter) = self.store_of(rotation, store) else {
            return hold.report(rotation, &impossible("it is no longer in the configuration")).await;
        };
        // A process that died right after it put the value back left another file; nothing is written then.
        let there = self.addressed_store(rotation, store).unwrap_or_else(|| adapter.clone());
        let seen = match there.look().await {
            Ok(seen) => seen,
            Err(error) => return Ok(trouble(&error)),
        };
        match self.death_of_old(rotation).await {
            Ok(None) => {}
            Ok(Some(died)) => return hold.report(rotation, &died).await,
            Err(trouble) => return Ok(trouble),
        }
        match self.whose(rotation, store, &seen).await {
            Ok(Held::Old { untouched }) => {
                return hold.report(rotation, &Event::Restored { store: store.clone(), untouched }).await;
            }
            Ok(Held::Ours) => {}
            Ok(Held::Foreign) => {
                let why = "it holds another value, which somebody put there";
                return hold.report(rotation, &impossible(why)).await;
            }
            Err(trouble) => return Ok(trouble),
        }
        let previous = match self.previous(rotation, adapter.as_ref()).await {
            Ok(Ok(previous)) => previous,
            Ok(Err(gone)) => return hold.report(rotation, &impossible(gone)).await,
            Err(trouble) => return Ok(trouble),
        };
        hold.ensure().await?;
        match self.put_back(rotation, adapter.as_ref(), &seen.base, previous).await {
            Ok(Written::Done) => {
                hold.report(rotation, &Event::Restored { store: store.clone(), untouched: false }).await
            }
            Ok(Written::Waiting { why }) => self.wait_and_say(hold, rotation, store, why).await,
            Err(StoreError::Refused { why, mend, may_pass, .. }) if !may_pass || hold.is_sure() => {
                hold.report(rotation, &impossible(&format!("{why}. To mend it: {mend}"))).await
            }
            Err(StoreError::Overwrote { why, .. }) => {
                let why = format!("it took it, but somebody else wrote there in the same moment: {why}");
                hold.report(rotation, &impossible(&why)).await
            }
            Err(error) => self.swapped_or_trouble(hold, rotation, &error).await,
        }
    }

    async fn swapped_or_trouble(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        error: &StoreError,
    ) -> Result<Performed, Stop> {
        match swapped(error) {
            Some(event) => hold.report(rotation, &event).await,
            None => Ok(trouble(error)),
        }
    }

    /// Puts it back and reads it back.
    async fn put_back(
        &self,
        rotation: &Rotation,
        store: &dyn SecretStore,
        base: &Base,
        previous: Previous,
    ) -> Result<Written, StoreError> {
        let tag = self.tag_of_old(rotation);
        let (written, expected) = match previous {
            Previous::Kept(undo) => (store.roll_back(&undo, base, &tag).await?, None),
            Previous::Held(value) => (store.write(&value, base, &tag).await?, Some(value.digest())),
        };
        if written != Written::Done {
            return Ok(written);
        }
        let Some(held) = store.read().await.map_err(StoreError::once_written)?.map(|held| held.digest()) else {
            return Ok(written);
        };
        if rotation.lost_digests.contains(&held) {
            let why = "what it kept is the value of a lost attempt";
            return Err(StoreError::refused(store.id(), why, "put the previous value there by hand"));
        }
        let is_new = rotation.phase.minted().is_some_and(|new| new.digest == held);
        if is_new || expected.is_some_and(|expected| expected != held) {
            let why = "it took the previous value but gives back another one".to_owned();
            return Err(StoreError::Unknown { store: store.id().clone(), why });
        }
        Ok(Written::Done)
    }

    /// Where the previous value comes from: the store's own versions, or the memory of this process.
    /// Why nobody has it, in words, if so.
    async fn previous(
        &self,
        rotation: &Rotation,
        store: &dyn SecretStore,
    ) -> Result<Result<Previous, &'static str>, Performed> {
        let planned = rotation.plan.stores.iter().find(|planned| planned.id == *store.id());
        let kept = |can: &Capabilities| can.rollback == Rollback::Native;
        if kept(&store.capabilities())
            && planned.is_some_and(|planned| kept(&planned.capabilities))
            && let Some(undo) = rotation.undo.get(store.id())
        {
            return Ok(Ok(Previous::Kept(undo.clone())));
        }
        let Some(previous) = self.custody.previous(&rotation.id, store.id()) else {
            return Ok(Err("its previous value could not be read, or rekey was restarted since"));
        };
        // After a restart, what the store held before was perhaps a lost attempt's value, which dies at the end.
        match self.identify(rotation, &previous).await {
            Look::Drifted(Some(id), _) if rotation.lost.contains(&id) => {
                Ok(Err("its previous value is gone: before this attempt it held one whose token is given up"))
            }
            Look::Trouble(trouble) => Err(trouble),
            _ => Ok(Ok(Previous::Held(previous))),
        }
    }

    fn tag_of_old(&self, rotation: &Rotation) -> Tag {
        rotation.tag_of_old(rotation.phase.minted().map_or(0, |new| new.attempt))
    }

    /// What is in the store before anything is put back: only what we put there ourselves is overwritten.
    async fn whose(&self, rotation: &Rotation, store: &StoreId, seen: &Seen) -> Result<Held, Performed> {
        let Some(value) = &seen.value else { return Ok(self.whose_unread(rotation, store, &seen.base)) };
        let digest = value.digest();
        if rotation.phase.minted().is_some_and(|new| new.digest == digest) || rotation.lost_digests.contains(&digest) {
            return Ok(Held::Ours);
        }
        let previous = self.custody.previous(&rotation.id, store);
        let as_before = previous.map_or(value.expose().is_empty(), |previous| previous.digest() == digest);
        match self.identify(rotation, value).await {
            Look::Drifted(Some(id), _) if id == rotation.plan.old.id => Ok(Held::Old { untouched: false }),
            Look::Drifted(Some(id), _) if rotation.lost.contains(&id) => Ok(Held::Ours),
            Look::Trouble(trouble) => Err(trouble),
            _ if as_before => Ok(Held::Old { untouched: false }),
            _ => Ok(Held::Foreign),
        }
    }

    /// A value that nobody can read is ours if the store is as we left it; without our having been there, the old one.
    fn whose_unread(&self, rotation: &Rotation, store: &StoreId, base: &Base) -> Held {
        let noted = rotation.blind_noted && !rotation.plan.can_read(store);
        if noted && !rotation.undo.contains_key(store) {
            return Held::Old { untouched: true };
        }
        match self.custody.left(&rotation.id, store) {
            Some(left) if left != *base => Held::Foreign,
            _ => Held::Ours,
        }
    }
}

/// What a store can be given back.
enum Previous {
    /// The store kept it.
    Kept(Undo),
    /// This process read it before.
    Held(Arc<Secret>),
}

/// Whose value a store holds before it is restored.
enum Held {
    /// The previous one: it was never written, or is restored already.
    Old {
        /// Certainly never written.
        untouched: bool,
    },
    /// One of ours, or it cannot be read.
    Ours,
    /// Somebody else's.
    Foreign,
}
