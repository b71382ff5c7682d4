//! The stores of a plan: each can be written, and what is written over is known before anyone approves.

use super::twins::Twins;
use crate::engine::{Engine, EngineError};
use crate::gitlab::LONGEST_TOKEN;
use crate::rotation::plan::{Plan, PlannedStore};
use crate::rotation::store::{Capabilities, Rollback};
use crate::rotation::token::{ManagedToken, Strategy};
use crate::secret_store::{SecretStore, StoreError};

impl Engine {
    pub(super) async fn check_stores(
        &self,
        plan: &mut Plan,
        managed: &ManagedToken,
        twins: &Twins,
    ) -> Result<(), EngineError> {
        if managed.stores.is_empty() {
            plan.blockers.push("no store is configured, so the new value would be lost".into());
        }
        for id in &managed.stores {
            match self.stores.get(id) {
                Some(store) => self.check_store(plan, store.as_ref(), twins).await?,
                None => plan.blockers.push(format!("{id} is not configured")),
            }
        }
        if plan.strategy == Strategy::SelfRotate && plan.stores.iter().all(|store| !store.capabilities.readable) {
            plan.blockers.push("no store can be read, and the token needs its present value to rotate itself".into());
            return Ok(());
        }
        plan.warnings.extend(what_is_lacking(&plan.stores).map(str::to_owned));
        Ok(())
    }

    async fn check_store(&self, plan: &mut Plan, store: &dyn SecretStore, twins: &Twins) -> Result<(), EngineError> {
        let held = match store.preflight().await {
            Ok(()) => store.read().await,
            Err(error) => Err(error),
        };
        // What a store can do is known for sure once it has been looked at.
        let capabilities = store.capabilities();
        let mut twin = None;
        let other = match held {
            Ok(Some(held)) => {
                twin = self.twin_in(plan, twins, &held).await?;
                twin.is_none() && !held.expose().is_empty() && !self.gitlab.could_be_token(&held)
            }
            Ok(None) => false,
            Err(error @ StoreError::Refused { .. }) => {
                plan.blockers.push(error.to_string());
                false
            }
            Err(error) => return Err(EngineError::Unavailable(error.to_string())),
        };
        if let Some(twin) = twin {
            let (id, old) = (store.id(), plan.old.id);
            plan.warnings.push(format!("{id} holds token {twin}, not {old}; it will be overwritten"));
        }
        if other {
            let what = format!(
                "{} holds something that does not look like a token of this GitLab; it will be overwritten",
                store.id()
            );
            plan.warnings.push(what);
        }
        if let Some(most) = capabilities.max_bytes.filter(|most| *most < LONGEST_TOKEN as u64) {
            let what = format!("{} takes at most {most} bytes, and a token may have {LONGEST_TOKEN}", store.id());
            plan.blockers.push(what);
        }
        let leftovers = plan.leftovers.clone();
        if let Some(planned) = plan.stores.iter_mut().find(|planned| planned.id == *store.id()) {
            (planned.capabilities, planned.replaces_other) = (capabilities, other);
            planned.other_token = twin.filter(|twin| !leftovers.iter().any(|left| left.token == *twin));
        }
        Ok(())
    }
}

fn what_is_lacking(stores: &[PlannedStore]) -> Option<&'static str> {
    let can = |what: fn(&Capabilities) -> bool| stores.iter().all(|store| what(&store.capabilities));
    match (can(|can| can.readable), can(|can| can.rollback != Rollback::None)) {
        (true, true) => None,
        (false, true) => Some("a store cannot be read back: only its consumer proves it"),
        (true, false) => Some("a store cannot be restored: its previous value would have to be put back by hand"),
        (false, false) => Some("a store cannot be read back: only its consumer proves it, and it cannot be restored"),
    }
}
