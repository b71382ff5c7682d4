//! What people ask for in chat, answered by the engine.

use crate::engine::decide::Click;
use crate::engine::{Engine, EngineError, OpenedRotation};
use crate::ledger::Filter;
use crate::rotation::ids::PersonId;
use crate::rotation::plan::Plan;
use crate::rotation::record::{Origin, Rotation};
use crate::server::slack::{Desk, Listed};
use async_trait::async_trait;
use std::sync::Arc;

/// More open rotations than a chat answer can show.
const MOST: u32 = 200;

/// The engine behind the counter.
pub struct EngineDesk(pub Arc<Engine>);

#[async_trait]
impl Desk for EngineDesk {
    async fn click(&self, click: Click) -> Result<Rotation, EngineError> {
        self.0.decide(&click).await
    }

    async fn rotate(&self, token: &str, by: PersonId) -> Result<OpenedRotation, EngineError> {
        self.0.rotate(token, Origin::Person { person: by }).await
    }

    async fn plan(&self, token: &str) -> Result<Plan, EngineError> {
        let managed = self.0.managed(token)?;
        let live = self.0.live_token(managed).await?;
        self.0.plan(managed, &live, None, None).await
    }

    async fn list(&self) -> Result<Vec<Listed>, EngineError> {
        let lines = self.0.overview().await?;
        Ok(lines
            .into_iter()
            .map(|line| Listed {
                token: line.token.0,
                owner: line.owner,
                expires_at: line.expires_at,
                days_left: line.days_left.map(i64::from),
                last_used_at: line.last_used_at,
                state: line.state.replace('_', " "),
            })
            .collect())
    }

    async fn show(&self, rotation: &str) -> Result<Rotation, EngineError> {
        self.0.rotation(rotation).await
    }

    async fn open(&self) -> Result<Vec<Rotation>, EngineError> {
        Ok(self.0.ledger.list(Filter { open_only: true, token: None, limit: MOST }).await?)
    }

    async fn outsider(&self, who: &str, what: &str) {
        self.0.journal_outsider(who, what).await;
    }
}
