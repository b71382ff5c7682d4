//! SQLite's checkpoints, on a connection of their own: on the writer's they would be the longest wait of all.

use super::database::Database;
use std::sync::Arc;

const CHANGES_A_CHECKPOINT: u64 = 200;

/// Folds the log into the file again and again, beside the writer. Returns at once where there is nothing to fold.
pub(super) async fn run(database: Arc<Database>) {
    let Some(checkpointer) = &database.checkpointer else { return };
    let mut changes = database.changes();
    let mut done = 0;
    while changes.changed().await.is_ok() {
        let count = *changes.borrow_and_update();
        if count - done < CHANGES_A_CHECKPOINT {
            continue;
        }
        done = count;
        if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(checkpointer).await {
            tracing::warn!(%error, "no checkpoint; the next one takes its place");
        }
    }
}
