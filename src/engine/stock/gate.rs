//! Nothing is made, written, started or revoked while only our issues know how far the database was, and they could not be
//! asked yet: it may be an older copy.

use super::Stock;
use crate::engine::ISSUE;
use crate::rotation::effect::Effect;
use std::time::Duration;

/// After a start the answer mostly comes at once; a worker need not come back for it.
const PATIENCE: Duration = Duration::from_secs(5);

impl Stock {
    /// Why this must not be done yet.
    pub async fn objects_to(&self, effect: &Effect) -> Option<String> {
        if !changes_more_than_words(effect) {
            return None;
        }
        let mut uncompared = self.uncompared.subscribe();
        let compared = uncompared.wait_for(|uncompared| !*uncompared);
        match tokio::time::timeout(PATIENCE, compared).await {
            Ok(_) => None,
            Err(_) => Some(
                "our issues could not be asked yet whether the database is an older copy; nothing is made, written or revoked \
                 before"
                    .into(),
            ),
        }
    }
}

/// An issue is words too, but the words that are there now know the end of the journal.
fn changes_more_than_words(effect: &Effect) -> bool {
    match effect {
        Effect::Publish { surface, .. } => surface.as_str() == ISSUE,
        Effect::Mint { .. }
        | Effect::Write { .. }
        | Effect::StartConsumer { .. }
        | Effect::RestoreStore { .. }
        | Effect::Revoke { .. } => true,
        Effect::Tick
        | Effect::Replan
        | Effect::Settle
        | Effect::CheckConsumer { .. }
        | Effect::ObserveNew
        | Effect::ObserveOld
        | Effect::Probe
        | Effect::Remind { .. } => false,
    }
}
