//! Under which names the world knows a rotation, so that a webhook or click finds it.

use super::database::Database;
use super::dialect::storable;
use super::error::LedgerError;
use crate::rotation::ids::RotationId;
use crate::rotation::phase::{Phase, Run};
use crate::rotation::record::Rotation;
use sqlx::{AnyConnection, Row as _};

/// Adds those that are new; old ones stay, an old message may still be clicked.
pub(super) async fn put(tx: &mut AnyConnection, rotation: &Rotation) -> Result<(), LedgerError> {
    for (kind, value) in of(rotation) {
        sqlx::query("INSERT INTO reference (kind, value, rotation) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(kind)
            .bind(storable(&value))
            .bind(rotation.id.as_str())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

fn of(rotation: &Rotation) -> Vec<(String, String)> {
    let surfaces = rotation
        .surfaces
        .iter()
        .filter_map(|(name, surface)| surface.reference.clone().map(|reference| (name.to_string(), reference)));
    let pipelines = pipelines(&rotation.phase).into_iter().map(|number| ("pipeline".to_owned(), number.to_string()));
    surfaces.chain(pipelines).collect()
}

fn pipelines(phase: &Phase) -> Vec<u64> {
    let Phase::Verifying { runs, .. } = phase else { return Vec::new() };
    runs.values()
        .filter_map(|run| match run {
            Run::Started { run, .. } | Run::Passed { run, .. } => Some(run.pipeline),
            Run::Pending | Run::Starting { .. } => None,
        })
        .collect()
}

pub(super) async fn find(database: &Database, kind: &str, value: &str) -> Result<Vec<RotationId>, LedgerError> {
    let rows = sqlx::query("SELECT rotation FROM reference WHERE kind = $1 AND value = $2 ORDER BY rotation DESC")
        .bind(storable(kind))
        .bind(storable(value))
        .fetch_all(&database.reader)
        .await?;
    rows.iter().map(|row| Ok(RotationId(row.try_get("rotation")?))).collect()
}
