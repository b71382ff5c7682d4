//! Rotations: opened once, changed one version at a time, each with its journal line, lanes and references.

use super::columns::{self, columns};
use super::database::Database;
use super::dialect::{Row, storable};
use super::error::LedgerError;
use super::journal::{self, Change};
use super::records::{Claim, Filter, Line, Opened};
use super::row::{Columns, millis};
use super::trail::{self, LOOKS, Last};
use super::{lanes, references};
use crate::rotation::ids::RotationId;
use crate::rotation::record::Rotation;
use crate::telemetry::DOUBTED_ROWS;
use sqlx::{AnyConnection, Row as _};
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// More is not what somebody meant who typed a name: `0` begins every id there is.
const MOST_FOUND: i64 = 50;

pub(super) async fn open(database: &Database, rotation: &Rotation, line: &Line) -> Result<Opened, LedgerError> {
    nothing_is_missing(database).await?;
    nothing_is_disguised(database).await?;
    let columns = Columns::of(rotation);
    let mut tx = database.begin().await?;
    if !insert(&mut tx, rotation, &columns).await? {
        return existing(&mut tx, rotation).await;
    }
    follow_up(database, &mut tx, rotation, &columns, line).await?;
    tx.commit().await?;
    database.changed();
    Ok(Opened::New)
}

/// False if the key was ever used or the token has another open rotation.
async fn insert(tx: &mut AnyConnection, rotation: &Rotation, columns: &Columns) -> Result<bool, LedgerError> {
    let done = sqlx::query(
        "INSERT INTO rotation \
             (id, key, host, token_id, token, expires_on, phase, is_open, version, opened_at, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
    )
    .bind(rotation.id.as_str())
    .bind(rotation.key.to_string())
    .bind(rotation.key.host.as_str())
    .bind(rotation.key.token_text())
    .bind(rotation.plan.token.as_str())
    .bind(columns.expires_on.as_str())
    .bind(columns.phase)
    .bind(columns.is_open)
    .bind(columns.version)
    .bind(millis(rotation.opened_at))
    .bind(columns.body.as_str())
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn existing(tx: &mut AnyConnection, rotation: &Rotation) -> Result<Opened, LedgerError> {
    let row = sqlx::query(
        "SELECT id FROM rotation \
         WHERE key = $1 OR (is_open = 1 AND ((host = $2 AND token_id = $3) OR token = $4)) \
         ORDER BY is_open DESC, opened_at DESC LIMIT 1",
    )
    .bind(rotation.key.to_string())
    .bind(rotation.key.host.as_str())
    .bind(rotation.key.token_text())
    .bind(rotation.plan.token.as_str())
    .fetch_optional(tx)
    .await?;
    match row {
        Some(row) => Ok(Opened::Existing(RotationId(row.try_get("id")?))),
        // It was closed between the two statements.
        None => Err(LedgerError::Conflict),
    }
}

pub(super) async fn commit(
    database: &Database,
    after: &Rotation,
    line: &Line,
    claim: Option<&Claim>,
) -> Result<(), LedgerError> {
    let columns = Columns::of(after);
    let mut tx = database.begin().await?;
    // The rotation's row is locked first by everyone, so that nobody waits in a circle.
    update(&mut tx, after, &columns).await?;
    if let Some(claim) = claim {
        lanes::fence(&mut tx, claim).await?;
    }
    follow_up(database, &mut tx, after, &columns, line).await?;
    tx.commit().await?;
    database.changed();
    Ok(())
}

/// Writes whatever is derived from the rotation, so that no column outlives what somebody else made of it.
pub(super) async fn update(tx: &mut AnyConnection, after: &Rotation, columns: &Columns) -> Result<(), LedgerError> {
    let done = sqlx::query(
        "UPDATE rotation SET key = $2, host = $3, token_id = $4, token = $5, expires_on = $6, phase = $7, is_open = $8, \
             opened_at = $9, version = $10, body = $11 WHERE id = $1 AND version = $10 - 1",
    )
    .bind(after.id.as_str())
    .bind(after.key.to_string())
    .bind(after.key.host.as_str())
    .bind(after.key.token_text())
    .bind(after.plan.token.as_str())
    .bind(columns.expires_on.as_str())
    .bind(columns.phase)
    .bind(columns.is_open)
    .bind(millis(after.opened_at))
    .bind(columns.version)
    .bind(columns.body.as_str())
    .execute(tx)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(LedgerError::Conflict) }
}

pub(super) async fn follow_up(
    database: &Database,
    tx: &mut AnyConnection,
    rotation: &Rotation,
    columns: &Columns,
    line: &Line,
) -> Result<(), LedgerError> {
    lanes::put(database.dialect, &mut *tx, rotation).await?;
    references::put(database.dialect, &mut *tx, rotation).await?;
    let change = Change { version: columns.version, digest: &columns.digest };
    journal::append(tx, &database.keys, Some(&rotation.id), Some(change), line).await
}

/// A row that somebody took out would let the same case begin anew, so no case begins while one is missing.
async fn nothing_is_missing(database: &Database) -> Result<(), LedgerError> {
    for _ in 0..LOOKS {
        let row = sqlx::query("SELECT COUNT(*) AS many FROM rotation").fetch_one(&database.reader).await?;
        let many: i64 = row.try_get("many")?;
        let before = database.memory.lock().trail.rows.len();
        trail::catch_up(database).await?;
        let after = database.memory.lock().trail.rows.len();
        if (before.min(after)..=before.max(after)).contains(&usize::try_from(many).unwrap_or_default()) {
            return Ok(());
        }
    }
    Err(LedgerError::broken("rotation", "id", "one that is missing or was put there"))
}

