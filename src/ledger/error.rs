//! Why the ledger did not do it, sorted by what the caller can do about it.

use crate::secret::hide;
use sqlx::error::ErrorKind;

/// What stopped the ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Somebody else changed the rotation: load it again and try again.
    #[error("the rotation was changed by somebody else")]
    Conflict,
    /// The claim was overtaken: drop what is held, report nothing.
    #[error("the claim was overtaken by another worker")]
    Fenced,
    /// The database does not answer or takes no more: wait. A change may or may not have happened.
    #[error("the database is unavailable: {why}")]
    Unavailable {
        /// What the database said.
        why: String,
    },
    /// The database as a whole is not believed: nothing is done by it until that is settled.
    #[error("the database is not believed: {why}")]
    Doubted {
        /// In words.
        why: String,
    },
    /// What is stored contradicts itself: a person must look.
    #[error("the database is inconsistent: table {table}, column {column}, row {row}")]
    Broken {
        /// In which table.
        table: &'static str,
        /// In which column.
        column: &'static str,
        /// In which row, by its key.
        row: String,
    },
}

impl LedgerError {
    pub(super) fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable { why: hide(&why.into()) }
    }

    pub(super) fn broken(table: &'static str, column: &'static str, row: impl Into<String>) -> Self {
        Self::Broken { table, column, row: row.into() }
    }
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(database) => from_database(database.as_ref()),
            // Its text may quote the URL, password included.
            sqlx::Error::Configuration(_) => Self::unavailable("the database URL is not understood"),
            other => Self::unavailable(other.to_string()),
        }
    }
}

fn from_database(error: &dyn sqlx::error::DatabaseError) -> LedgerError {
    /// PostgreSQL: two transactions met, and this one gave way.
    const GAVE_WAY: [&str; 2] = ["40001", "40P01"];
    let gave_way = error.code().is_some_and(|code| GAVE_WAY.contains(&code.as_ref()));
    if gave_way || error.kind() == ErrorKind::UniqueViolation {
        return LedgerError::Conflict;
    }
    LedgerError::unavailable(error.message())
}
