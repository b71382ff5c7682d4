//! The journal: appended in the transaction of what it tells of, read by rotation.

use super::chain::{HOLDS, Link};
use super::database::Database;
use super::dialect::{Row, storable};
use super::error::LedgerError;
use super::keys::Keys;
use super::records::{Line, Stamped};
use super::row::millis;
use crate::rotation::ids::RotationId;
use crate::secret::{hide, hide_in};
use jiff::Timestamp;
use sqlx::{AnyConnection, Row as _};

/// The event of a line that tells that a closed rotation is no longer kept.
pub(super) const FORGOTTEN: &str = "forgotten";

/// The event of the line that seals, with the first key, what was written before there were keys.
pub(super) const ADOPTED: &str = "adopted";
/// The event of the line by which a person says that a database without rotations is right.
pub const FOUNDED: &str = "founded";
/// The event of a line behind which the journal begins again.
pub(super) const GAP: &str = "gap";

/// A line exactly as stored.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    pub(super) link: Link,
    pub(super) hash: String,
    pub(super) seal: String,
}

/// Whether the line with this number and hash was written by us.
pub(super) fn is_ours(keys: &Keys, seq: i64, hash: &str, seal: &str) -> bool {
    keys.fits(seal, "line", &[&seq.to_string(), hash])
}

/// The row that a line left behind.
pub(super) struct Change<'a> {
    pub(super) version: i64,
    pub(super) digest: &'a str,
}

/// Adds a line at the end. Taking the next number locks the end, so it comes last in a transaction.
pub(super) async fn append(
    tx: &mut AnyConnection,
    keys: &Keys,
    rotation: Option<&RotationId>,
    change: Option<Change<'_>>,
    line: &Line,
) -> Result<(), LedgerError> {
    let end = end(&mut *tx).await?;
    if end.seq > 0 && !is_ours(keys, end.seq, &end.hash, &end.seal) {
        return Err(LedgerError::broken("journal_head", "seal", "1"));
    }
    append_after(tx, keys, end, rotation, change, line).await
}

/// The same for what is no rotation: the line says what `fact` is from now on, or that it is gone.
pub(super) async fn append_fact(
    tx: &mut AnyConnection,
    keys: &Keys,
    (fact, value): (&str, Option<&str>),
    line: &Line,
) -> Result<(), LedgerError> {
    append(tx, keys, None, None, &holding(line, fact, value)).await
}

pub(super) fn holding(line: &Line, fact: &str, value: Option<&str>) -> Line {
    let mut detail = line.detail.as_object().cloned().unwrap_or_default();
    detail.insert(HOLDS.into(), serde_json::json!([fact, value]));
    Line { detail: detail.into(), ..line.clone() }
}

/// The end of the journal as it is remembered, locked.
pub(super) struct End {
    pub(super) seq: i64,
    pub(super) hash: String,
    pub(super) seal: String,
}

pub(super) async fn end(tx: &mut AnyConnection) -> Result<End, LedgerError> {
    let end = sqlx::query("UPDATE journal_head SET seq = seq WHERE id = 1 RETURNING seq, hash, seal")
        .fetch_optional(tx)
        .await?
        .ok_or_else(|| LedgerError::broken("journal_head", "id", "1"))?;
    Ok(End { seq: end.try_get("seq")?, hash: end.try_get("hash")?, seal: end.try_get("seal")? })
}

/// Adds a line whatever the end is: only where that is what the line tells of.
pub(super) async fn append_after(
    tx: &mut AnyConnection,
    keys: &Keys,
    end: End,
    rotation: Option<&RotationId>,
    change: Option<Change<'_>>,
    line: &Line,
) -> Result<(), LedgerError> {
    let mut detail = line.detail.clone();
    hide_in(&mut detail, |_| true);
    let link = Link {
        seq: end.seq + 1,
        at: millis(line.at),
        rotation: rotation.map(|id| storable(id.as_str())),
        version: change.as_ref().map(|change| change.version),
        digest: change.map(|change| change.digest.to_owned()),
        actor: storable(&hide(&line.actor)),
        event: storable(&hide(&line.event)),
        detail: detail.to_string(),
    };
    let hash = link.hash(&end.hash);
    let seal = keys.seal("line", &[&link.seq.to_string(), &hash]);
    sqlx::query("UPDATE journal_head SET seq = $1, hash = $2, seal = $3 WHERE id = 1")
        .bind(link.seq)
        .bind(hash.as_str())
        .bind(seal.as_str())
        .execute(&mut *tx)
        .await?;
    insert(tx, Sealed { link, hash, seal }).await
}

async fn insert(tx: &mut AnyConnection, Sealed { link, hash, seal }: Sealed) -> Result<(), LedgerError> {
    sqlx::query(
        "INSERT INTO journal (seq, at, rotation, version, digest, actor, event, detail, hash, seal) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
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
    .bind(seal)
    .execute(tx)
    .await?;
    Ok(())
}

/// Lines after this number, as many as a page holds.
pub(super) async fn page(tx: &mut AnyConnection, after: i64, lines: i64) -> Result<Vec<Sealed>, LedgerError> {
    let rows = sqlx::query(
        "SELECT seq, at, rotation, version, digest, actor, event, detail, hash, seal \
         FROM journal WHERE seq > $1 ORDER BY seq LIMIT $2",
    )
    .bind(after)
    .bind(lines)
    .fetch_all(tx)
    .await?;
    Ok(rows.iter().map(sealed).collect::<Result<_, _>>()?)
}

pub(super) async fn note(database: &Database, rotation: Option<&RotationId>, line: &Line) -> Result<(), LedgerError> {
    let mut tx = database.begin().await?;
    append(&mut tx, &database.keys, rotation, None, line).await?;
    tx.commit().await?;
    Ok(())
}

pub(super) async fn of(database: &Database, id: &RotationId) -> Result<Vec<Stamped>, LedgerError> {
    let rows = sqlx::query(
        "SELECT seq, at, rotation, version, digest, actor, event, detail, hash, seal \
         FROM journal WHERE rotation = $1 ORDER BY seq",
    )
    .bind(storable(id.as_str()))
    .fetch_all(&database.reader)
    .await?;
    rows.iter().map(stamped).collect()
}

fn sealed(row: &Row) -> Result<Sealed, sqlx::Error> {
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
    Ok(Sealed { link, hash: row.try_get("hash")?, seal: row.try_get("seal")? })
}

fn stamped(row: &Row) -> Result<Stamped, LedgerError> {
    let Sealed { link, hash, .. } = sealed(row)?;
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