/// Uniqueness is a matter of columns, so one whose columns say something else than its body would let the same case begin
/// anew. What a body of this digest makes of them does not change: only rows that changed since are read whole.
async fn nothing_is_disguised(database: &Database) -> Result<(), LedgerError> {
    let rows = sqlx::query(concat!("SELECT ", columns!(derived), " FROM rotation")).fetch_all(&database.reader).await?;
    for row in &rows {
        let (id, shown): (String, String) = (row.try_get("id")?, columns::shown(row)?);
        if !database.memory.has_believed(&id, &shown) {
            load(database, &RotationId(id)).await?;
        }
    }
    database.memory.forget_believed();
    Ok(())
}

/// Changes between looking at a row and at its last line that are put up with in a row.
const RACES: usize = 100;

/// The row as its last line left it; any other is not believed.
pub(super) async fn load(database: &Database, id: &RotationId) -> Result<Option<Rotation>, LedgerError> {
    let id = storable(id.as_str());
    let (mut column, mut looks) = ("id", 0);
    for _ in 0..RACES {
        let row = sqlx::query(concat!("SELECT ", columns!(), " FROM rotation WHERE id = $1"))
            .bind(id.as_str())
            .fetch_optional(&database.reader)
            .await?;
        trail::catch_up(database).await?;
        let last = database.memory.last(&id);
        match row {
            None if last.is_none() => return Ok(None),
            None => column = "id",
            Some(row) => match columns::believed(&row, last.as_ref())? {
                Ok(rotation) => {
                    database.memory.believe(&id, columns::expected(&rotation));
                    database.damaged.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
                    return Ok(Some(rotation));
                }
                // It was changed between the two looks, and says nothing against the row.
                Err(_) if is_older(&row, last.as_ref())? => continue,
                Err(differs) => column = differs,
            },
        }
        looks += 1;
        if looks == LOOKS {
            break;
        }
    }
    database.damaged.lock().unwrap_or_else(PoisonError::into_inner).entry(id.clone()).or_insert((column, false));
    Err(LedgerError::broken("rotation", column, id))
}

/// Rotations that were found damaged since this was asked last, and in which column. It is kept here and not in the
/// database, where whoever damages one could say that people were told of it.
pub(super) fn take_damaged(database: &Database) -> BTreeMap<RotationId, &'static str> {
    let mut damaged = database.damaged.lock().unwrap_or_else(PoisonError::into_inner);
    let untold = damaged.iter_mut().filter(|(_, (_, told))| !told);
    untold
        .map(|(id, (column, told))| {
            *told = true;
            (RotationId(id.clone()), *column)
        })
        .collect()
}

fn is_older(row: &Row, last: Option<&Last>) -> Result<bool, LedgerError> {
    let version: i64 = row.try_get("version")?;
    Ok(last.is_some_and(|last| version < last.version))
}

/// What can be believed of many; one that cannot holds up nobody else.
async fn believed(database: &Database, rows: Vec<Row>) -> Result<Vec<Rotation>, LedgerError> {
    trail::catch_up(database).await?;
    let mut believed = Vec::with_capacity(rows.len());
    for row in rows {
        let id: String = row.try_get("id")?;
        if let Ok(rotation) = columns::believed(&row, database.memory.last(&id).as_ref())? {
            believed.push(rotation);
            continue;
        }
        match load(database, &RotationId(id.clone())).await {
            Ok(found) => believed.extend(found),
            Err(error @ LedgerError::Broken { .. }) => {
                metrics::counter!(DOUBTED_ROWS).increment(1);
                tracing::error!(rotation = id, %error, "a rotation is not as rekey left it; `rekey audit verify` says more");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(believed)
}

pub(super) async fn find(database: &Database, text: &str) -> Result<Vec<Rotation>, LedgerError> {
    let text = storable(text);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM rotation WHERE token = $1 OR substr(id, 1, length($2)) = $2 ORDER BY opened_at DESC, id DESC LIMIT $3",
    ))
    .bind(text.as_str())
    .bind(text.to_ascii_lowercase())
    .bind(MOST_FOUND)
    .fetch_all(&database.reader)
    .await?;
    believed(database, rows).await
}

pub(super) async fn list(database: &Database, filter: Filter) -> Result<Vec<Rotation>, LedgerError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM rotation WHERE is_open >= $1 AND ($2 = '' OR token = $2) ORDER BY opened_at DESC, id DESC LIMIT $3",
    ))
    .bind(i64::from(filter.open_only))
    .bind(filter.token.map(|token| token.0).unwrap_or_default())
    .bind(i64::from(filter.limit))
    .fetch_all(&database.reader)
    .await?;
    believed(database, rows).await
}

/// Open rotations by phase.
pub(super) async fn phases(database: &Database) -> Result<Vec<(String, u64)>, LedgerError> {
    let rows = sqlx::query("SELECT phase, COUNT(*) AS many FROM rotation WHERE is_open = 1 GROUP BY phase")
        .fetch_all(&database.reader)
        .await?;
    let count = |row: &sqlx::any::AnyRow| Ok((row.try_get("phase")?, row.try_get::<i64, _>("many")?.unsigned_abs()));
    rows.iter().map(count).collect::<Result<_, sqlx::Error>>().map_err(LedgerError::from)
}
