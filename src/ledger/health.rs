//! Whether something could be written now: a write is begun and undone, on the way that every write takes. Anybody may
//! ask, and SQLite has one writer, so it is done once a second at most and the answer is for all who ask.

use super::database::Database;
use super::error::LedgerError;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long an answer holds.
const HOLDS: Duration = Duration::from_secs(1);

/// The last answer, and when it was given.
#[derive(Default)]
pub(super) struct Health(Mutex<Option<(Instant, Result<(), LedgerError>)>>);

/// Whether something could be written now, or a moment ago.
pub(super) async fn ask(database: &Database) -> Result<(), LedgerError> {
    let mut last = database.health.0.lock().await;
    if let Some((at, answer)) = &*last
        && at.elapsed() < HOLDS
        && !database.writer.is_closed()
    {
        return answer.clone();
    }
    let answer = look(database).await;
    *last = Some((Instant::now(), answer.clone()));
    answer
}

/// A disk that is full lets everything be begun. So once something could not be kept, keeping is tried too.
async fn look(database: &Database) -> Result<(), LedgerError> {
    let mut tx = database.begin().await?;
    let done = sqlx::query("UPDATE journal_head SET seq = seq WHERE id = 1").execute(&mut *tx).await?;
    if done.rows_affected() != 1 {
        return Err(LedgerError::broken("journal_head", "id", "1"));
    }
    match database.writes.is_failing() {
        true => tx.commit().await?,
        false => tx.rollback().await?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::open::database;

    async fn fill(database: &Database) {
        let limit = "PRAGMA max_page_count = 1";
        sqlx::query(limit).execute(&database.writer).await.expect("a number");
    }

    async fn write(database: &Database, sign: &str) -> Result<(), LedgerError> {
        let mut tx = database.begin().await?;
        let long = sign.repeat(100_000);
        sqlx::query("INSERT INTO told (key, at) VALUES ($1, 0)").bind(long).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    #[tokio::test]
    async fn after_a_disk_that_was_full_the_writer_writes_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = database(&format!("sqlite:{}", folder.path().join("rekey.db").display())).await.expect("opens");
        for sign in ["a", "b", "c"] {
            fill(&database).await;
            assert!(write(&database, sign).await.is_err());
            // The next connection knows no limit.
            write(&database, sign).await.expect("there is room again");
            ask(&database).await.expect("and that is seen");
        }
    }

    #[tokio::test]
    async fn a_statement_that_a_full_disk_refused_is_seen_though_nobody_came_to_commit() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = database(&format!("sqlite:{}", folder.path().join("rekey.db").display())).await.expect("opens");
        assert!(!database.writes.is_failing());
        fill(&database).await;
        assert!(write(&database, "a").await.is_err());
        // What was begun is undone beside.
        database.begin().await.expect("begins").rollback().await.expect("and ends");
        assert!(database.writes.is_failing());
        ask(&database).await.expect("there is room again");
        assert!(!database.writes.is_failing(), "and that was tried");
    }

    #[tokio::test]
    async fn a_database_in_memory_keeps_its_data_and_its_only_connection() {
        let database = database("sqlite::memory:").await.expect("opens");
        write(&database, "x").await.expect("there is room");
        fill(&database).await;
        let mut tx = database.begin().await.expect("begins");
        let long = "y".repeat(100_000);
        let insert = sqlx::query("INSERT INTO told (key, at) VALUES ($1, 0)").bind(long);
        assert!(insert.execute(&mut *tx).await.is_err());
        drop(tx);
        let kept = sqlx::query("SELECT key FROM told").fetch_all(&database.writer).await.expect("the table is there");
        assert_eq!(kept.len(), 1);
        database.begin().await.expect("begins again").rollback().await.expect("and ends");
    }

    #[tokio::test]
    async fn however_many_ask_one_write_is_begun_a_second() {
        let database = database("sqlite::memory:").await.expect("opens");
        ask(&database).await.expect("it can be written");
        sqlx::query("DELETE FROM journal_head").execute(&database.writer).await.expect("a row");
        for _ in 0..100 {
            ask(&database).await.expect("the answer of a moment ago");
        }
    }
}
