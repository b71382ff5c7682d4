//! Whether a rotation's row is as the last line about it left it.

use crate::ledger::dialect::Row;
use crate::ledger::error::LedgerError;
use crate::ledger::row::{Columns, digest};
use crate::ledger::trail::Last;
use crate::rotation::record::Rotation;
use sqlx::Row as _;

/// The first column that is not as the last line left it: the body by its digest, the others by the body.
pub(super) fn differs(row: &Row, last: &Last) -> Result<Option<&'static str>, LedgerError> {
    let body: String = row.try_get("body")?;
    let version: i64 = row.try_get("version")?;
    if version != last.version {
        return Ok(Some("version"));
    }
    if digest(&body) != last.digest {
        return Ok(Some("body"));
    }
    let Ok(rotation) = serde_json::from_str::<Rotation>(&body) else { return Ok(Some("body")) };
    let is_open: i64 = row.try_get("is_open")?;
    let columns = Columns::of(&rotation);
    let texts = [
        ("id", rotation.id.0.clone()),
        ("key", rotation.key.to_string()),
        ("host", rotation.key.host.clone()),
        ("token_id", rotation.key.token_text()),
        ("token", rotation.plan.token.0.clone()),
        ("expires_on", columns.expires_on),
        ("phase", columns.phase.to_owned()),
    ];
    for (column, expected) in texts {
        if row.try_get::<String, _>(column)? != expected {
            return Ok(Some(column));
        }
    }
    Ok((is_open != columns.is_open).then_some("is_open"))
}
