//! Putting the previous value back: from the store's own versions, or if this process still holds it.

use super::write::{Look, trouble};
use crate::engine::Engine;
use crate::engine::report::Stop;
use crate::engine::worker::{Hold, Performed};
use crate::rotation::event::Event;
use crate::rotation::ids::StoreId;
use crate::rotation::record::Rotation;
use crate::rotation::store::{Rollback, Tag, Undo};
use crate::secret::Secret;
use crate::secret_store::{SecretStore, StoreError, Written};
use std::sync::Arc;

impl Engine {
    pub(super) async fn restore_store(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        store: &StoreId,
    ) -> Result<Performed, Stop> {
        let impossible = |why: &str| Event::RestoreImpossible { store: store.clone(), why: why.to_owned() };
        let Some(adapter) = self.stores.get(store) else {
            return hold.report(rotation, &impossible("it is no longer in the configuration")).await;
        };
        let seen = match adapter.look().await {
            Ok(seen) => seen,
            Err(error) => return Ok(trouble(&error)),
        };
        match self.whose(rotation, seen.value.as_ref()).await {
            Ok(Held::Old) => return hold.report(rotation, &Event::Restored { store: store.clone() }).await,
            Ok(Held::Ours) => {}
            Ok(Held::Foreign) => {
                let why = "it holds another value, which somebody put there";
                return hold.report(rotation, &impossible(why)).await;
            }
            Err(trouble) => return Ok(trouble),
        }
        hold.ensure().await?;
        let written = match self.previous(rotation, adapter.as_ref()).await {
            Ok(Previous::Kept(undo)) => adapter.roll_back(&undo, &seen.base, &self.tag_of_old(rotation)).await,
            Ok(Previous::Held(value)) => adapter.write(&value, &seen.base, &self.tag_of_old(rotation)).await,
            Ok(Previous::Gone(why)) => return hold.report(rotation, &impossible(why)).await,
            Err(trouble) => return Ok(trouble),
        };
        match written {
            Ok(Written::Done) => hold.report(rotation, &Event::Restored { store: store.clone() }).await,
            Ok(Written::Waiting { why }) => self.wait_and_say(hold, rotation, store, why).await,
            Err(StoreError::Refused { why, mend, .. }) => {
                hold.report(rotation, &impossible(&format!("{why}. To mend it: {mend}"))).await
            }
            Err(error) => Ok(trouble(&error)),
        }
    }

    /// Where the previous value comes from: the store's own versions, or the memory of this process.
    async fn previous(&self, rotation: &Rotation, store: &dyn SecretStore) -> Result<Previous, Performed> {
        if store.capabilities().rollback == Rollback::Native
            && let Some(undo) = rotation.undo.get(store.id())
        {
            return Ok(Previous::Kept(undo.clone()));
        }
        let Some(previous) = self.custody.previous(&rotation.id, store.id()) else {
            return Ok(Previous::Gone("its previous value could not be read, or rekey was restarted since"));
        };
        // After a restart, what the store held before was perhaps a lost attempt's value, which dies at the end.
        match self.identify(&previous).await {
            Look::Drifted(Some(id)) if rotation.lost.contains(&id) => Ok(Previous::Gone(
                "its previous value is gone: before this attempt it held one whose token is given up",
            )),
            Look::Trouble(trouble) => Err(trouble),
            _ => Ok(Previous::Held(previous)),
        }
    }

    fn tag_of_old(&self, rotation: &Rotation) -> Tag {
        rotation.tag_of_old(rotation.phase.minted().map_or(0, |new| new.attempt))
    }

    /// What is in the store before anything is put back: only what we put there ourselves is overwritten.
    async fn whose(&self, rotation: &Rotation, value: Option<&Secret>) -> Result<Held, Performed> {
        let Some(value) = value else { return Ok(Held::Ours) };
        let new = rotation.phase.minted();
        if new.is_some_and(|new| new.digest == value.digest()) {
            return Ok(Held::Ours);
        }
        match self.identify(value).await {
            Look::Drifted(Some(id)) if id == rotation.plan.old.id => Ok(Held::Old),
            Look::Drifted(Some(id)) if rotation.lost.contains(&id) => Ok(Held::Ours),
            Look::Trouble(trouble) => Err(trouble),
            _ => Ok(Held::Foreign),
        }
    }
}

/// What a store can be given back.
enum Previous {
    /// The store kept it.
    Kept(Undo),
    /// This process read it before.
    Held(Arc<Secret>),
    /// Nobody has it; why, in words.
    Gone(&'static str),
}

/// Whose value a store holds before it is restored.
enum Held {
    /// The previous one: it was never written, or is restored already.
    Old,
    /// One of ours, or it cannot be read.
    Ours,
    /// Somebody else's.
    Foreign,
}
