//! Making the new token. The intent is committed before the request is sent; a request whose answer is lost is never
//! repeated under the same attempt.

use super::{in_words, trouble};
use crate::engine::Engine;
use crate::engine::report::Stop;
use crate::engine::worker::{Hold, Performed};
use crate::gitlab::{Minted as Answer, NewToken, TokenFilter};
use crate::http::CallError;
use crate::rotation::event::Event;
use crate::rotation::ids::TokenId;
use crate::rotation::phase::{Minted, Phase};
use crate::rotation::policy::{Policy, later};
use crate::rotation::record::Rotation;
use crate::rotation::token::{LiveToken, Strategy};
use crate::secret::Secret;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// GitLab's limit on descriptions.
const LONGEST_DESCRIPTION: usize = 255;
/// GitLab's clock may be this far behind ours when we tell what our rotate made from what was there before.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

impl Engine {
    pub(super) async fn mint(&self, hold: &Hold<'_>, rotation: &Rotation, attempt: u32) -> Result<Performed, Stop> {
        if let Phase::Minting { started: Some(_), .. } = rotation.phase {
            return self.recover(hold, rotation, attempt).await;
        }
        let first = attempt == 1 && rotation.plan.strategy != Strategy::RevokeFirst;
        if first {
            match self.compare_plan_surely(rotation).await {
                Ok(Event::Replanned { plan, .. })
                    if plan.hash() == rotation.plan.hash() && plan.blockers.is_empty() => {}
                Ok(event) => return hold.report(rotation, &event).await,
                Err(error) => return Ok(Performed::Trouble { why: error.to_string(), after: None, refused: None }),
            }
        }
        if attempt == 1
            && let Some(found) = self.left_behind(rotation).await.transpose()
        {
            return match found {
                Ok(found) => hold.report(rotation, &Event::LeftBehind { found }).await,
                Err(error) => Ok(trouble(&error)),
            };
        }
        let current = match self.own_value(rotation).await {
            Ok(current) => current,
            Err(none) => return Ok(Performed::Trouble { why: none.to_string(), after: None, refused: None }),
        };
        if let Some(stop) = self.survey(hold, rotation).await? {
            return Ok(stop);
        }
        let target = match self.target(rotation, attempt).await {
            Ok(target) => target,
            Err(error) => return Ok(trouble(&error)),
        };
        // What was begun goes on, whatever became of the people who wanted it.
        let policy = if first { self.policy_at_start(rotation).await } else { Ok(Policy::default()) };
        let policy = match policy {
            Ok(policy) => policy,
            Err(unproven) => return Ok(Performed::Trouble { why: unproven.to_string(), after: None, refused: None }),
        };
        let claim = hold.ensure().await?;
        let started = Event::MintStarted { attempt, policy };
        let rotation = self.advance(&rotation.id, &started, Some(&claim)).await?;
        if !matches!(rotation.phase, Phase::Minting { started: Some(_), .. }) {
            return Ok(Performed::Moved);
        }
        let answer = self.send(&rotation, attempt, target, current.as_ref()).await;
        self.take_answer(hold, &rotation, attempt, answer).await
    }

    /// Tokens that this rotation made in a time of which the database knows nothing, even that it was lost.
    async fn left_behind(&self, rotation: &Rotation) -> Result<Option<BTreeSet<TokenId>>, CallError> {
        if rotation.plan.rotates() {
            return Ok(None);
        }
        let found = self.found(rotation).await?;
        Ok(Some(found).filter(|found| !found.is_subset(&rotation.lost)))
    }

