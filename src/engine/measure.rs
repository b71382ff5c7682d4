//! Gauges that tell how the whole stands: open rotations by phase, how many are stuck, how late the workers are.

use super::Engine;
use crate::rotation::phase::Phase;
use crate::telemetry::{ACTIVE_ROTATIONS, STUCK, WORKER_LAG_SECONDS};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Prometheus asks about as often.
const EVERY: Duration = Duration::from_secs(15);

impl Engine {
    /// Keeps the gauges true until told to stop.
    pub async fn keep_measuring(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.measure().await {
                tracing::debug!(%error, "the gauges were not brought up to date");
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn measure(&self) -> Result<(), crate::ledger::LedgerError> {
        let counted = self.ledger.phases().await?;
        for phase in Phase::OPEN {
            let many = counted.iter().find(|(name, _)| name == phase).map_or(0, |(_, many)| *many);
            metrics::gauge!(ACTIVE_ROTATIONS, "phase" => *phase).set(many as f64);
            if *phase == "stuck" {
                metrics::gauge!(STUCK).set(many as f64);
            }
        }
        let late = self.ledger.next_wake().await?.map_or(0.0, |at| self.clock.now().duration_since(at).as_secs_f64());
        metrics::gauge!(WORKER_LAG_SECONDS).set(late.max(0.0));
        Ok(())
    }
}
