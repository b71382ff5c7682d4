//! The journal: appended in the transaction of what it tells of, read by rotation.

use super::chain::Link;
use super::database::Database;
use super::dialect::{Row, storable};
use super::error::LedgerError;
use super::records::{Line, Stamped};
use super::row::millis;
use crate::rotation::ids::RotationId;
use crate::secret::{hide, hide_in};
use jiff::Timestamp;
use sqlx::{AnyConnection, Row as _};

/// The event of a line that tells that a closed rotation is no longer kept.
pub(super) const FORGOTTEN: &str = "forgotten";

/// The row that a line left behind.
pub(super) struct Change<'a> {
    pub(super) version: i64,
    pub(super) digest: &'a str,
}

/// Adds a line at the end. Taking the next number locks the end, so it comes last in a transaction.
pub(super) async fn append(
    tx: &mut AnyConnection,
    rotation: Option<&RotationId>,
    change: Option<Change<'_>>,
    line: &Line,
) -> Result<(), LedgerError> {
    let mut detail = line.detail.clone();
    hide_in(&mut detail, |_| true);
    let end = sqlx::query("UPDATE journal_head SET seq = seq + 1 WHERE id = 1 RETURNING seq, hash")
        .fetch_optional(&mut *tx)
        .await?
        .ok_or_else(|| LedgerError::broken("journal_head", "id", "1"))?;
    let link = Link {
        seq: end.try_get("seq")?,
        at: millis(line.at),
        rotation: rotation.map(|id| storable(id.as_str())),
        version: change.as_ref().map(|change| change.version),
        digest: change.map(|change| change.digest.to_owned()),
        actor: storable(&hide(&line.actor)),
        event: storable(&hide(&line.event)),
        detail: detail.to_string(),
    };
    let hash = link.hash(end.try_get("hash")?);
    sqlx::query("UPDATE journal_head SET hash = $1 WHERE id = 1").bind(hash.as_str()).execute(&mut *tx).await?;
    insert(tx, link, hash).await
}

async fn insert(tx: &mut AnyConnection, link: Link, hash: String) -> Result<(), LedgerError> {
    sqlx::query(
        "INSERT INTO journal (seq, at, rotation, version, digest, actor, event, detail, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(link.seq)
    .bind(link.at)
    .bind(link.rotation)
    .bind(link.version)
    .bind(link.digest)
    .bind(link.actor)
    .bind(link.event)
    .bind(link.detail)
    .bind(hash)
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn note(database: &Database, rotation: Option<&RotationId>, line: &Line) -> Result<(), LedgerError> {
    let mut tx = database.begin().await?;
    append(&mut tx, rotation, None, line).await?;
    tx.commit().await?;
    Ok(())
}

pub(super) async fn of(database: &Database, id: &RotationId) -> Result<Vec<Stamped>, LedgerError> {
    let rows = sqlx::query(
        "SELECT seq, at, rotation, version, digest, actor, event, detail, hash \
         FROM journal WHERE rotation = $1 ORDER BY seq",
    )
    .bind(storable(id.as_str()))
    .fetch_all(&database.reader)
    .await?;
    rows.iter().map(stamped).collect()
}

/// A line exactly as stored, with its hash.
pub(super) fn link(row: &Row) -> Result<(Link, String), sqlx::Error> {
    let link = Link {
        seq: row.try_get("seq")?,
        at: row.try_get("at")?,
        rotation: row.try_get("rotation")?,
        version: row.try_get("version")?,
        digest: row.try_get("digest")?,
        actor: row.try_get("actor")?,
        event: row.try_get("event")?,
        detail: row.try_get("detail")?,
    };
    Ok((link, row.try_get("hash")?))
}

fn stamped(row: &Row) -> Result<Stamped, LedgerError> {
    let (link, hash) = link(row)?;
    let broken = |column| LedgerError::broken("journal", column, link.seq.to_string());
    Ok(Stamped {
        seq: link.seq.cast_unsigned(),
        rotation: link.rotation.clone().map(RotationId),
        version: link.version.map(i64::cast_unsigned),
        line: Line {
            at: Timestamp::from_millisecond(link.at).map_err(|_| broken("at"))?,
            detail: serde_json::from_str(&link.detail).map_err(|_| broken("detail"))?,
            actor: link.actor.clone(),
            event: link.event.clone(),
        },
        hash,
    })
}
