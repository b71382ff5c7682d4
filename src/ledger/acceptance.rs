//! Acceptance by group commit: entries that arrive while a commit is under way form the next batch by themselves, and
//! a batch is one statement and one commit. Nobody is answered before the commit that holds their entry.

use super::database::Database;
use super::dialect::{Dialect, storable};
use super::error::LedgerError;
use super::records::{Accepted, Entry};
use super::row::millis;
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row as _};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

/// More than this is refused at once: the sender tries again later.
const QUEUE: usize = 4096;
/// Four parameters an entry; SQLite allows 32,766.
const BATCH: usize = 256;

/// Which entries of a batch were new.
enum New {
    All,
    These(HashSet<String>),
}

type Answer = Result<Accepted, LedgerError>;

/// An entry whose sender waits for the commit.
pub(super) struct Waiting {
    entry: Entry,
    answer: oneshot::Sender<Answer>,
}

/// The door of the inbox, and the queue behind it.
pub(super) fn door() -> (mpsc::Sender<Waiting>, mpsc::Receiver<Waiting>) {
    mpsc::channel(QUEUE)
}

/// Queues the entry and waits for its commit.
pub(super) async fn accept(door: &mpsc::Sender<Waiting>, mut entry: Entry) -> Answer {
    for text in [&mut entry.key, &mut entry.kind, &mut entry.body] {
        if text.contains('\0') {
            *text = storable(text);
        }
    }
    let (answer, answered) = oneshot::channel();
    door.try_send(Waiting { entry, answer }).map_err(|error| match error {
        TrySendError::Full(_) => LedgerError::unavailable("the inbox is full"),
        TrySendError::Closed(_) => LedgerError::unavailable("it is closed"),
    })?;
    answered.await.map_err(|_| LedgerError::unavailable("it is closed"))?
}

/// Commits batch after batch, until the door is gone.
pub(super) async fn run(mut queue: mpsc::Receiver<Waiting>, database: Arc<Database>) {
    let mut batch = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        // Neighbours in the index are written together; who came first is remembered by time.
        batch.sort_by(|a, b| a.entry.key.cmp(&b.entry.key));
        let outcome = insert(&database, &batch).await;
        answer(&mut batch, outcome);
        database.changed();
    }
}

/// The keys that were new. Only a batch with duplicates in it pays for learning which.
async fn insert(database: &Database, batch: &[Waiting]) -> Result<New, LedgerError> {
    let mut tx = database.begin().await?;
    let done = query(&statement(database.dialect, batch.len(), ""), batch).execute(&mut *tx).await?;
    if done.rows_affected() == batch.len() as u64 {
        tx.commit().await?;
        return Ok(New::All);
    }
    tx.rollback().await?;
    let text = statement(database.dialect, batch.len(), " RETURNING key");
    let rows = query(&text, batch).fetch_all(&database.writer).await?;
    Ok(New::These(rows.iter().map(|row| row.try_get("key")).collect::<Result<_, _>>()?))
}

fn query(text: &str, batch: &[Waiting]) -> Query<'static, Any, AnyArguments> {
    let mut query = sqlx::query(AssertSqlSafe(text.to_owned()));
    for Waiting { entry, .. } in batch {
        query = query
            .bind(entry.key.clone())
            .bind(entry.kind.clone())
            .bind(entry.body.clone())
            .bind(millis(entry.received_at));
    }
    query
}

fn statement(dialect: Dialect, entries: usize, returning: &str) -> String {
    let rows = dialect.rows(entries, 4);
    format!("INSERT INTO inbox (key, kind, body, received_at) VALUES {rows} ON CONFLICT (key) DO NOTHING{returning}")
}

/// Of two entries with one key in a batch, the first is the new one.
fn answer(batch: &mut Vec<Waiting>, outcome: Result<New, LedgerError>) {
    let mut outcome = outcome;
    for Waiting { entry, answer } in batch.drain(..) {
        let accepted = match &mut outcome {
            Ok(New::All) => Ok(Accepted::New),
            Ok(New::These(keys)) => Ok(if keys.remove(&entry.key) { Accepted::New } else { Accepted::Duplicate }),
            Err(error) => Err(error.clone()),
        };
        // Whoever no longer waits has given up: their repeat will be a duplicate.
        let _ = answer.send(accepted);
    }
}
