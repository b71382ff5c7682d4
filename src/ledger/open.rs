//! Opening: connect, bring the schema up to date, start what runs beside the callers.

use super::Ledger;
use super::database::Database;
use super::error::LedgerError;
use super::sql::Sql;
use super::{acceptance, checkpoints};
use sqlx::SqlStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use std::sync::Arc;
use tokio::task::JoinSet;

/// The files of `migrations/`, in order. A file that was ever released is never edited.
const MIGRATIONS: [(i64, &str, &str); 4] = [
    (1, "ledger", include_str!("../../migrations/0001_ledger.sql")),
    (2, "step_up", include_str!("../../migrations/0002_step_up.sql")),
    (3, "logins", include_str!("../../migrations/0003_logins.sql")),
    (4, "code_locks", include_str!("../../migrations/0004_code_locks.sql")),
];

/// Opens `sqlite:path` (made if missing), `sqlite::memory:` or `postgres://...` and migrates it. No error quotes the
/// URL, which may hold a password. Must be called on a tokio runtime.
pub async fn open(url: &str) -> Result<Arc<dyn Ledger>, LedgerError> {
    let database = Arc::new(database(url).await?);
    let (door, queue) = acceptance::door();
    let mut tasks = JoinSet::new();
    tasks.spawn(acceptance::run(queue, database.clone()));
    tasks.spawn(checkpoints::run(database.clone()));
    Ok(Arc::new(Sql { database, door, _tasks: tasks }))
}

/// The connections, with the schema up to date.
pub(super) async fn database(url: &str) -> Result<Database, LedgerError> {
    let database = Database::connect(url).await?;
    migrate(&database).await?;
    Ok(database)
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
