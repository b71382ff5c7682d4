//! Watching the tokens themselves: the new one in use, the old one silent, none left over.

use super::{store_trouble, trouble};
use crate::engine::Engine;
use crate::engine::report::Stop;
use crate::engine::worker::{Hold, Performed};
use crate::http::CallError;
use crate::rotation::event::Event;
use crate::rotation::phase::{Minted, Outcome, Phase};
use crate::rotation::policy::later;
use crate::rotation::record::Rotation;
use crate::rotation::token::LiveToken;
use crate::store::StoreError;
use jiff::Timestamp;
use std::collections::BTreeSet;

impl Engine {
    /// The new token's last use turning non-null is the proof: the bot never uses it itself.
    pub(super) async fn observe_new(&self, hold: &Hold<'_>, rotation: &Rotation) -> Result<Performed, Stop> {
        let Phase::Verifying { new, passed_at: Some(passed_at), .. } = &rotation.phase else {
            return Ok(Performed::Misfit);
        };
        if let Some(missing) = self.missing(rotation) {
            return hold.report(rotation, &missing).await;
        }
        match self.look_up(rotation, new).await {
            Err(error) => Ok(trouble(&error)),
            Ok(None) => self.observe_by_value(hold, rotation, new).await,
            Ok(Some(found)) => self.weigh_new(hold, rotation, new, *passed_at, found).await,
        }
    }

    /// What GitLab shows under the new token's number, if anything is there; `None` where the bot cannot look it up.
    async fn look_up(&self, rotation: &Rotation, new: &Minted) -> Result<Option<Option<LiveToken>>, CallError> {
        if !self.may_look_up(&rotation.plan.owner).await? {
            return Ok(None);
        }
        self.gitlab.find(&rotation.plan.addressed_owner(), new.id).await.map(Some)
    }

    async fn weigh_new(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        new: &Minted,
        passed_at: Timestamp,
        found: Option<LiveToken>,
    ) -> Result<Performed, Stop> {
        match found {
            Some(token) if token.active => match token.last_used_at {
                Some(at) => hold.report(rotation, &Event::NewSeen { at }).await,
                None => self.not_used_yet(hold, rotation, passed_at).await,
            },
            found => hold.report(rotation, &died(new, found.as_ref())).await,
        }
    }

    async fn not_used_yet(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        passed_at: Timestamp,
    ) -> Result<Performed, Stop> {
        if self.clock.now() >= later(passed_at, rotation.plan.timing.use_seconds) {
            return hold.report(rotation, &Event::NewNeverUsed).await;
        }
        Ok(Performed::Later(self.settings.poll))
    }

    /// A token that rotated itself cannot be looked up by the bot: what the stores hold must be it, and live.
    async fn observe_by_value(&self, hold: &Hold<'_>, rotation: &Rotation, new: &Minted) -> Result<Performed, Stop> {
        match self.first_drift(rotation, &new.digest).await {
            Ok(None) => hold.report(rotation, &Event::NewSeen { at: self.clock.now() }).await,
            Ok(Some(drifted)) => hold.report(rotation, &drifted).await,
            Err(trouble) => Ok(trouble),
        }
    }

    pub(super) async fn observe_old(&self, hold: &Hold<'_>, rotation: &Rotation) -> Result<Performed, Stop> {
        if let Some(missing) = self.missing(rotation) {
            return hold.report(rotation, &missing).await;
        }
        match self.death_of_new(rotation).await {
            Ok(None) => {}
            Ok(Some(died)) => return hold.report(rotation, &died).await,
            Err(trouble) => return Ok(trouble),
        }
        match self.gitlab.find(&rotation.plan.addressed_owner(), rotation.plan.old.id).await {
            Ok(token) => {
                let (last_used, ips) =
                    token.map_or((None, Vec::new()), |token| (token.last_used_at, token.last_used_ips));
                hold.report(rotation, &Event::OldSeen { last_used, ips }).await
            }
            Err(error) => Ok(trouble(&error)),
        }
    }

