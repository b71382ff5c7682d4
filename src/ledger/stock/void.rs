//! What of before is void when a database begins again, and what is sealed as it is when one of before there were keys is
//! adopted.

use crate::ledger::database::Database;
use crate::ledger::error::LedgerError;
use crate::ledger::records::Line;
use crate::ledger::row::{millis, number};
use crate::ledger::trail::Trail;
use crate::ledger::{enrollments, inbox, journal, logins};
use jiff::Timestamp;
use sqlx::{AnyConnection, Row as _};

/// Seconds of one step of one-time codes, and how many steps ahead a code may be.
const STEP_SECONDS: i64 = 30;
const STEPS_AHEAD: i64 = 2;

/// Held logins, codes and notices of before there were keys are sealed once, as they are.
pub(super) async fn adopt(tx: &mut AnyConnection, database: &Database, now: Timestamp) -> Result<(), LedgerError> {
    let line = |what: &str| {
        let detail = serde_json::json!({ "what": what });
        Line { at: now, actor: "rekey".into(), event: "sealed".into(), detail }
    };
    for row in sqlx::query("SELECT host, login, account FROM login").fetch_all(&mut *tx).await? {
        let (host, login): (String, String) = (row.try_get("host")?, row.try_get("login")?);
        let (fact, account) = (logins::fact(&host, &login), number(&row, "account")?.to_string());
        journal::append_fact(&mut *tx, &database.keys, (&fact, Some(&account)), &line("login")).await?;
    }
    for row in sqlx::query("SELECT person FROM one_time_code").fetch_all(&mut *tx).await? {
        enrollments::tell(&mut *tx, database, row.try_get("person")?, &line("one_time_code")).await?;
    }
    for row in sqlx::query("SELECT key, kind, body, received_at FROM inbox WHERE done = 0").fetch_all(&mut *tx).await? {
        let key: String = row.try_get("key")?;
        let seal =
            inbox::seal(&database.keys, &key, row.try_get("kind")?, row.try_get("body")?, row.try_get("received_at")?);
        sqlx::query("UPDATE inbox SET seal = $2 WHERE key = $1").bind(key).bind(seal).execute(&mut *tx).await?;
    }
    Ok(())
}

/// What people pressed and typed before, and was not dealt with, was about something else.
pub(super) async fn clicks(tx: &mut AnyConnection, kind: &str) -> Result<(), LedgerError> {
    let done = sqlx::query("UPDATE inbox SET done = 1, body = '' WHERE kind = $1 AND done = 0")
        .bind(kind.to_owned())
        .execute(tx)
        .await?;
    if done.rows_affected() > 0 {
        tracing::warn!(clicks = done.rows_affected(), "clicks of before are void");
    }
    Ok(())
}

/// No code counts that was made before now: it may have been used in the time that is lost.
pub(super) async fn codes(
    tx: &mut AnyConnection,
    database: &Database,
    trail: &Trail,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let step = millis(now) / 1000 / STEP_SECONDS + STEPS_AHEAD;
    for row in sqlx::query("SELECT * FROM one_time_code").fetch_all(&mut *tx).await? {
        let person: String = row.try_get("person")?;
        if trail.facts.get(&enrollments::fact(&person)) != Some(&enrollments::digested(&row)?) {
            continue;
        }
        sqlx::query("UPDATE one_time_code SET last_step = $2, last_key = '' WHERE person = $1 AND last_step < $2")
            .bind(person.as_str())
            .bind(step)
            .execute(&mut *tx)
            .await?;
        let detail = serde_json::json!({ "person": person });
        let line = Line { at: now, actor: "rekey".into(), event: "codes_void".into(), detail };
        enrollments::tell(&mut *tx, database, &person, &line).await?;
    }
    Ok(())
}
