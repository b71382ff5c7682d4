//! Acceptance by group commit: entries that arrive while a commit is under way form the next batch by themselves, and
//! a batch is one statement and one commit. Nobody is answered before the commit that holds their entry.

use super::database::Database;
use super::dialect::{Dialect, storable};
use super::error::LedgerError;
use super::inbox;
use super::keys::Keys;
use super::records::{Accepted, Entry};
use super::row::millis;
use sqlx::{AssertSqlSafe, Row as _};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

/// More than this is refused at once: the sender tries again later.
const QUEUE: usize = 4096;
/// Larger batches cost as much an entry and make everybody in them wait.
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
        let outcome = database.writes.kept(insert(&database, &batch).await);
        database.accepted(batch.len());
        answer(&mut batch, outcome);
    }
}

/// The keys that were new. On SQLite a batch without duplicates is a single statement that commits by itself, since
/// every round trip to the writer's thread costs a turn of the scheduler; with one it fails whole and is stored again.
async fn insert(database: &Database, batch: &[Waiting]) -> Result<New, LedgerError> {
    let entries = as_json(&database.keys, batch);
    let insert = database.dialect.insert_entries();
    if database.dialect == Dialect::Sqlite {
        match sqlx::query(insert).bind(entries.as_str()).execute(&database.writer).await {
            Ok(_) => return Ok(New::All),
            Err(error) if is_duplicate(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let insert = AssertSqlSafe(format!("{insert} ON CONFLICT (key) DO NOTHING RETURNING key"));
    let rows = sqlx::query(insert).bind(entries).fetch_all(&database.writer).await?;
    Ok(New::These(rows.iter().map(|row| row.try_get("key")).collect::<Result<_, _>>()?))
}

fn is_duplicate(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.is_unique_violation())
}

/// One parameter, so that the statement is the same for every batch and stays prepared.
fn as_json(keys: &Keys, batch: &[Waiting]) -> String {
    let row = |Waiting { entry: Entry { key, kind, body, received_at }, .. }: &Waiting| {
        let at = millis(*received_at);
        let seal = inbox::seal(keys, key, kind, body, at);
        serde_json::json!([key, kind, body, at, seal])
    };
    serde_json::to_string(&batch.iter().map(row).collect::<Vec<_>>()).expect("text and numbers only")
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
