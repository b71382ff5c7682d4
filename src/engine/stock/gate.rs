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
        | Effect::Revoke { .. }
        // Before it looks, stores remove what the rotation needed on the way.
        | Effect::Probe => true,
        Effect::Tick
        | Effect::Replan
        | Effect::Settle
        | Effect::CheckConsumer { .. }
        | Effect::ObserveNew
        | Effect::ObserveOld
        | Effect::Remind { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nothing_is_removed_from_a_store_either_before_our_issues_were_asked() {
        let stock = Stock::default();
        stock.uncompared.send_replace(true);
        assert!(stock.objects_to(&Effect::Probe).await.is_some(), "stores remove what was kept on the way");
        assert_eq!(stock.objects_to(&Effect::ObserveOld).await, None, "looking is allowed");
        stock.uncompared.send_replace(false);
        assert_eq!(stock.objects_to(&Effect::Probe).await, None);
    }
}
