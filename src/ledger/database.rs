//! The connections: on SQLite one that writes, some that read and one that checkpoints; on PostgreSQL one pool.

use super::dialect::{Dialect, Use};
use super::error::LedgerError;
use super::files;
use super::health::Health;
use super::keys::Keys;
use super::trail::Memory;
use super::transaction::{Source, Transaction};
use jiff::Timestamp;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AnyPool, ConnectOptions};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::watch;

/// Shorter than the patience of anyone who calls us (Slack: 3 s).
const PATIENCE: Duration = Duration::from_secs(2);
const POSTGRES_CONNECTIONS: u32 = 8;
const SQLITE_READERS: u32 = 2;
/// About as many as a rotation's row, journal line and lanes touch.
const PAGES_A_COMMIT: u64 = 8;

/// One open database.
pub(super) struct Database {
    pub(super) dialect: Dialect,
    pub(super) writer: AnyPool,
    pub(super) reader: AnyPool,
    /// Only on a SQLite file.
    pub(super) checkpointer: Option<AnyPool>,
    pub(super) writes: Source,
    reads: Source,
    pub(super) health: Health,
    /// With what is sealed that must be believed.
    pub(super) keys: Keys,
    /// The file that knows the end of the journal.
    pub(super) end: Option<PathBuf>,
    pub(super) memory: Memory,
    /// Entries of the inbox that this process dealt with.
    pub(super) dealt_with: Mutex<HashMap<String, DealtWith>>,
    /// Rotations that are not as they were left, in which column, and whether people were told.
    pub(super) damaged: Mutex<BTreeMap<String, (&'static str, bool)>>,
    changes: watch::Sender<u64>,
}

/// An entry of the inbox that this process dealt with.
#[derive(Clone, Copy)]
pub(super) struct DealtWith {
    pub(super) received_at: Timestamp,
    /// Whether the database certainly knows.
    pub(super) ticked_off: bool,
}

impl Database {
    /// Opens the connections; the writer connects at once.
    pub(super) async fn connect(url: &str) -> Result<Self, LedgerError> {
        sqlx::any::install_default_drivers();
        let dialect = Dialect::of(url)?;
        let private = url.contains(":memory:");
        if dialect == Dialect::Sqlite && !private {
            files::keep_to_ourselves(url)?;
        }
        let options = options(dialect, url)?;
        let writer = match dialect {
            Dialect::Sqlite => pool(dialect, Use::Write, 1).connect_with(options.clone()).await?,
            Dialect::Postgres => pool(dialect, Use::Write, POSTGRES_CONNECTIONS).connect_with(options.clone()).await?,
        };
        let on_file = dialect == Dialect::Sqlite && !private;
        let reader = match on_file {
            true => pool(dialect, Use::Read, SQLITE_READERS).connect_lazy_with(options.clone()),
            false => writer.clone(),
        };
        let checkpointer = on_file.then(|| pool(dialect, Use::Checkpoint, 1).connect_lazy_with(options));
        let private = private && dialect == Dialect::Sqlite;
        Ok(Self {
            dialect,
            writes: Source::new(writer.clone(), private),
            reads: Source::new(reader.clone(), private),
            writer,
            reader,
            checkpointer,
            health: Health::default(),
            keys: Keys::passing(),
            end: None,
            memory: Memory::default(),
            dealt_with: Mutex::default(),
            damaged: Mutex::default(),
            changes: watch::Sender::new(0),
        })
    }

    /// Begins what ends in a commit.
    pub(super) async fn begin(&self) -> Result<Transaction, LedgerError> {
        self.writes.begin(self.dialect.begin_write()).await
    }

    /// Begins reads that see one state.
    pub(super) async fn snapshot(&self) -> Result<Transaction, LedgerError> {
        self.reads.begin(self.dialect.begin_snapshot()).await
    }

