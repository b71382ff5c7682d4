//! Under which names the world knows a rotation, so that a webhook or click finds it.

use super::database::Database;
use super::dialect::{Dialect, storable};
use super::error::LedgerError;
use crate::rotation::ids::RotationId;
use crate::rotation::phase::{Phase, Run};
use crate::rotation::record::Rotation;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

/// Adds those that are new; old ones stay, an old message may still be clicked.
pub(super) async fn put(dialect: Dialect, tx: &mut AnyConnection, rotation: &Rotation) -> Result<(), LedgerError> {
    let references = of(rotation);
    if references.is_empty() {
        return Ok(());
    }
    let rows = dialect.rows(references.len(), 3);
    let statement = format!("INSERT INTO reference (kind, value, rotation) VALUES {rows} ON CONFLICT DO NOTHING");
    let mut query = sqlx::query(AssertSqlSafe(statement));
    for (kind, value) in references {
        query = query.bind(kind).bind(storable(&value)).bind(rotation.id.0.clone());
    }
    query.execute(tx).await?;
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
