//! Which account bore a login first: what a login means must survive a restart, and more than one replica.

use super::database::Database;
use super::dialect::storable;
use super::error::LedgerError;
use super::row::{millis, number};
use jiff::Timestamp;
use sqlx::Row as _;
use std::collections::BTreeMap;

pub(super) async fn all(database: &Database, host: &str) -> Result<BTreeMap<String, u64>, LedgerError> {
    let rows = sqlx::query("SELECT login, account FROM login WHERE host = $1")
        .bind(storable(host))
        .fetch_all(&database.writer)
        .await?;
    rows.iter().map(|row| Ok((row.try_get("login")?, number(row, "account")?))).collect()
}

/// Of several callers one is first, and all are told its account.
pub(super) async fn hold(
    database: &Database,
    (host, login): (&str, &str),
    account: u64,
    now: Timestamp,
) -> Result<u64, LedgerError> {
    let row = sqlx::query(
        "INSERT INTO login (host, login, account, seen_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (host, login) DO UPDATE SET account = login.account RETURNING account",
    )
    .bind(storable(host))
    .bind(storable(login))
    .bind(account.cast_signed())
    .bind(millis(now))
    .fetch_one(&database.writer)
    .await?;
    number(&row, "account")
}

pub(super) async fn forget(database: &Database, host: &str, login: &str) -> Result<bool, LedgerError> {
    let done = sqlx::query("DELETE FROM login WHERE host = $1 AND login = $2")
        .bind(storable(host))
        .bind(storable(login))
        .execute(&database.writer)
        .await?;
    Ok(done.rows_affected() == 1)
}
