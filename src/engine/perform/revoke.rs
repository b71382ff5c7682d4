//! Revoking one token, after a last look that no store holds it.

use super::store_trouble;
use super::write::Look;
use super::{in_words, trouble};
use crate::engine::Engine;
use crate::engine::report::Stop;
use crate::engine::worker::{Hold, Performed};
use crate::rotation::event::Event;
use crate::rotation::ids::TokenId;
use crate::rotation::phase::{AfterRevoke, Outcome, Phase};
use crate::rotation::record::Rotation;

impl Engine {
    pub(super) async fn revoke(&self, hold: &Hold<'_>, rotation: &Rotation, token: TokenId) -> Result<Performed, Stop> {
        match self.objection(rotation, token).await {
            Ok(None) => {}
            Ok(Some(objection)) => return hold.report(rotation, &objection).await,
            Err(trouble) => return Ok(trouble),
        }
        hold.ensure().await?;
        match self.gitlab.revoke(&rotation.plan.addressed_owner(), token).await {
            Ok(()) => hold.report(rotation, &Event::Revoked { token }).await,
            // Anything but a clear no that stays may be tried again.
            Err(error) if error.status().is_none() || error.bars_everything() || !hold.believes(&error) => {
                Ok(trouble(&error))
            }
            Err(error) => hold.report(rotation, &Event::RevokeRefused { token, why: in_words(&error) }).await,
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
        // What was restored must work before what replaced it is given up.
        let gives_up = *then == AfterRevoke::Close(Outcome::Abandoned) && new.is_none() && rotation.was_restored();
        if gives_up
            && !rotation.old_died
            && let Some(died) = self.death_of_old(rotation).await?
        {
            return Ok(Some(died));
        }
        if *then == AfterRevoke::Close(Outcome::Done)
            && let Some(died) = self.death_of_new(rotation).await?
        {
            return Ok(Some(died));
        }
        self.use_of(rotation, token).await
    }

    /// A store that holds exactly this token.
    async fn holder(&self, rotation: &Rotation, token: TokenId) -> Result<Option<Event>, Performed> {
        for planned in rotation.plan.stores.iter().filter(|planned| planned.capabilities.readable) {
            // Whoever put it there: a token that stands in a place of the plan is in use.
            let Some(store) = self.addressed_store(rotation, &planned.id) else { return Ok(self.missing(rotation)) };
            let Some(value) = store.read().await.map_err(|error| store_trouble::trouble(&error))? else { continue };
            match self.identify(rotation, &value).await {
                Look::Drifted(Some(id), held) if id == token => {
                    return Ok(Some(Event::StoreDrifted { store: planned.id.clone(), holds: Some(id), held }));
                }
                Look::Trouble(trouble) => return Err(trouble),
                _ => {}
            }
        }
        Ok(None)
    }

    /// A use that speaks against it: the old token broke its silence while the revoke waited, or another one was used
    /// since GitLab was asked last, so some place that cannot be read may hold it.
    async fn use_of(&self, rotation: &Rotation, token: TokenId) -> Result<Option<Event>, Performed> {
        let old = token == rotation.plan.old.id && rotation.phase.minted().is_some();
        let rotated_away = rotation.plan.rotates() && !rotation.plan.sweeps(token);
        if token == rotation.plan.old.id && !old || rotated_away {
            return Ok(None);
        }
        let live = match self.gitlab.find(&rotation.plan.addressed_owner(), token).await {
            Ok(live) => live.filter(|live| live.active),
            Err(error) => return Err(trouble(&error)),
        };
        let Some(live) = live else { return Ok(None) };
        if old {
            let used = live.last_used_at > rotation.old_last_used;
            return Ok(used.then_some(Event::OldSeen { last_used: live.last_used_at, ips: live.last_used_ips }));
        }
        Ok(live
            .last_used_at
            .filter(|last| rotation.uses.get(&token).is_none_or(|seen| seen.last != *last))
            .map(|last_used| Event::StillUsed { token, last_used, ips: live.last_used_ips }))
    }
}
