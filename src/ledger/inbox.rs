//! The inbox after acceptance: entries are taken, dealt with or put off, and forgotten in the end.

use super::database::Database;
use super::dialect::{Row, storable};
use super::error::LedgerError;
use super::records::Item;
use super::row::{millis, moment, number};
use crate::secret::hide;
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row as _};

/// Taking moves the moment of readiness to the end of the lease, so an entry that nobody reports on comes back.
pub(super) async fn take(
    database: &Database,
    kind: &str,
    now: Timestamp,
    lease_until: Timestamp,
    limit: u32,
) -> Result<Vec<Item>, LedgerError> {
    let statement = format!(
        "WITH ready AS MATERIALIZED ( \
             SELECT key FROM inbox WHERE done = 0 AND ready_at <= $1 AND kind = $4 ORDER BY ready_at, received_at LIMIT $3 {} \
         ) \
         UPDATE inbox SET epoch = epoch + 1, ready_at = $2 \
         WHERE key IN (SELECT key FROM ready) AND done = 0 AND ready_at <= $1 \
         RETURNING key, kind, body, received_at, tries, epoch",
        database.dialect.skip_locked()
    );
    let rows = sqlx::query(AssertSqlSafe(statement))
        .bind(millis(now))
        .bind(millis(lease_until))
        .bind(i64::from(limit))
        .bind(kind.to_owned())
        .fetch_all(&database.writer)
        .await?;
    let mut items = rows.iter().map(item).collect::<Result<Vec<_>, _>>()?;
    items.sort_by(|a, b| (a.received_at, &a.key).cmp(&(b.received_at, &b.key)));
    Ok(items)
}

fn item(row: &Row) -> Result<Item, LedgerError> {
    let key: String = row.try_get("key")?;
    Ok(Item {
        kind: row.try_get("kind")?,
        body: row.try_get("body")?,
        received_at: moment(row, "received_at").map_err(|_| LedgerError::broken("inbox", "received_at", &key))?,
        tries: u32::try_from(number(row, "tries")?).unwrap_or(u32::MAX),
        epoch: number(row, "epoch")?,
        key,
    })
}

pub(super) async fn done(database: &Database, item: &Item) -> Result<(), LedgerError> {
    let done = sqlx::query("UPDATE inbox SET done = 1, body = '' WHERE key = $1 AND epoch = $2")
        .bind(item.key.as_str())
        .bind(item.epoch.cast_signed())
        .execute(&database.writer)
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(LedgerError::Fenced) }
}

pub(super) async fn later(database: &Database, item: &Item, from: Timestamp, why: &str) -> Result<(), LedgerError> {
    let done = sqlx::query(
        "UPDATE inbox SET ready_at = $3, tries = tries + 1, why = $4 WHERE key = $1 AND epoch = $2 AND done = 0",
    )
    .bind(item.key.as_str())
    .bind(item.epoch.cast_signed())
    .bind(millis(from))
    .bind(storable(&hide(why)))
    .execute(&database.writer)
    .await?;
    if done.rows_affected() != 1 {
        return Err(LedgerError::Fenced);
    }
    database.changed();
    Ok(())
}

pub(super) async fn forget(database: &Database, before: Timestamp) -> Result<u64, LedgerError> {
    let done = sqlx::query("DELETE FROM inbox WHERE done = 1 AND received_at < $1")
        .bind(millis(before))
        .execute(&database.writer)
        .await?;
    Ok(done.rows_affected())
}
