//! Open cases of tokens that left the configuration: nobody may decide on them any more.

use crate::engine::report::Stop;
use crate::engine::{Engine, EngineError};
use crate::ledger::Filter;
use crate::rotation::event::Event;
use crate::rotation::phase::Phase;
use crate::rotation::record::Rotation;

/// More open cases than anybody has; the rest is found when their deadlines come.
const MOST: u32 = 1000;

impl Engine {
    /// Closes what has changed nothing yet, and says of what is stuck that nobody could decide. What is on its way
    /// needs nobody and goes on to its end.
    pub(super) async fn tend_withdrawn(&self) -> Result<(), EngineError> {
        let open = self.ledger.list(Filter { open_only: true, token: None, limit: MOST }).await?;
        for rotation in open.iter().filter(|rotation| !self.catalog.tokens.contains_key(&rotation.plan.token)) {
            let Some(event) = event(rotation) else { continue };
            match self.advance(&rotation.id, &event, None).await {
                Ok(_) | Err(Stop::Overtaken(_)) => {}
                Err(stop) => return Err(stop.into()),
            }
        }
        Ok(())
    }
}

fn event(rotation: &Rotation) -> Option<Event> {
    match rotation.phase {
        Phase::AwaitingApproval | Phase::Scheduled { .. } => Some(Event::Withdrawn),
        Phase::Stuck { .. } => {
            let token = &rotation.plan.token;
            let why = format!(
                "token {token} was taken out of the configuration, so nobody may decide; put it back, then retry or \
                 abandon"
            );
            let is_said = rotation.waiting.as_ref().is_some_and(|waiting| waiting.why == why);
            (!is_said).then_some(Event::Delayed { why })
        }
        _ => None,
    }
}
