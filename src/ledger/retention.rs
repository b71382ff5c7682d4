//! Forgetting what is over for long: closed rotations and what was told. The journal keeps every line, and one more for each
//! rotation that it no longer finds. One that made tokens which may be alive is kept.

use super::database::Database;
use super::error::LedgerError;
use super::journal;
use super::records::Line;
use super::rotations;
use super::row::millis;
use crate::rotation::ids::RotationId;
use crate::rotation::phase::{Outcome, Phase};
use crate::rotation::record::Rotation;
use jiff::Timestamp;
use sqlx::Row as _;

/// Rotations forgotten at once; the rest comes next time.
const MOST: i64 = 500;

/// How many rotations were closed before `before` and are forgotten now.
pub(super) async fn forget(database: &Database, before: Timestamp, now: Timestamp) -> Result<u64, LedgerError> {
    sqlx::query("DELETE FROM told WHERE at < $1").bind(millis(before)).execute(&database.writer).await?;
    let rows = sqlx::query("SELECT id FROM rotation WHERE is_open = 0 AND opened_at < $1 ORDER BY opened_at LIMIT $2")
        .bind(millis(before))
        .bind(MOST)
        .fetch_all(&database.reader)
        .await?;
    let mut forgotten = 0;
    for row in &rows {
        // One that cannot be read, or is not as it was left, holds up nobody else; the audit tells of it.
        let Ok(Some(rotation)) = rotations::load(database, &RotationId(row.try_get("id")?)).await else { continue };
        let is_over = matches!(rotation.phase, Phase::Closed { at, .. } if at < before);
        if is_over && !is_needed(database, &rotation, now).await? {
            forgotten += u64::from(forget_one(database, &rotation, now).await?);
        }
    }
    Ok(forgotten)
}

/// Whether tokens that it made may be alive: nothing else tells the next rotation whose they are. Once one has swept them,
/// they are not.
async fn is_needed(database: &Database, rotation: &Rotation, now: Timestamp) -> Result<bool, LedgerError> {
    if !rotation.may_have_left_tokens(now) {
        return Ok(false);
    }
    let later = sqlx::query("SELECT id FROM rotation WHERE token = $1 AND is_open = 0 AND opened_at > $2")
        .bind(rotation.plan.token.as_str())
        .bind(millis(rotation.opened_at))
        .fetch_all(&database.reader)
        .await?;
    for row in &later {
        // Only what rekey wrote itself says that they were swept.
        let Ok(Some(later)) = rotations::load(database, &RotationId(row.try_get("id")?)).await else { continue };
        let done = matches!(later.phase, Phase::Closed { outcome: Outcome::Done, .. });
        if done && later.plan.leftovers.iter().any(|left| left.rotation == rotation.id) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// False if another replica was faster.
async fn forget_one(database: &Database, rotation: &Rotation, now: Timestamp) -> Result<bool, LedgerError> {
    let mut tx = database.begin().await?;
    let id = rotation.id.as_str();
    sqlx::query("DELETE FROM lane WHERE rotation = $1").bind(id).execute(&mut *tx).await?;
    sqlx::query("DELETE FROM reference WHERE rotation = $1").bind(id).execute(&mut *tx).await?;
    let done = sqlx::query("DELETE FROM rotation WHERE id = $1 AND is_open = 0").bind(id).execute(&mut *tx).await?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    let line = Line {
        at: now,
        actor: "rekey".into(),
        event: journal::FORGOTTEN.into(),
        detail: serde_json::json!({ "key": rotation.key.to_string(), "token": rotation.plan.token }),
    };
    journal::append(&mut tx, &database.keys, Some(&rotation.id), None, &line).await?;
    tx.commit().await?;
    Ok(true)
}