    /// Whether the old token, whose value is put back or was, is dead.
    pub(super) async fn death_of_old(&self, rotation: &Rotation) -> Result<Option<Event>, Performed> {
        let how = match rotation.old_is_dead(self.clock.now()) {
            true => "has expired",
            false if self.is_seen_dead(rotation).await? => "was revoked by somebody",
            false => return Ok(None),
        };
        Ok(Some(Event::OldDied { how: how.into() }))
    }

    /// Whether somebody killed the new token since: then the old one is all that works, and must stay.
    pub(super) async fn death_of_new(&self, rotation: &Rotation) -> Result<Option<Event>, Performed> {
        let Some(new) = rotation.phase.minted() else { return Ok(None) };
        match self.look_up(rotation, new).await.map_err(|error| trouble(&error))? {
            None => Ok(None),
            Some(Some(token)) if token.active => Ok(None),
            Some(found) => Ok(Some(died(new, found.as_ref()))),
        }
    }

    /// The last look for live tokens that carry our marker.
    pub(super) async fn probe(&self, hold: &Hold<'_>, rotation: &Rotation) -> Result<Performed, Stop> {
        let untidy = match self.tidy_up(rotation).await {
            Ok(untidy) => untidy,
            Err(trouble) => return Ok(trouble),
        };
        let nothing = rotation.plan.rotates() || is_untouched(rotation);
        let found = if nothing { Ok(BTreeSet::new()) } else { self.found(rotation).await };
        match found {
            Ok(found) => hold.report(rotation, &Event::Probed { found, untidy }).await,
            // An owner that was deleted took its tokens along; what was given up need not wait for it to come back.
            Err(error) if error.status() == Some(404) && is_given_up(rotation) => {
                match self.gitlab.proves_absence(&error).await {
                    Ok(true) => hold.report(rotation, &Event::Probed { found: BTreeSet::new(), untidy }).await,
                    Ok(false) => Ok(trouble(&error)),
                    Err(unsure) => Ok(trouble(&unsure)),
                }
            }
            Err(error) => Ok(trouble(&error)),
        }
    }

    /// Lets every store remove what the rotation needed on the way, once one value lives in all of them. What a store
    /// refuses to remove harms nothing and is told.
    async fn tidy_up(&self, rotation: &Rotation) -> Result<Vec<String>, Performed> {
        let Phase::Closing { new, outcome } = &rotation.phase else { return Ok(Vec::new()) };
        let tag = match new {
            Some(new) if *outcome == Outcome::Done => rotation.tag(new),
            None if rotation.switched_at.is_some() => rotation.tag_of_old(0),
            _ => return Ok(Vec::new()),
        };
        let mut untidy = Vec::new();
        for store in rotation.plan.stores.iter().filter_map(|planned| self.store_of(rotation, &planned.id)) {
            match store.finish(&tag, rotation.undo.get(store.id())).await {
                Ok(()) => {}
                // What was restored is a value that nobody here holds any more, so it cannot be told from somebody else's.
                Err(StoreError::Swapped { .. }) if new.is_none() => {}
                Err(error @ (StoreError::Refused { .. } | StoreError::Swapped { .. })) => {
                    untidy.push(error.to_string())
                }
                Err(error) => return Err(store_trouble::trouble(&error)),
            }
        }
        Ok(untidy)
    }
}

fn died(new: &Minted, found: Option<&LiveToken>) -> Event {
    let how = if found.is_some() { "was revoked by somebody" } else { "is no longer there" };
    Event::NewDied { token: new.id, how: how.into() }
}

/// Ended before anything was sent, so there is nothing of ours to look for, also where GitLab shows no tokens at all.
fn is_untouched(rotation: &Rotation) -> bool {
    let early = [Outcome::Declined, Outcome::Superseded, Outcome::Withdrawn];
    matches!(rotation.phase, Phase::Closing { outcome, .. } if early.contains(&outcome))
}

fn is_given_up(rotation: &Rotation) -> bool {
    matches!(rotation.phase, Phase::Closing { outcome: Outcome::Abandoned | Outcome::Withdrawn, .. })
}
