//! The contract of the ledger: the same stories on SQLite and on PostgreSQL.

mod inbox;
mod journal;
mod lanes;
mod marks;
mod rotations;

use jiff::{SignedDuration, Timestamp};
use rekey::ledger::{Claim, Entry, Ledger, Line, Opened};
use rekey::rotation::ids::{RotationId, RotationKey, SurfaceName, TokenId};
use rekey::rotation::plan::{NewToken, OldToken, Plan, Timing};
use rekey::rotation::record::{Opening, Origin, Rotation};
use rekey::rotation::token::{Owner, Strategy};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use std::collections::BTreeSet;
use std::sync::Arc;

async fn open(url: &str) -> Arc<dyn Ledger> {
    rekey::ledger::open(url).await.unwrap()
}

/// Seconds after an arbitrary moment.
fn at(seconds: i64) -> Timestamp {
    "2026-11-21T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn entry(key: &str) -> Entry {
    Entry { key: key.into(), kind: "gitlab".into(), body: r#"{"text":"ünïcode \u0000"}"#.into(), received_at: at(0) }
}

fn line(event: &str) -> Line {
    Line { at: at(0), actor: "worker:1".into(), event: event.into(), detail: serde_json::json!({"why": "a \"story\""}) }
}

/// A rotation that waits for approval and owes two surfaces their first card.
fn rotation(number: u64) -> Rotation {
    let expires_at = Some("2026-12-01".parse().unwrap());
    let scopes = BTreeSet::from(["api".to_owned()]);
    let plan = Plan {
        token: format!("token-{number}").as_str().into(),
        host: "gitlab.example.com".into(),
        owner: Owner::User { username: "bot".into() },
        user_id: 7,
        old: OldToken { id: TokenId(number), name: "deploy".into(), scopes: scopes.clone(), expires_at },
        strategy: Strategy::Overlap,
        reasons: Vec::new(),
        new: NewToken {
            name: "deploy".into(),
            description: String::new(),
            scopes,
            access_level: None,
            expires_at: Some("2027-11-21".parse().unwrap()),
        },
        stores: Vec::new(),
        consumers: Vec::new(),
        outage_seconds: None,
        timing: Timing { grace_seconds: 60, horizon_seconds: 600, use_seconds: 600, approval_seconds: 86_400 },
        blockers: Vec::new(),
        warnings: Vec::new(),
    };
    let opening = Opening {
        id: RotationId(format!("01kcase{number:019}")),
        key: RotationKey { host: "gitlab.example.com".into(), token: TokenId(number), expires_at },
        by: Origin::Mail,
        plan,
        surfaces: vec![SurfaceName::from("issue"), SurfaceName::from("slack")],
        old_last_used: None,
    };
    Rotation::open(opening, at(0))
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