    /// Tells this process that there may be work.
    pub(super) fn changed(&self) {
        self.written(PAGES_A_COMMIT);
    }

    /// The same, for entries of the inbox: each goes to a page of its own.
    pub(super) fn accepted(&self, entries: usize) {
        self.written(entries as u64);
    }

    fn written(&self, pages: u64) {
        self.changes.send_modify(|count| *count += pages);
    }

    /// Ticks with every change; the number is about the pages written so far.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(super) async fn close(&self) {
        self.reader.close().await;
        if let Some(checkpointer) = &self.checkpointer {
            checkpointer.close().await;
        }
        // Last, so that SQLite folds its log into the file.
        self.writer.close().await;
    }
}

fn options(dialect: Dialect, url: &str) -> Result<AnyConnectOptions, LedgerError> {
    let url = match dialect {
        Dialect::Sqlite if url.contains(":memory:") || url.contains("mode=") => url.to_owned(),
        Dialect::Sqlite if url.contains('?') => format!("{url}&mode=rwc"),
        Dialect::Sqlite => format!("{url}?mode=rwc"),
        Dialect::Postgres => verified(url)?,
    };
    Ok(AnyConnectOptions::from_str(&url)?.disable_statement_logging())
}

/// Says `sslmode=verify-full` where the address says nothing of it and the server is not on this machine. Left to itself
/// the driver would send the password in clear to whoever claims to speak no TLS.
fn verified(url: &str) -> Result<String, LedgerError> {
    let says = |key: &str| url.split(['?', '&']).any(|part| part.split('=').next() == Some(key));
    let effective = PgConnectOptions::from_str(url)?;
    let host = effective.get_host().trim_start_matches('[').trim_end_matches(']');
    let is_here = effective.get_socket().is_some()
        || host == "localhost"
        || host.starts_with('/')
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_here || says("sslmode") || says("ssl-mode") {
        return Ok(url.to_owned());
    }
    let url = url.split('#').next().unwrap_or(url);
    let joint = if url.contains('?') { '&' } else { '?' };
    Ok(format!("{url}{joint}sslmode=verify-full"))
}

/// Connections of a SQLite pool are never given up: one in memory would take its data with it.
fn pool(dialect: Dialect, purpose: Use, connections: u32) -> AnyPoolOptions {
    let pool = AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .after_connect(move |connection, _| Box::pin(async move { dialect.prepare(connection, purpose).await }));
    match dialect {
        Dialect::Sqlite => pool.idle_timeout(None).max_lifetime(None),
        Dialect::Postgres => pool.before_acquire(|connection, _| Box::pin(takes_writes(connection))),
    }
}

/// Whether the connection lives and takes writes. One to a server that was demoted or set read-only answers every
/// question and refuses every write, so another is opened, perhaps to the server that took over.
async fn takes_writes(connection: &mut sqlx::AnyConnection) -> Result<bool, sqlx::Error> {
    let ask = sqlx::query_scalar::<_, String>("SELECT current_setting('transaction_read_only')");
    Ok(ask.fetch_one(connection).await? == "off")
}

#[cfg(test)]
mod tests {
    use super::verified;

    #[test]
    fn a_server_elsewhere_must_prove_itself_unless_the_address_says_otherwise() {
        let asked = |url: &str| verified(url).unwrap().ends_with("sslmode=verify-full");
        for url in
            ["postgres://u:p@db/rekey", "postgres://u@10.0.0.7/rekey?application_name=x", "postgres://u@x/y?host=z"]
        {
            assert!(asked(url), "{url}");
        }
        for url in [
            "postgres://u@127.0.0.1:5433/rekey",
            "postgres://u@[::1]/rekey",
            "postgres://u@localhost/rekey",
            "postgres://u@%2Frun%2Fpostgresql/rekey",
            "postgres://u@db/rekey?sslmode=disable",
        ] {
            assert_eq!(verified(url).unwrap(), url);
        }
    }
}