    async fn take_answer(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        attempt: u32,
        answer: Result<Answer, CallError>,
    ) -> Result<Performed, Stop> {
        match answer {
            Ok(Answer { token, .. }) if self.differs(&token, rotation).await => {
                // Nobody else has its value. If this does not end it, the last look finds it by its marker.
                let ended = self.gitlab.revoke(&rotation.plan.addressed_owner(), token.id).await.is_ok();
                let then = if ended { "and was revoked at once" } else { "and could not be revoked yet" };
                let why = format!("token {} was made with other permissions than the old one has, {then}", token.id);
                hold.report(rotation, &Event::MintRefused { attempt, why }).await
            }
            Ok(Answer { token, value }) => {
                let new = Minted {
                    attempt,
                    id: token.id,
                    digest: value.digest(),
                    expires_at: token.expires_at,
                    at: self.clock.now(),
                };
                self.custody.take(&rotation.id, new.clone(), value);
                hold.report(rotation, &Event::Minted { new }).await
            }
            Err(error @ CallError::Status { .. }) => {
                if self.may_shorten(rotation, attempt, &error) {
                    return hold.report(rotation, &Event::MintNotSent { attempt }).await;
                }
                // What bars the bot from everything passes for all at once when people mend it, and another no may pass.
                if error.bars_everything() || !hold.believes(&error) {
                    hold.report(rotation, &Event::MintNotSent { attempt }).await?;
                    return Ok(trouble(&error));
                }
                hold.report(rotation, &Event::MintRefused { attempt, why: in_words(&error) }).await
            }
            Err(error) if error.had_no_effect() => {
                hold.report(rotation, &Event::MintNotSent { attempt }).await?;
                Ok(trouble(&error))
            }
            Err(_) => self.recover(hold, rotation, attempt).await,
        }
    }

    /// Whether GitLab refused only the date, and a sooner one is asked for next. Before anything has happened people are
    /// asked again instead.
    fn may_shorten(&self, rotation: &Rotation, attempt: u32, refusal: &CallError) -> bool {
        let wanted = rotation.plan.new.expires_at;
        let asked = wanted.map(|date| self.learned_limit(date));
        self.learn_limit(&refusal.to_string());
        let shorter = wanted.map(|date| self.learned_limit(date)) < asked;
        shorter && (attempt > 1 || rotation.plan.strategy == Strategy::RevokeFirst)
    }

    /// The request may have been sent by somebody who is gone, or its answer was lost.
    async fn recover(&self, hold: &Hold<'_>, rotation: &Rotation, attempt: u32) -> Result<Performed, Stop> {
        if let Some((new, _)) = self.custody.value(&rotation.id, attempt) {
            return hold.report(rotation, &Event::Minted { new }).await;
        }
        if rotation.plan.strategy == Strategy::SelfRotate {
            return self.recover_self(hold, rotation, attempt).await;
        }
        match self.found(rotation).await {
            Ok(found) => hold.report(rotation, &Event::ValueLost { attempt, found }).await,
            Err(error) => Ok(trouble(&error)),
        }
    }

    /// Whether a token's own rotate had any effect is seen by asking with the value from before: once the request can
    /// no longer land and that value lives, nothing has happened.
    async fn recover_self(&self, hold: &Hold<'_>, rotation: &Rotation, attempt: u32) -> Result<Performed, Stop> {
        let lives = match self.own_value(rotation).await {
            Ok(value) => value.is_some(),
            Err(NoValue::Gone) => false,
            Err(NoValue::Trouble(why)) => return Ok(Performed::Trouble { why, after: None, refused: None }),
        };
        if !lives {
            return hold.report(rotation, &Event::SelfRotateInterrupted { attempt }).await;
        }
        let started = match rotation.phase {
            Phase::Minting { started, .. } => started.unwrap_or_default(),
            _ => Timestamp::default(),
        };
        let horizon = later(started, rotation.plan.timing.horizon_seconds);
        let left = horizon.duration_since(self.clock.now());
        match std::time::Duration::try_from(left) {
            Ok(left) if !left.is_zero() => Ok(Performed::Later(left)),
            _ => hold.report(rotation, &Event::MintNotSent { attempt }).await,
        }
    }

    /// What a rotate is aimed at. An earlier one may have landed after its answer was given up: then the token it was
    /// aimed at is dead, and rotating a dead token is refused for good or kills the family.
    async fn target(&self, rotation: &Rotation, attempt: u32) -> Result<TokenId, CallError> {
        let landed = if rotation.plan.strategy == Strategy::InPlace && attempt > 1 {
            self.found(rotation).await?.last().copied()
        } else {
            None
        };
        Ok(landed.unwrap_or_else(|| newest(rotation)))
    }

