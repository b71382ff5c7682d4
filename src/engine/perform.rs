//! Performing one effect. Each of these may be interrupted anywhere and performed again by somebody else.

mod ground;
mod log;
mod mint;
mod observe;
mod publish;
mod reason;
mod remind;
mod restore;
mod revoke;
mod run;
mod store_trouble;
mod verdict;
mod write;

use super::Engine;
use super::directory::Age;
use super::report::Stop;
use super::worker::{Hold, Lasting, Performed};
use crate::http::CallError;
use crate::rotation::due::BLOCKED_SECONDS;
use crate::rotation::effect::Effect;
use crate::rotation::event::Event;
use crate::rotation::phase::Phase;
use crate::rotation::record::Rotation;
use std::time::Duration;

impl Engine {
    /// Performs one effect and reports what happened.
    pub async fn perform(&self, hold: &Hold<'_>, rotation: &Rotation, effect: &Effect) -> Result<Performed, Stop> {
        if let Some(why) = hold.keeping(self.stock.objects_to(effect)).await? {
            return Ok(Performed::Trouble { why, after: None, refused: None });
        }
        match effect {
            // A window that opens while the bot is paused: the plan has a blocker now.
            Effect::Tick if self.settings.paused && is_scheduled(rotation) => self.replan(hold, rotation).await,
            Effect::Tick => self.tick(hold, rotation).await,
            Effect::Replan => self.replan(hold, rotation).await,
            Effect::Mint { attempt } => self.mint(hold, rotation, *attempt).await,
            Effect::Write { store } => self.write(hold, rotation, store).await,
            Effect::Settle => self.settle(hold, rotation).await,
            Effect::StartConsumer { consumer } => self.start_consumer(hold, rotation, consumer).await,
            Effect::CheckConsumer { consumer } => self.check_consumer(hold, rotation, consumer).await,
            Effect::ObserveNew => self.observe_new(hold, rotation).await,
            Effect::ObserveOld => self.observe_old(hold, rotation).await,
            Effect::RestoreStore { store } => self.restore_store(hold, rotation, store).await,
            Effect::Revoke { token } => self.revoke(hold, rotation, *token).await,
            Effect::Probe => self.probe(hold, rotation).await,
            Effect::Remind { .. } => self.remind(hold, rotation).await,
            Effect::Publish { surface, .. } => self.publish(hold, rotation, surface).await,
        }
    }

    /// A window opens, or people did not answer. A token that nobody manages any more has nobody who could.
    async fn tick(&self, hold: &Hold<'_>, rotation: &Rotation) -> Result<Performed, Stop> {
        let token = &rotation.plan.token;
        if !self.catalog.tokens.contains_key(token) {
            return hold.report(rotation, &Event::Withdrawn).await;
        }
        let policy = match rotation.phase {
            Phase::Scheduled { .. } => self.policy_at_start(rotation).await,
            _ => self.rights().policy(token, &[], Age::Recent).await,
        };
        let now = self.clock.now();
        let start_at = self.start(rotation, now);
        match policy {
            Ok(policy) if is_scheduled(rotation) && start_at > now => {
                hold.report(rotation, &Event::Postponed { policy, start_at }).await
            }
            Ok(policy) => hold.report(rotation, &Event::Tick { policy }).await,
            Err(unproven) => Ok(Performed::Trouble { why: unproven.to_string(), after: None, refused: None }),
        }
    }

    async fn replan(&self, hold: &Hold<'_>, rotation: &Rotation) -> Result<Performed, Stop> {
        match self.compare_plan_surely(rotation).await {
            // Looked at every few minutes for weeks, and no line in the journal for each look.
            Ok(Event::Replanned { plan, old_last_used })
                if *plan == rotation.plan
                    && !plan.blockers.is_empty()
                    && old_last_used == rotation.old_last_used
                    && rotation.waiting.is_none()
                    && self.clock.now() < rotation.approve_by =>
            {
                Ok(Performed::Later(Duration::from_secs(BLOCKED_SECONDS)))
            }
            Ok(event) => {
                // What could not be found is there again: whether it is due is seen by the next scan.
                if rotation.key.unknown.is_some() && matches!(event, Event::Superseded { .. }) {
                    self.ask_for_scan();
                }
                hold.report(rotation, &event).await
            }
            Err(error) => Ok(Performed::Trouble { why: error.to_string(), after: None, refused: None }),
        }
    }
}

fn is_scheduled(rotation: &Rotation) -> bool {
    matches!(rotation.phase, Phase::Scheduled { .. })
}

/// A call that may be repeated did not work.
fn trouble(error: &CallError) -> Performed {
    let after = Some(error.retry_after()).filter(|wait| !wait.is_zero());
    Performed::Trouble { why: in_words(error), after, refused: lasting(error) }
}

/// What was refused, with the way out where there is one.
fn in_words(error: &CallError) -> String {
    match error.mend() {
        Some(mend) => format!("{error}: {mend}"),
        None => error.to_string(),
    }
}

/// What concerns the bot itself passes for all rotations at once when people mend it, so that is waited for.
fn lasting(error: &CallError) -> Option<Lasting> {
    match error {
        CallError::Status { status: 404 | 410, .. } if !error.bars_everything() => Some(Lasting::Missing),
        CallError::Status { .. } if !error.bars_everything() => Some(Lasting::Forbidden),
        _ => None,
    }
}
