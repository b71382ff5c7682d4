//! Opening: connect, bring the schema up to date, start what runs beside the callers.

use super::Ledger;
use super::database::Database;
use super::dialect::Dialect;
use super::doubt::Word;
use super::error::LedgerError;
use super::keys::Keys;
use super::sql::Sql;
use super::{acceptance, checkpoints, stock};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Row as _, SqlStr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::JoinSet;

/// The files of `migrations/`, in order. A file that was ever released is never edited.
const MIGRATIONS: [(i64, &str, &str); 6] = [
    (1, "ledger", include_str!("../../migrations/0001_ledger.sql")),
    (2, "step_up", include_str!("../../migrations/0002_step_up.sql")),
    (3, "logins", include_str!("../../migrations/0003_logins.sql")),
    (4, "seals", include_str!("../../migrations/0004_seals.sql")),
    (5, "code_locks", include_str!("../../migrations/0005_code_locks.sql")),
    (6, "lapsed_leases", include_str!("../../migrations/0006_lapsed_leases.sql")),
];

/// What guards a ledger from outside the database.
#[derive(Clone, Default)]
pub struct Guard {
    /// With what it seals. Unset: a key beside a SQLite file, which is made if the database was never sealed.
    pub keys: Option<Keys>,
    /// The file that knows the end of the journal. Unset: one beside a SQLite file.
    pub end: Option<PathBuf>,
    /// What somebody says of it who starts the bot.
    pub word: Word,
}

/// Opens `sqlite:path` (made if missing) or `sqlite::memory:`, guarded by what lies beside it.
pub async fn open(url: &str) -> Result<Arc<dyn Ledger>, LedgerError> {
    open_guarded(url, Guard::default()).await
}

/// Opens `sqlite:path` (made if missing), `sqlite::memory:` or `postgres://...` and migrates it. No error quotes the
/// URL, which may hold a password. Must be called on a tokio runtime.
pub async fn open_guarded(url: &str, guard: Guard) -> Result<Arc<dyn Ledger>, LedgerError> {
    let word = guard.word;
    let database = Arc::new(database_with(url, guard).await?);
    stock::take(&database, word).await?;
    let (door, queue) = acceptance::door();
    let mut tasks = JoinSet::new();
    tasks.spawn(acceptance::run(queue, database.clone()));
    tasks.spawn(checkpoints::run(database.clone()));
    tasks.spawn(stock::end::keep(database.clone()));
    Ok(Arc::new(Sql { database, door, _tasks: tasks }))
}

/// The connections, with the schema up to date.
#[cfg(test)]
pub(super) async fn database(url: &str) -> Result<Database, LedgerError> {
    database_with(url, Guard::default()).await
}

async fn database_with(url: &str, guard: Guard) -> Result<Database, LedgerError> {
    let mut database = Database::connect(url).await?;
    migrate(&database).await?;
    let file = file_of(url);
    let beside = |end: &str| file.as_ref().map(|file| PathBuf::from(format!("{file}.{end}")));
    database.end = guard.end.or_else(|| beside("head"));
    if let Some(keys) = guard.keys {
        database.keys = keys;
    } else if let Some(path) = beside("key") {
        database.keys = key_beside(&database, &path).await?;
    } else if database.dialect == Dialect::Postgres {
        return Err(LedgerError::Doubted { why: "a PostgreSQL database needs a key: [database] key".into() });
    }
    Ok(database)
}

/// The file of a SQLite database that has one.
fn file_of(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite:").filter(|path| !path.contains(":memory:"))?;
    let path = path.strip_prefix("//").unwrap_or(path);
    path.split('?').next()
}

async fn key_beside(database: &Database, path: &Path) -> Result<Keys, LedgerError> {
    let row = sqlx::query("SELECT seal FROM journal_head WHERE id = 1").fetch_optional(&database.writer).await?;
    let seal: String = row.map_or(Ok(String::new()), |row| row.try_get("seal"))?;
    let path_text = path.display();
    match Keys::beside(path, seal.is_empty()) {
        Ok(Some(keys)) => Ok(keys),
        Ok(None) => {
            let why = format!(
                "its key is missing: put {path_text} back. If it is lost, make a new one with `openssl rand -base64 32` and \
                 start once with `rekey serve --new`: what waits for approval is asked anew, and codes and logins are reset \
                 by hand"
            );
            Err(LedgerError::Doubted { why })
        }
        Err(error) => Err(LedgerError::unavailable(format!("its key {path_text} cannot be used: {error}"))),
    }
}

async fn migrate(database: &Database) -> Result<(), LedgerError> {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, SqlStr::from_static(sql), false)
    });
    Migrator::with_migrations(migrations.into()).run(&database.writer).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => LedgerError::unavailable(format!("its schema does not fit this version of rekey: {other}")),
    })
}
