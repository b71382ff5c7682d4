//! A transaction that gives its connection back only once its end was seen. SQLite ends a transaction by itself when the
//! disk is full or fails, and a server may be gone: whoever got such a connection next would write into nothing, for ever.

use super::error::LedgerError;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A server that does not say in this time that it undid everything is not asked again on this connection.
const PATIENCE: Duration = Duration::from_secs(2);
const HELD: &str = "the connection is taken only by what ends the transaction";

/// Where transactions come from.
#[derive(Clone)]
pub(super) struct Source {
    pool: AnyPool,
    /// The connection is the database (SQLite in memory): another one would be empty.
    is_all: bool,
    failing: Arc<AtomicBool>,
}

impl Source {
    pub(super) fn new(pool: AnyPool, is_all: bool) -> Self {
        Self { pool, is_all, failing: Arc::default() }
    }

    /// A caller who goes away right then would leave the transaction open on its connection. So it is begun whatever
    /// becomes of the caller, and undone if nobody takes it.
    pub(super) async fn begin(&self, statement: &'static str) -> Result<Transaction, LedgerError> {
        let source = self.clone();
        match tokio::spawn(async move { source.begun(statement).await }).await {
            Ok(begun) => Ok(begun?),
            Err(_) => Err(LedgerError::unavailable("the process is about to end")),
        }
    }

    async fn begun(self, statement: &'static str) -> Result<Transaction, sqlx::Error> {
        let connection = self.pool.acquire().await?;
        let mut begun = Transaction { connection: Some(connection), source: self };
        match sqlx::query(statement).execute(&mut *begun).await {
            Ok(_) => Ok(begun),
            Err(error) => {
                begun.let_go();
                Err(error)
            }
        }
    }

    /// Whether the last thing that was to be kept could not be.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Remembers whether something could be kept.
    pub(super) fn kept<T, E>(&self, outcome: Result<T, E>) -> Result<T, E> {
        self.failing.store(outcome.is_err(), Ordering::Relaxed);
        outcome
    }

    /// Remembers that something could not be; that it could says nothing, since perhaps nothing was to be written.
    pub(super) fn tried<T, E>(&self, outcome: Result<T, E>) -> Result<T, E> {
        self.failing.fetch_or(outcome.is_err(), Ordering::Relaxed);
        outcome
    }
}

/// What was begun. Dropped, it is undone.
pub(super) struct Transaction {
    connection: Option<PoolConnection<Any>>,
    source: Source,
}

impl Transaction {
    /// Keeps what was done. After an error it may be kept or not.
    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        let ended = sqlx::query("COMMIT").execute(&mut *self).await;
        let ended = self.end(ended);
        self.source.kept(ended)
    }

    /// Undoes what was done.
    pub(super) async fn rollback(mut self) -> Result<(), sqlx::Error> {
        let ended = sqlx::query("ROLLBACK").execute(&mut *self).await;
        self.end(ended)
    }

    fn end<T>(&mut self, ended: Result<T, sqlx::Error>) -> Result<(), sqlx::Error> {
        match ended {
            // The pool takes it back.
            Ok(_) => drop(self.connection.take()),
            Err(error) => {
                self.let_go();
                return self.source.tried(Err(error));
            }
        }
        Ok(())
    }

    /// Nobody knows in which state the connection is: closing it undoes whatever is open.
    fn let_go(&mut self) {
        if !self.source.is_all
            && let Some(connection) = self.connection.take()
        {
            drop(connection.detach());
        }
    }
}

impl Deref for Transaction {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        self.connection.as_ref().expect(HELD)
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        self.connection.as_mut().expect(HELD)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(undo(connection, self.source.clone()))),
            // Nobody could wait for an answer.
            Err(_) => drop(connection.detach()),
        }
    }
}

/// Holds the bare connection: a runtime that ends drops this half done, and nothing may begin anew then.
async fn undo(mut connection: PoolConnection<Any>, source: Source) {
    let ended = tokio::time::timeout(PATIENCE, sqlx::query("ROLLBACK").execute(&mut *connection)).await;
    let undone = matches!(ended, Ok(Ok(_)));
    // What ended by itself had met a disk that is full or fails.
    source.failing.fetch_or(!undone, Ordering::Relaxed);
    if undone || source.is_all {
        // The pool takes it back; one in memory says itself that nothing is open any more.
        return;
    }
    tracing::debug!("a connection whose transaction ended by itself is closed");
    drop(connection.detach());
}
