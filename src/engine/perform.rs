//! Performing one effect. Each of these may be interrupted anywhere and performed again by somebody else.

mod mint;
mod observe;
mod publish;
mod remind;
mod restore;
mod revoke;
mod run;
mod write;

use super::Engine;
use super::report::Stop;
use super::worker::{Hold, Performed};
use crate::http::CallError;
use crate::rotation::due::BLOCKED_SECONDS;
use crate::rotation::effect::Effect;
use crate::rotation::event::Event;
use crate::rotation::record::Rotation;
use std::time::Duration;

impl Engine {
    /// Performs one effect and reports what happened.
    pub async fn perform(&self, hold: &Hold<'_>, rotation: &Rotation, effect: &Effect) -> Result<Performed, Stop> {
        match effect {
            Effect::Tick => hold.report(rotation, &self.tick(rotation)).await,
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
            Effect::Publish { surface } => self.publish(hold, rotation, surface).await,
        }
    }

    /// A window opens, or people did not answer. A token that nobody manages any more has nobody who could.
    fn tick(&self, rotation: &Rotation) -> Event {
        let token = &rotation.plan.token;
        match self.catalog.tokens.contains_key(token) {
            true => Event::Tick { policy: self.catalog.policy(token) },
            false => Event::Withdrawn,
        }
    }

    async fn replan(&self, hold: &Hold<'_>, rotation: &Rotation) -> Result<Performed, Stop> {
        match self.compare_plan(rotation).await {
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
            Ok(event) => hold.report(rotation, &event).await,
            Err(error) => Ok(Performed::Trouble { why: error.to_string(), after: None }),
        }
    }
}

/// A call that may be repeated did not work.
fn trouble(error: &CallError) -> Performed {
    Performed::Trouble { why: error.to_string(), after: Some(error.retry_after()).filter(|wait| !wait.is_zero()) }
}
