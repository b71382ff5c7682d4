//! Putting the previous value back, if this process still holds it.

use super::write::{Look, trouble};
use crate::engine::Engine;
use crate::engine::report::Stop;
use crate::engine::worker::{Hold, Performed};
use crate::rotation::event::Event;
use crate::rotation::ids::StoreId;
use crate::rotation::record::Rotation;
use crate::secret_store::{SecretStore, StoreError};

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
        match self.held_now(rotation, adapter.as_ref()).await {
            Ok(Held::Old) => return hold.report(rotation, &Event::Restored { store: store.clone() }).await,
            Ok(Held::Ours) => {}
            Ok(Held::Foreign) => {
                let why = "it holds another value, which somebody put there";
                return hold.report(rotation, &impossible(why)).await;
            }
            Err(trouble) => return Ok(trouble),
        }
        let Some(previous) = self.custody.previous(&rotation.id, store) else {
            let why = "its previous value could not be read, or rekey was restarted since";
            return hold.report(rotation, &impossible(why)).await;
        };
        // After a restart, what the store held before was perhaps a lost attempt's value, which dies at the end.
        match self.identify(&previous).await {
            Look::Drifted(Some(id)) if rotation.lost.contains(&id) => {
                let why = "its previous value is gone: before this attempt it held one whose token is given up";
                return hold.report(rotation, &impossible(why)).await;
            }
            Look::Trouble(trouble) => return Ok(trouble),
            _ => {}
        }
        hold.ensure().await?;
        match adapter.write(&previous).await {
            Ok(()) => hold.report(rotation, &Event::Restored { store: store.clone() }).await,
            Err(StoreError::Refused { why, .. }) => hold.report(rotation, &impossible(&why)).await,
            Err(error) => Ok(trouble(&error)),
        }
    }

    /// What is in the store before anything is put back: only what we put there ourselves is overwritten.
    async fn held_now(&self, rotation: &Rotation, store: &dyn SecretStore) -> Result<Held, Performed> {
        let Some(value) = store.read().await.map_err(|error| trouble(&error))? else { return Ok(Held::Ours) };
        let new = rotation.phase.minted();
        if new.is_some_and(|new| new.digest == value.digest()) {
            return Ok(Held::Ours);
        }
        match self.identify(&value).await {
            Look::Drifted(Some(id)) if id == rotation.plan.old.id => Ok(Held::Old),
            Look::Drifted(Some(id)) if rotation.lost.contains(&id) => Ok(Held::Ours),
            Look::Trouble(trouble) => Err(trouble),
            _ => Ok(Held::Foreign),
        }
    }
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
