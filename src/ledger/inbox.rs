//! The inbox after acceptance: entries are taken, dealt with or put off, and forgotten in the end.

use super::database::{Database, DealtWith};
use super::dialect::{Row, storable};
use super::error::LedgerError;
use super::journal;
use super::keys::Keys;
use super::records::{Item, Line};
use super::row::{millis, moment, number};
use crate::secret::hide;
use crate::telemetry::DOUBTED_ROWS;
use jiff::{SignedDuration, Timestamp};
use sqlx::{AssertSqlSafe, Row as _};
use std::sync::PoisonError;

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
         RETURNING key, kind, body, received_at, tries, epoch, seal",
        database.dialect.skip_locked()
    );
    let rows = sqlx::query(AssertSqlSafe(statement))
        .bind(millis(now))
        .bind(millis(lease_until))
        .bind(i64::from(limit))
        .bind(kind.to_owned())
        .fetch_all(&database.writer)
        .await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        let (item, seal) = (item(row)?, row.try_get::<String, _>("seal")?);
        match state(database, &item, &seal) {
            Entry::New => items.push(item),
            Entry::Void => {
                tracing::warn!(key = item.key, "what somebody asked for before the journal began again is void");
                drop_it(database, &item).await?;
            }
            Entry::Left => drop_it(database, &item).await?,
            Entry::Strange => refuse(database, &item, now).await?,
        }
    }
    items.sort_by(|a, b| (a.received_at, &a.key).cmp(&(b.received_at, &b.key)));
    Ok(items)
}

/// What we say of an entry that we took in.
pub(super) fn seal(keys: &Keys, key: &str, kind: &str, body: &str, received_at: i64) -> String {
    keys.seal("inbox", &[key, kind, body, &received_at.to_string()])
}

/// What an entry is that is ready.
enum Entry {
    /// It came in by a door, and nobody dealt with it.
    New,
    /// It was about something else.
    Void,
    /// It was dealt with here, and could not be ticked off.
    Left,
    /// It did not come in by a door, or somebody put it back.
    Strange,
}

fn state(database: &Database, item: &Item, seal: &str) -> Entry {
    let at = millis(item.received_at).to_string();
    if !database.keys.fits(seal, "inbox", &[&item.key, &item.kind, &item.body, &at]) {
        return Entry::Strange;
    }
    let dealt_with = database.dealt_with.lock().unwrap_or_else(PoisonError::into_inner).get(&item.key).copied();
    match dealt_with {
        Some(DealtWith { ticked_off: true, .. }) => Entry::Strange,
        Some(_) => Entry::Left,
        None if is_void(database, item) => Entry::Void,
        None => Entry::New,
    }
}

/// Whether it came before the journal began again, and was about something else.
fn is_void(database: &Database, item: &Item) -> bool {
    let state = database.memory.lock();
    state.trail.void.get(&item.kind).is_some_and(|began| millis(item.received_at) < *began)
}

async fn drop_it(database: &Database, item: &Item) -> Result<(), LedgerError> {
    match done(database, item).await {
        Ok(()) | Err(LedgerError::Fenced) => Ok(()),
        Err(error) => Err(error),
    }
}

/// It did not come in by any door. That is written down, and nothing else is done about it.
async fn refuse(database: &Database, item: &Item, now: Timestamp) -> Result<(), LedgerError> {
    tracing::error!(key = item.key, "an entry of the inbox that rekey did not take in; it is dropped");
    metrics::counter!(DOUBTED_ROWS).increment(1);
    let detail = serde_json::json!({ "kind": item.kind, "key": crate::rotation::view::text::cut(&item.key, 200) });
    let line = Line { at: now, actor: "rekey".into(), event: "forged_entry".into(), detail };
    match done(database, item).await {
        Ok(()) => journal::note(database, None, &line).await,
        Err(LedgerError::Fenced) => Ok(()),
        Err(error) => Err(error),
    }
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

/// How long it is remembered what was dealt with: an older click is too old anyway, and a notice only hints.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);

pub(super) async fn done(database: &Database, item: &Item) -> Result<(), LedgerError> {
    remember(database, item, false);
    let done = sqlx::query("UPDATE inbox SET done = 1, body = '' WHERE key = $1 AND epoch = $2")
        .bind(item.key.as_str())
        .bind(item.epoch.cast_signed())
        .execute(&database.writer)
        .await?;
    if done.rows_affected() != 1 {
        return Err(LedgerError::Fenced);
    }
    remember(database, item, true);
    Ok(())
}

/// First before it is written down: what could not be ticked off was dealt with all the same.
fn remember(database: &Database, item: &Item, ticked_off: bool) {
    let mut dealt_with = database.dealt_with.lock().unwrap_or_else(PoisonError::into_inner);
    if dealt_with.len() >= 1024 && dealt_with.len().is_power_of_two() {
        dealt_with.retain(|_, of| item.received_at.duration_since(of.received_at) < REMEMBERED);
    }
    let of = dealt_with.entry(item.key.clone()).or_insert(DealtWith { received_at: item.received_at, ticked_off });
    of.ticked_off |= ticked_off;
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
