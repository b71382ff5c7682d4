//! Acceptance by group commit: entries that arrive while a commit is under way form the next batch by themselves, and
//! a batch is one statement and one commit. Nobody is answered before the commit that holds their entry.

use super::database::Database;
use super::dialect::storable;
use super::error::LedgerError;
use super::records::{Accepted, Entry};
use super::row::millis;
use sqlx::{AssertSqlSafe, Row as _};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

/// More than this is refused at once: the sender tries again later.
const QUEUE: usize = 4096;
/// Four parameters an entry; SQLite allows 32,766.
const BATCH: usize = 256;

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
pub(super) async fn accept(door: &mpsc::Sender<Waiting>, entry: Entry) -> Answer {
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
        let outcome = insert(&database, &batch).await;
        answer(&mut batch, outcome);
        database.changed();
    }
}

/// The keys that were new.
async fn insert(database: &Database, batch: &[Waiting]) -> Result<HashSet<String>, LedgerError> {
    let mut query = sqlx::query(AssertSqlSafe(statement(batch.len())));
    for Waiting { entry, .. } in batch {
        query = query
            .bind(storable(&entry.key))
            .bind(storable(&entry.kind))
            .bind(storable(&entry.body))
            .bind(millis(entry.received_at));
    }
    let rows = query.fetch_all(&database.writer).await?;
    rows.iter().map(|row| Ok(row.try_get("key")?)).collect()
}

fn statement(entries: usize) -> String {
    let mut text = String::from("INSERT INTO inbox (key, kind, body, received_at) VALUES ");
    for at in 0..entries {
        let first = 4 * at;
        let comma = if at == 0 { "" } else { ", " };
        write!(text, "{comma}(${}, ${}, ${}, ${})", first + 1, first + 2, first + 3, first + 4)
            .expect("writing to a string cannot fail");
    }
    text + " ON CONFLICT (key) DO NOTHING RETURNING key"
}

/// Of two entries with one key in a batch, the first is the new one.
fn answer(batch: &mut Vec<Waiting>, outcome: Result<HashSet<String>, LedgerError>) {
    let (mut new, failed) = match outcome {
        Ok(new) => (new, None),
        Err(error) => (HashSet::new(), Some(error)),
    };
    for Waiting { entry, answer } in batch.drain(..) {
        let accepted = if new.remove(&storable(&entry.key)) { Accepted::New } else { Accepted::Duplicate };
        // Whoever no longer waits has given up: their repeat will be a duplicate.
        let _ = answer.send(failed.clone().map_or(Ok(accepted), Err));
    }
}
