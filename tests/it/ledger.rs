//! The contract of the ledger: the same stories on SQLite and on PostgreSQL.

mod authority;
mod begun_again;
mod enrollments;
mod inbox;
mod journal;
mod lanes;
mod marks;
mod on_disk;
mod read_only;
mod retention;
mod rotations;
mod sample;
mod tls;

use jiff::{SignedDuration, Timestamp};
use rekey::ledger::{Claim, Entry, Ledger, Line, Opened};
use rekey::rotation::record::Rotation;
use sample::{at, rotation};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use std::sync::Arc;

async fn open(url: &str) -> Arc<dyn Ledger> {
    crate::databases::open(url).await.unwrap()
}

fn entry(key: &str) -> Entry {
    Entry { key: key.into(), kind: "notice".into(), body: r#"{"text":"ünïcode \u0000"}"#.into(), received_at: at(0) }
}

fn line(event: &str) -> Line {
    Line { at: at(0), actor: "worker:1".into(), event: event.into(), detail: serde_json::json!({"why": "a \"story\""}) }
}

async fn opened(ledger: &dyn Ledger, number: u64) -> Rotation {
    let rotation = rotation(number);
    assert_eq!(ledger.open(&rotation, &line("opened")).await.unwrap(), Opened::New);
    rotation
}

/// The next version, with whatever `change` does to it.
fn after(rotation: &Rotation, change: impl FnOnce(&mut Rotation)) -> Rotation {
    let mut after = rotation.clone();
    after.version += 1;
    change(&mut after);
    after
}

/// Every lane that is ready now.
async fn claim_all(ledger: &dyn Ledger, now: Timestamp) -> Vec<Claim> {
    let mut claims = ledger.claim("worker:1", now, now + SignedDuration::from_secs(30), 1000).await.unwrap();
    claims.sort_by(|a, b| (&a.rotation, &a.lane).cmp(&(&b.rotation, &b.lane)));
    claims
}

fn lanes(claims: &[Claim]) -> Vec<&str> {
    claims.iter().map(|claim| claim.lane.0.as_str()).collect()
}

/// A connection past the ledger, for those who tamper and those who get in the way.
async fn side_door(url: &str) -> AnyConnection {
    AnyConnection::connect(url).await.unwrap()
}

async fn execute(connection: &mut AnyConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}
