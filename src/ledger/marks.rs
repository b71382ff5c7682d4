//! Small marks: whose turn it is, what was told before.

use super::database::Database;
use super::dialect::storable;
use super::error::LedgerError;
use super::row::millis;
use crate::rotation::policy::later;
use jiff::Timestamp;

/// One statement decides, so of several callers one gets it.
pub(super) async fn take_turn(
    database: &Database,
    name: &str,
    now: Timestamp,
    every_seconds: u64,
) -> Result<bool, LedgerError> {
    let done = sqlx::query(
        "INSERT INTO turn (name, next_at) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET next_at = excluded.next_at WHERE turn.next_at <= $3",
    )
    .bind(storable(name))
    .bind(millis(later(now, every_seconds)))
    .bind(millis(now))
    .execute(&database.writer)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The key stays until it is forgotten with what is over for long.
pub(super) async fn first_time(database: &Database, key: &str, now: Timestamp) -> Result<bool, LedgerError> {
    let done = sqlx::query("INSERT INTO told (key, at) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING")
        .bind(storable(key))
        .bind(millis(now))
        .execute(&database.writer)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether [`first_time`] was asked for this key before.
pub(super) async fn was_told(database: &Database, key: &str) -> Result<bool, LedgerError> {
    let found =
        sqlx::query("SELECT key FROM told WHERE key = $1").bind(storable(key)).fetch_optional(&database.writer).await?;
    Ok(found.is_some())
}
