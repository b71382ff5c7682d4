//! Revoking one token, after a last look that no store holds it.

use super::trouble;
use super::write::{self, Look};
use crate::engine::Engine;
use crate::engine::report::Stop;
use crate::engine::worker::{Hold, Performed};
use crate::rotation::event::Event;
use crate::rotation::ids::TokenId;
use crate::rotation::phase::{AfterRevoke, Phase};
use crate::rotation::record::Rotation;

impl Engine {
    pub(super) async fn revoke(&self, hold: &Hold<'_>, rotation: &Rotation, token: TokenId) -> Result<Performed, Stop> {
        match self.objection(rotation, token).await {
            Ok(None) => {}
            Ok(Some(objection)) => return hold.report(rotation, &objection).await,
            Err(trouble) => return Ok(trouble),
        }
        hold.ensure().await?;
        match self.gitlab.revoke(&rotation.plan.owner, token).await {
            Ok(()) => hold.report(rotation, &Event::Revoked { token }).await,
            Err(error) if error.is_passing() => Ok(trouble(&error)),
            Err(error) => hold.report(rotation, &Event::RevokeRefused { token, why: error.to_string() }).await,
        }
    }

    /// What speaks against revoking, seen right before it.
    async fn objection(&self, rotation: &Rotation, token: TokenId) -> Result<Option<Event>, Performed> {
        let Phase::Revoking { new, then, .. } = &rotation.phase else { return Ok(None) };
        if *then == AfterRevoke::Mint {
            return Ok(None);
        }
        let held = match new {
            Some(new) => self.first_drift(rotation, &new.digest).await?,
            None => self.holder(rotation, token).await?,
        };
        if held.is_some() {
            return Ok(held);
        }
        if token == rotation.plan.old.id && rotation.plan.overlaps() {
            return self.used_meanwhile(rotation).await;
        }
        self.lost_but_used(rotation, token).await
    }

    /// The revoke may have waited for long: a use of the old token since the silence was proven starts it anew.
    async fn used_meanwhile(&self, rotation: &Rotation) -> Result<Option<Event>, Performed> {
        let old = self.gitlab.find(&rotation.plan.owner, rotation.plan.old.id).await.map_err(|e| trouble(&e))?;
        let Some(old) = old.filter(|old| old.active && old.last_used_at > rotation.old_last_used) else {
            return Ok(None);
        };
        Ok(Some(Event::OldSeen { last_used: old.last_used_at, ips: old.last_used_ips }))
    }

    /// A store that holds exactly this token.
    async fn holder(&self, rotation: &Rotation, token: TokenId) -> Result<Option<Event>, Performed> {
        for planned in &rotation.plan.stores {
            let Some(store) = self.stores.get(&planned.id).filter(|_| planned.capabilities.readable) else { continue };
            let Some(value) = store.read().await.map_err(|error| write::trouble(&error))? else { continue };
            match self.identify(&value).await {
                Look::Drifted(Some(id)) if id == token => {
                    return Ok(Some(Event::StoreDrifted { store: planned.id.clone(), holds: Some(id) }));
                }
                Look::Trouble(trouble) => return Err(trouble),
                _ => {}
            }
        }
        Ok(None)
    }

    /// A token whose value we lost must be unused; if it is used, some place that cannot be read holds it.
    async fn lost_but_used(&self, rotation: &Rotation, token: TokenId) -> Result<Option<Event>, Performed> {
        if !rotation.lost.contains(&token) || rotation.plan.rotates() {
            return Ok(None);
        }
        match self.gitlab.find(&rotation.plan.owner, token).await {
            Ok(Some(live)) if live.active && live.last_used_at.is_some() => {
                let why = "it is in use, so some store that cannot be read holds it".to_owned();
                Ok(Some(Event::RevokeRefused { token, why }))
            }
            Ok(_) => Ok(None),
            Err(error) => Err(trouble(&error)),
        }
    }
}
