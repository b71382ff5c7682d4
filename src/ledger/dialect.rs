//! All that differs between SQLite and PostgreSQL.

use super::error::LedgerError;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Executor};

/// Which database answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// One file, one process; one connection writes.
    Sqlite,
    /// A server, any number of replicas.
    Postgres,
}

/// What a connection may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Write,
    Read,
    Checkpoint,
}

impl Dialect {
    pub(super) fn of(url: &str) -> Result<Self, LedgerError> {
        match url.split(':').next() {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            _ => Err(LedgerError::unavailable("the database URL begins with neither sqlite: nor postgres:")),
        }
    }

    /// SQLite would otherwise take the write lock late, where it can no longer wait for it.
    pub(super) fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// All reads of the transaction see one state.
    pub(super) fn begin_snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// Ends a sub-select of rows that are about to be claimed: replicas pass each other by instead of queueing.
    pub(super) fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// Stores entries, given as one JSON array of `[key, kind, body, received_at, seal]`; fails whole if one is known.
    /// Without `WHERE true` SQLite would read a conflict clause behind it as part of a join.
    pub(super) fn insert_entries(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "INSERT INTO inbox (key, kind, body, received_at, seal) \
                 SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each($1) WHERE true"
            }
            Self::Postgres => {
                "INSERT INTO inbox (key, kind, body, received_at, seal) \
                 SELECT entry ->> 0, entry ->> 1, entry ->> 2, (entry ->> 3)::BIGINT, entry ->> 4 \
                 FROM json_array_elements($1::JSON) AS entry"
            }
        }
    }

    /// `($1, $2), ($3, $4)` and so on. SQLite knows `$1` too, but searches such names one by one.
    pub(super) fn rows(self, rows: usize, columns: usize) -> String {
        let mut text = String::with_capacity(rows * columns * 7);
        for row in 0..rows {
            text += if row == 0 { "(" } else { ", (" };
            for column in 1..=columns {
                text += if column == 1 { "" } else { ", " };
                text += &self.parameter(row * columns + column);
            }
            text += ")";
        }
        text
    }

    fn parameter(self, number: usize) -> String {
        match self {
            Self::Sqlite => "?".to_owned(),
            Self::Postgres => format!("${number}"),
        }
    }

    /// Prepares a new connection.
    pub(super) async fn prepare(self, connection: &mut AnyConnection, purpose: Use) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite => sqlite_pragmas(connection, purpose).await,
            Self::Postgres => Ok(()),
        }
    }
}

/// Commits are durable (FULL). The writer checkpoints only if the checkpointer falls far behind, since a checkpoint
/// makes everyone wait.
async fn sqlite_pragmas(connection: &mut AnyConnection, purpose: Use) -> Result<(), sqlx::Error> {
    let own = match purpose {
        Use::Write => "PRAGMA wal_autocheckpoint = 32000;",
        Use::Checkpoint => "PRAGMA wal_autocheckpoint = 0;",
        Use::Read => "PRAGMA query_only = ON;",
    };
    let all = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
               PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;";
    let text = format!("{all}{own}");
    Executor::execute(connection, sqlx::raw_sql(AssertSqlSafe(text))).await.map(|_: sqlx::any::AnyQueryResult| ())
}

/// PostgreSQL's TEXT cannot hold NUL; text from outside is stored without it on both.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Rows of either database.
pub(super) type Row = <Any as sqlx::Database>::Row;
