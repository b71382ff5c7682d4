//! Whether a rotation's row is as the last line about it left it: the body by its digest, the other columns, by which rows
//! are found and counted, by the body.

use super::dialect::Row;
use super::error::LedgerError;
use super::row;
use super::trail::Last;
use crate::rotation::record::Rotation;
use sqlx::Row as _;

/// What is read of a row so that it can be believed.
macro_rules! columns {
    () => {
        "id, key, host, token_id, token, expires_on, phase, is_open, opened_at, version, body"
    };
    // Whatever is in the body too.
    (derived) => {
        "id, key, host, token_id, token, expires_on, phase, is_open, opened_at, version"
    };
}
pub(super) use columns;

/// What the columns beside the body say, in one text.
pub(super) fn shown(found: &Row) -> Result<String, LedgerError> {
    let mut shown = Vec::new();
    for column in ["id", "key", "host", "token_id", "token", "expires_on", "phase"] {
        shown.push(found.try_get::<String, _>(column)?);
    }
    let numbers: [i64; 3] = [found.try_get("is_open")?, found.try_get("opened_at")?, found.try_get("version")?];
    Ok(row::digest(&serde_json::json!([shown, numbers]).to_string()))
}

/// What they should say.
pub(super) fn expected(rotation: &Rotation) -> String {
    let shown = texts(rotation).map(|(_, text)| text);
    let numbers = [row::is_open(rotation), row::millis(rotation.opened_at), rotation.version.cast_signed()];
    row::digest(&serde_json::json!([shown, numbers]).to_string())
}

fn texts(rotation: &Rotation) -> [(&'static str, String); 7] {
    [
        ("id", rotation.id.0.clone()),
        ("key", rotation.key.to_string()),
        ("host", rotation.key.host.clone()),
        ("token_id", rotation.key.token_text()),
        ("token", rotation.plan.token.0.clone()),
        ("expires_on", row::expires_on(rotation)),
        ("phase", rotation.phase.name().to_owned()),
    ]
}

/// The rotation in the row, or the first column that is not as the last line left it.
pub(super) fn believed(found: &Row, last: Option<&Last>) -> Result<Result<Rotation, &'static str>, LedgerError> {
    let Some(last) = last else { return Ok(Err("id")) };
    let (version, body): (i64, String) = (found.try_get("version")?, found.try_get("body")?);
    if row::digest(&body) != last.digest {
        return Ok(Err("body"));
    }
    if version != last.version {
        return Ok(Err("version"));
    }
    let Ok(rotation) = serde_json::from_str::<Rotation>(&body) else { return Ok(Err("body")) };
    for (column, expected) in texts(&rotation) {
        if found.try_get::<String, _>(column)? != expected {
            return Ok(Err(column));
        }
    }
    for (column, expected) in [("is_open", row::is_open(&rotation)), ("opened_at", row::millis(rotation.opened_at))] {
        if found.try_get::<i64, _>(column)? != expected {
            return Ok(Err(column));
        }
    }
    Ok(Ok(rotation))
}
