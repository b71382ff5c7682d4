//! Putting the previous value back, if this process still holds it.

use super::write::trouble;
use crate::engine::Engine;
use crate::engine::report::Stop;
use crate::engine::worker::{Hold, Performed};
use crate::rotation::event::Event;
use crate::rotation::ids::StoreId;
use crate::rotation::record::Rotation;
use crate::secret_store::StoreError;

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
        match self.untouched(rotation, adapter.as_ref()).await {
            Ok(true) => return hold.report(rotation, &Event::Restored { store: store.clone() }).await,
            Ok(false) => {}
            Err(error) => return Ok(trouble(&error)),
        }
        let Some(previous) = self.custody.previous(&rotation.id, store) else {
            let why = "its previous value could not be read, or rekey was restarted since";
            return hold.report(rotation, &impossible(why)).await;
        };
        hold.ensure().await?;
        match adapter.write(&previous).await {
            Ok(()) => hold.report(rotation, &Event::Restored { store: store.clone() }).await,
            Err(StoreError::Refused { why, .. }) => hold.report(rotation, &impossible(&why)).await,
            Err(error) => Ok(trouble(&error)),
        }
    }

    /// Whether the store never got the new value: then there is nothing to put back.
    async fn untouched(
        &self,
        rotation: &Rotation,
        store: &dyn crate::secret_store::SecretStore,
    ) -> Result<bool, StoreError> {
        let Some(value) = store.read().await? else { return Ok(false) };
        let token = match self.gitlab.whoami(&value).await {
            Ok(token) => token,
            Err(_) => return Ok(false),
        };
        Ok(token.is_some_and(|token| token.id == rotation.plan.old.id))
    }
}
