//! Which account bore a login first: what a login means must survive a restart, and more than one replica. A row is
//! believed only as the journal tells of it; one that was edited, taken out or put there is not.

use super::database::Database;
use super::dialect::storable;
use super::error::LedgerError;
use super::journal;
use super::records::Line;
use super::row::{millis, number};
use super::trail::{self, LOOKS};
use jiff::Timestamp;
use sqlx::{AnyConnection, Row as _};
use std::collections::BTreeMap;

/// Its name in the journal.
pub(super) fn fact(host: &str, login: &str) -> String {
    format!("login {host}/{login}")
}

pub(super) async fn all(database: &Database, host: &str) -> Result<BTreeMap<String, u64>, LedgerError> {
    let host = storable(host);
    let mut doubted = String::new();
    for _ in 0..LOOKS {
        let rows = sqlx::query("SELECT login, account FROM login WHERE host = $1")
            .bind(host.as_str())
            .fetch_all(&database.writer)
            .await?;
        let held: BTreeMap<String, u64> = rows
            .iter()
            .map(|row| Ok((row.try_get("login")?, number(row, "account")?)))
            .collect::<Result<_, LedgerError>>()?;
        trail::catch_up(database).await?;
        match differs(database, &host, &held) {
            None => return Ok(held),
            Some(login) => doubted = login,
        }
    }
    Err(LedgerError::broken("login", "account", doubted))
}

/// The first login that is not held as the journal says.
fn differs(database: &Database, host: &str, held: &BTreeMap<String, u64>) -> Option<String> {
    let prefix = fact(host, "");
    let state = database.memory.lock();
    let facts = state.trail.facts.iter().filter_map(|(fact, account)| Some((fact.strip_prefix(&prefix)?, account)));
    let told: BTreeMap<&str, &String> = facts.collect();
    let wrong = held.iter().find(|(login, account)| told.get(login.as_str()) != Some(&&account.to_string()));
    let missing = told.keys().find(|login| !held.contains_key(**login));
    wrong.map(|(login, _)| login.clone()).or(missing.map(|login| (*login).to_owned()))
}

/// Of several callers one is first, and all are told its account.
pub(super) async fn hold(
    database: &Database,
    (host, login): (&str, &str),
    account: u64,
    now: Timestamp,
) -> Result<u64, LedgerError> {
    if let Some(held) = all(database, host).await?.get(&storable(login)) {
        return Ok(*held);
    }
    let mut tx = database.begin().await?;
    let done = sqlx::query(
        "INSERT INTO login (host, login, account, seen_at) VALUES ($1, $2, $3, $4) ON CONFLICT (host, login) DO NOTHING",
    )
    .bind(storable(host))
    .bind(storable(login))
    .bind(account.cast_signed())
    .bind(millis(now))
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 1 {
        let detail = serde_json::json!({ "host": host, "login": login, "account": account });
        let line = Line { at: now, actor: "rekey".into(), event: "login_held".into(), detail };
        tell(&mut tx, database, (host, login), Some(account), &line).await?;
        tx.commit().await?;
        return Ok(account);
    }
    tx.rollback().await?;
    let held = all(database, host).await?;
    held.get(&storable(login)).copied().ok_or(LedgerError::Conflict)
}

async fn tell(
    tx: &mut AnyConnection,
    database: &Database,
    (host, login): (&str, &str),
    account: Option<u64>,
    line: &Line,
) -> Result<(), LedgerError> {
    let fact = fact(&storable(host), &storable(login));
    let account = account.map(|account| account.to_string());
    journal::append_fact(tx, &database.keys, (&fact, account.as_deref()), line).await
}

/// Also one that is not believed: this is how it is mended.
pub(super) async fn forget(database: &Database, host: &str, login: &str, line: &Line) -> Result<bool, LedgerError> {
    trail::catch_up(database).await?;
    let told = database.memory.fact(&fact(&storable(host), &storable(login))).is_some();
    let mut tx = database.begin().await?;
    let done = sqlx::query("DELETE FROM login WHERE host = $1 AND login = $2")
        .bind(storable(host))
        .bind(storable(login))
        .execute(&mut *tx)
        .await?;
    if !told && done.rows_affected() == 0 {
        return Ok(false);
    }
    tell(&mut tx, database, (host, login), None, line).await?;
    tx.commit().await?;
    Ok(true)
}
