//! Waiting for something that another task does: with a limit, and with words for who reads the failure.

use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::timeout;

/// Longer than anything takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Returns once it holds; the story fails here if it never does. `what` completes "waited in vain until ...".
pub async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            yield_now().await;
        }
    };
    assert!(timeout(LIMIT, waiting).await.is_ok(), "waited in vain until {what}");
}