    async fn send(
        &self,
        rotation: &Rotation,
        attempt: u32,
        target: TokenId,
        current: Option<&Secret>,
    ) -> Result<Answer, CallError> {
        let plan = &rotation.plan;
        // Less than people agreed to may be asked for, and is where GitLab takes no more.
        let wanted = plan.new.expires_at.map(|date| self.learned_limit(date));
        let expires_at = wanted.unwrap_or_else(|| self.clock.today());
        match (plan.strategy, current) {
            (Strategy::SelfRotate, Some(current)) => self.gitlab.rotate_self(current, expires_at).await,
            (Strategy::InPlace | Strategy::SelfRotate, _) => {
                self.gitlab.rotate(&plan.addressed_owner(), target, expires_at).await
            }
            (Strategy::Overlap | Strategy::RevokeFirst, _) => {
                let new = NewToken {
                    name: plan.new.name.clone(),
                    description: described(&plan.new.description, &rotation.marker(attempt)),
                    scopes: plan.new.scopes.clone(),
                    permissions: plan.new.permissions.clone(),
                    expires_at: wanted,
                    access_level: plan.new.access_level,
                };
                self.gitlab.create(&plan.addressed_owner(), &new).await
            }
        }
    }

    /// Tokens of this rotation that are alive: those with our marker or, after a rotate, its successor.
    pub(super) async fn found(&self, rotation: &Rotation) -> Result<BTreeSet<TokenId>, CallError> {
        let alive = TokenFilter { active: Some(true), ..TokenFilter::default() };
        let tokens = self.gitlab.list(&rotation.plan.addressed_owner(), &alive).await?;
        let ours = |token: &LiveToken| {
            if rotation.plan.rotates() {
                token.name == rotation.plan.old.name && token.id > newest(rotation) && is_recent(token, rotation)
            } else {
                token.description.contains(&rotation.marker_prefix())
            }
        };
        Ok(tokens.iter().filter(|token| ours(token)).map(|token| token.id).collect())
    }

    /// Whether a token was made with other fine-grained permissions than the plan says, as far as GitLab tells them.
    async fn differs(&self, made: &LiveToken, rotation: &Rotation) -> bool {
        let wanted = &rotation.plan.new.permissions;
        if wanted.is_empty() || made.permissions == *wanted {
            return false;
        }
        let told = match made.permissions.is_empty() {
            true => self.gitlab.find_singly(made.id).await.ok().flatten(),
            false => Some(made.clone()),
        };
        told.is_some_and(|told| !told.granular || (!told.permissions.is_empty() && told.permissions != *wanted))
    }

    /// The old value, which only the strategy `self` needs, from the first store that holds it: to present another
    /// token's value would rotate that one, or kill the family.
    async fn own_value(&self, rotation: &Rotation) -> Result<Option<Secret>, NoValue> {
        if rotation.plan.strategy != Strategy::SelfRotate {
            return Ok(None);
        }
        for planned in rotation.plan.stores.iter().filter(|store| store.capabilities.readable) {
            let Some(store) = self.store_of(rotation, &planned.id) else { continue };
            let trouble = |why: String| NoValue::Trouble(why);
            let Some(value) = store.read().await.map_err(|error| trouble(error.to_string()))? else { continue };
            let whose = self.gitlab.whoami(&value).await.map_err(|error| trouble(error.to_string()))?;
            if whose.is_some_and(|token| token.id == rotation.plan.old.id) {
                return Ok(Some(value));
            }
        }
        Err(NoValue::Gone)
    }
}

/// Why the token's present value is not at hand.
#[derive(Debug, thiserror::Error)]
enum NoValue {
    #[error("no store gives back the present value, which the token needs to rotate itself")]
    Gone,
    #[error("{0}")]
    Trouble(String),
}

/// The end of the chain: the old token, or the successor that an interrupted rotate left behind.
fn newest(rotation: &Rotation) -> TokenId {
    rotation.lost.iter().copied().max().map_or(rotation.plan.old.id, |lost| lost.max(rotation.plan.old.id))
}

/// Whether it was made since people approved. A token of the same name that was there before is somebody else's: it
/// would be taken for a successor, and rotated.
fn is_recent(token: &LiveToken, rotation: &Rotation) -> bool {
    let approved = rotation.approvals.iter().map(|approval| approval.at).max().unwrap_or(rotation.opened_at);
    let since = approved.saturating_sub(SKEW).unwrap_or(Timestamp::MIN);
    token.created_at.is_some_and(|made| made >= since)
}

/// The description with our marker at its end, within GitLab's limit.
fn described(description: &str, marker: &str) -> String {
    let room = LONGEST_DESCRIPTION - marker.len() - 1;
    let kept: String = description.chars().take(room).collect();
    if kept.is_empty() { marker.to_owned() } else { format!("{kept} {marker}") }
}
