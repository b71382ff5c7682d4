//! Waiting for what the bot and the sandboxes do by themselves.

use super::{Demo, DemoError};
use crate::ledger::Filter;
use crate::rotation::record::Rotation;
use std::time::Duration;

/// Longer than anything takes here, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks.
const BLINK: Duration = Duration::from_millis(25);

impl Demo {
    /// The newest rotation, if there is one.
    pub async fn rotation(&self) -> Option<Rotation> {
        let newest = Filter { open_only: false, token: None, limit: 1 };
        // A database that does not answer has nothing to show; the bot's own log says so.
        self.bot.engine.ledger.list(newest).await.ok()?.pop()
    }

    /// Waits until the newest rotation is as wished; `each` sees every state on the way that is noticed.
    pub async fn until(
        &self,
        what: &'static str,
        wished: impl Fn(&Rotation) -> bool,
        mut each: impl FnMut(&Rotation),
    ) -> Result<Rotation, DemoError> {
        let mut changes = self.bot.engine.ledger.changes();
        let watching = async {
            loop {
                if let Some(rotation) = self.rotation().await {
                    each(&rotation);
                    if wished(&rotation) {
                        return rotation;
                    }
                }
                // A closed channel means that the bot stops; the time-out ends that.
                let _ = tokio::time::timeout(Duration::from_secs(1), changes.changed()).await;
            }
        };
        tokio::time::timeout(PATIENCE, watching).await.map_err(|_| DemoError::Late(what))
    }

    /// Waits until something holds in the sandboxes.
    pub(super) async fn wait_for(&self, what: &'static str, holds: impl Fn() -> bool) -> Result<(), DemoError> {
        let watching = async {
            while !holds() {
                tokio::time::sleep(BLINK).await;
            }
        };
        tokio::time::timeout(PATIENCE, watching).await.map_err(|_| DemoError::Late(what))
    }
}

/// Whether every surface shows the present state and has told everything.
pub(super) fn is_shown(rotation: &Rotation) -> bool {
    let told = rotation.announcements.len() as u64;
    let shows = |surface: &crate::rotation::record::Surface| {
        surface.gone || (surface.shown == rotation.revision && u64::from(surface.announced) == told)
    };
    rotation.surfaces.values().all(shows)
}
