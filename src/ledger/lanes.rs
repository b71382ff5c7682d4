//! Lanes: what is owed, who holds it, and from when it may be claimed. The schema computes `ready_at` from the rest.

use super::database::Database;
use super::dialect::{Dialect, Row, storable};
use super::error::LedgerError;
use super::records::Claim;
use super::row::{millis, moment, number};
use crate::rotation::due::due;
use crate::rotation::effect::{Effect, Lane, Owed};
use crate::rotation::ids::RotationId;
use crate::rotation::record::Rotation;
use jiff::Timestamp;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};
use std::collections::BTreeMap;

/// Writes what the rotation owes now. A lane that owes something else than before starts without delay or tries.
pub(super) async fn put(dialect: Dialect, tx: &mut AnyConnection, rotation: &Rotation) -> Result<(), LedgerError> {
    let lanes = by_lane(rotation);
    let statement = format!(
        "INSERT INTO lane (rotation, lane, owes, due_at) VALUES {} \
         ON CONFLICT (rotation, lane) DO UPDATE SET owes = excluded.owes, due_at = excluded.due_at, \
             not_before = CASE WHEN lane.owes = excluded.owes THEN lane.not_before END, \
             tries = CASE WHEN lane.owes = excluded.owes THEN lane.tries ELSE 0 END \
         WHERE lane.owes <> excluded.owes OR lane.due_at <> excluded.due_at",
        dialect.rows(lanes.len(), 4)
    );
    let mut query = sqlx::query(AssertSqlSafe(statement));
    for (lane, owed) in lanes {
        let effects: Vec<&Effect> = owed.iter().map(|owed| &owed.effect).collect();
        let owes = serde_json::to_string(&effects).expect("an effect has only string keys");
        let due_at = owed.iter().map(|owed| millis(owed.from)).min();
        query = query.bind(rotation.id.0.clone()).bind(lane.0).bind(owes).bind(due_at);
    }
    query.execute(tx).await?;
    Ok(())
}

/// Every lane the rotation has, also those that owe nothing.
fn by_lane(rotation: &Rotation) -> BTreeMap<Lane, Vec<Owed>> {
    let surfaces = rotation.surfaces.keys().map(Lane::surface);
    let mut lanes: BTreeMap<Lane, Vec<Owed>> =
        [Lane::work(), Lane::people()].into_iter().chain(surfaces).map(|lane| (lane, Vec::new())).collect();
    for owed in due(rotation) {
        lanes.entry(owed.effect.lane()).or_default().push(owed);
    }
    lanes
}

/// Hands out each ready lane once.
pub(super) async fn claim(
    database: &Database,
    owner: &str,
    now: Timestamp,
    lease_until: Timestamp,
    limit: u32,
) -> Result<Vec<Claim>, LedgerError> {
    let statement = format!(
        "WITH ready AS MATERIALIZED ( \
             SELECT rotation, lane FROM lane WHERE ready_at <= $1 ORDER BY ready_at LIMIT $4 {} \
         ) \
         UPDATE lane SET owner = $2, lease_until = $3, epoch = epoch + 1, poked_at = NULL, \
             lapsed_at = CASE WHEN lease_until > 0 THEN lease_until ELSE lapsed_at END \
         WHERE (rotation, lane) IN (SELECT rotation, lane FROM ready) AND ready_at <= $1 \
         RETURNING rotation, lane, epoch, lease_until, lapsed_at, tries",
        database.dialect.skip_locked()
    );
    let rows = sqlx::query(AssertSqlSafe(statement))
        .bind(millis(now))
        .bind(storable(owner))
        .bind(millis(lease_until))
        .bind(i64::from(limit))
        .fetch_all(&database.writer)
        .await;
    let rows = database.writes.tried(rows)?;
    rows.iter().map(claimed).collect()
}

fn claimed(row: &Row) -> Result<Claim, LedgerError> {
    Ok(Claim {
        rotation: RotationId(row.try_get("rotation")?),
        lane: Lane(row.try_get("lane")?),
        epoch: number(row, "epoch")?,
        lease_until: moment(row, "lease_until")?,
        lapsed_at: moment(row, "lapsed_at")?,
        tries: u32::try_from(number(row, "tries")?).unwrap_or(u32::MAX),
    })
}

/// Holds the lane's row until the end of the transaction, unless the claim was overtaken or released.
pub(super) async fn fence(tx: &mut AnyConnection, claim: &Claim) -> Result<(), LedgerError> {
    let held = sqlx::query(
        "UPDATE lane SET epoch = epoch WHERE rotation = $1 AND lane = $2 AND epoch = $3 AND owner IS NOT NULL",
    )
    .bind(claim.rotation.as_str())
    .bind(claim.lane.0.as_str())
    .bind(claim.epoch.cast_signed())
    .execute(tx)
    .await?;
    if held.rows_affected() == 1 { Ok(()) } else { Err(LedgerError::Fenced) }
}

pub(super) async fn renew(database: &Database, claim: &Claim, until: Timestamp) -> Result<Claim, LedgerError> {
    let held = sqlx::query(
        "UPDATE lane SET lease_until = $4 WHERE rotation = $1 AND lane = $2 AND epoch = $3 AND owner IS NOT NULL",
    )
    .bind(claim.rotation.as_str())
    .bind(claim.lane.0.as_str())
    .bind(claim.epoch.cast_signed())
    .bind(millis(until))
    .execute(&database.writer)
    .await;
    let held = database.writes.tried(held)?;
    if held.rows_affected() == 1 { Ok(Claim { lease_until: until, ..claim.clone() }) } else { Err(LedgerError::Fenced) }
}

pub(super) async fn release(
    database: &Database,
    claim: &Claim,
    from: Option<Timestamp>,
    tries: u32,
) -> Result<(), LedgerError> {
    let held = sqlx::query(
        "UPDATE lane SET owner = NULL, lease_until = 0, not_before = $4, tries = $5 \
         WHERE rotation = $1 AND lane = $2 AND epoch = $3 AND owner IS NOT NULL",
    )
    .bind(claim.rotation.as_str())
    .bind(claim.lane.0.as_str())
    .bind(claim.epoch.cast_signed())
    .bind(from.map(millis))
    .bind(i64::from(tries))
    .execute(&database.writer)
    .await;
    let held = database.writes.tried(held)?;
    if held.rows_affected() != 1 {
        return Err(LedgerError::Fenced);
    }
    database.changed();
    Ok(())
}

pub(super) async fn poke(database: &Database, id: &RotationId, now: Timestamp) -> Result<(), LedgerError> {
    let done = sqlx::query(
        "UPDATE lane SET poked_at = $3 \
         WHERE rotation = $1 AND lane = $2 AND due_at IS NOT NULL AND poked_at IS NULL AND ready_at > $3",
    )
    .bind(storable(id.as_str()))
    .bind(Lane::work().0)
    .bind(millis(now))
    .execute(&database.writer)
    .await?;
    if done.rows_affected() > 0 {
        database.changed();
    }
    Ok(())
}

pub(super) async fn next_wake(database: &Database) -> Result<Option<Timestamp>, LedgerError> {
    let row = sqlx::query(
        "SELECT MIN(at) AS at FROM ( \
             SELECT MIN(ready_at) AS at FROM lane UNION ALL SELECT MIN(ready_at) FROM inbox WHERE done = 0 \
         ) AS wakes",
    )
    .fetch_one(&database.reader)
    .await?;
    let at: Option<i64> = row.try_get("at")?;
    Ok(at.map(|at| Timestamp::from_millisecond(at).unwrap_or(Timestamp::MIN)))
}
