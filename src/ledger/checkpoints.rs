//! SQLite's checkpoints, on a connection of their own: on the writer's they would be the longest wait of all. Beside
//! it they still share the disk, so they wait for a quiet moment as long as the log stays small.

use super::database::Database;
use std::sync::Arc;
use std::time::Duration;

/// Nobody wrote for so long: a checkpoint disturbs nobody.
const QUIET: Duration = Duration::from_secs(1);
/// So many pages do not wait for a quiet moment: about 40 MB.
const PAGES: u64 = 10_000;

/// Folds the log into the file again and again, beside the writer. Returns at once where there is nothing to fold.
pub(super) async fn run(database: Arc<Database>) {
    let Some(checkpointer) = &database.checkpointer else { return };
    let mut changes = database.changes();
    let mut folded = 0;
    while changes.changed().await.is_ok() {
        let mut written = *changes.borrow_and_update();
        while written - folded < PAGES && matches!(tokio::time::timeout(QUIET, changes.changed()).await, Ok(Ok(()))) {
            written = *changes.borrow_and_update();
        }
        folded = written;
        if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(checkpointer).await {
            tracing::warn!(%error, "no checkpoint; the next one takes its place");
        }
    }
}
