//! A rotation as a row and back; moments and numbers as the databases keep them.

use super::dialect::Row;
use super::error::LedgerError;
use crate::rotation::record::Rotation;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use sqlx::Row as _;

/// The columns of one rotation.
pub(super) struct Columns {
    pub(super) expires_on: String,
    pub(super) phase: &'static str,
    pub(super) is_open: i64,
    pub(super) version: i64,
    pub(super) body: String,
    /// SHA-256 of the body, in hex: goes into the journal.
    pub(super) digest: String,
}

impl Columns {
    pub(super) fn of(rotation: &Rotation) -> Self {
        let body = serde_json::to_string(rotation).expect("a rotation has only string keys");
        Self {
            expires_on: expires_on(rotation),
            phase: rotation.phase.name(),
            is_open: is_open(rotation),
            version: rotation.version.cast_signed(),
            digest: digest(&body),
            body,
        }
    }
}

/// The column of the day on which the old token expires; empty if it never does.
pub(super) fn expires_on(rotation: &Rotation) -> String {
    rotation.key.expires_at.map(|date| date.to_string()).unwrap_or_default()
}

/// The column that says whether the case is open.
pub(super) fn is_open(rotation: &Rotation) -> i64 {
    i64::from(!rotation.phase.is_closed())
}

/// Reads a row that has `id`, `version` and `body`.
pub(super) fn rotation(row: &Row) -> Result<Rotation, LedgerError> {
    let id: String = row.try_get("id")?;
    let body: String = row.try_get("body")?;
    let rotation: Rotation =
        serde_json::from_str(&body).map_err(|_| LedgerError::broken("rotation", "body", id.as_str()))?;
    if rotation.version != number(row, "version")? {
        return Err(LedgerError::broken("rotation", "version", id));
    }
    Ok(rotation)
}

/// SHA-256 of a text, in hex.
pub(super) fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Milliseconds since 1970.
pub(super) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// The moment in a column of milliseconds.
pub(super) fn moment(row: &Row, column: &str) -> Result<Timestamp, LedgerError> {
    let millis: i64 = row.try_get(column)?;
    Timestamp::from_millisecond(millis).map_err(|_| LedgerError::unavailable(format!("{column} is not a moment")))
}

/// A number that never is negative; it is stored with the same bits.
pub(super) fn number(row: &Row, column: &str) -> Result<u64, LedgerError> {
    let number: i64 = row.try_get(column)?;
    Ok(number.cast_unsigned())
}
