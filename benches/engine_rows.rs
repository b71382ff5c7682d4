//! What 10,000 open rotations cost the ledger on SQLite: `cargo bench --bench engine_rows`. A step is one durable
//! commit of a row with its journal line and lanes, under a claim that is taken before and released after it.

#[path = "../tests/it/ledger/sample.rs"]
mod sample;

use jiff::SignedDuration;
use rekey::ledger::{Claim, Ledger, Line};
use sample::{at, rotation};
use std::time::{Duration, Instant};

const ROTATIONS: u64 = 10_000;
const WORKERS: usize = 64;
const BATCH: u32 = 256;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder for the database");
    let url = format!("sqlite:{}", folder.path().join("bench.db").display());
    println!("before the first row      {:>8.1} MB resident", resident());
    let ledger = rekey::ledger::open_guarded(&url, guard()).await.expect("the database opens");
    report("rotations opened", ROTATIONS, fill(&*ledger).await);
    println!("with all of them open     {:>8.1} MB resident", resident());
    let (steps, took) = step_all(&*ledger).await;
    report("steps", steps, took);
    println!("after the steps           {:>8.1} MB resident", resident());
    drop(ledger);
    recover(&url).await;
}

async fn fill(ledger: &dyn Ledger) -> Duration {
    let start = Instant::now();
    for number in 0..ROTATIONS {
        ledger.open(&rotation(number), &line("opened")).await.expect("it is new");
    }
    start.elapsed()
}

/// Every surface lane of every rotation is worked on once.
async fn step_all(ledger: &dyn Ledger) -> (u64, Duration) {
    let start = Instant::now();
    let mut steps = 0;
    loop {
        let claims = claim(ledger, 0).await;
        if claims.is_empty() {
            return (steps, start.elapsed());
        }
        steps += claims.len() as u64;
        for claims in claims.chunks(WORKERS) {
            futures::future::join_all(claims.iter().map(|claim| step(ledger, claim))).await;
        }
    }
}

async fn claim(ledger: &dyn Ledger, seconds: i64) -> Vec<Claim> {
    let until = at(seconds) + SignedDuration::from_secs(60);
    ledger.claim("bench", at(seconds), until, BATCH).await.expect("the database answers")
}

/// The lane's surface catches up. What is left is the work lane, which owes a look at the plan six hours on.
async fn step(ledger: &dyn Ledger, claim: &Claim) {
    loop {
        let mut after = ledger.load(&claim.rotation).await.expect("the database answers").expect("it is there");
        after.version += 1;
        let name = claim.lane.0.trim_start_matches("surface:");
        after.surfaces.entry(name.into()).or_default().shown = after.revision;
        match ledger.commit(&after, &line("published"), Some(claim)).await {
            Err(rekey::ledger::LedgerError::Conflict) => {}
            done => {
                done.expect("the claim holds");
                return ledger.release(claim, None, 0).await.expect("the claim holds");
            }
        }
    }
}

/// From opening the file that a dead process left, to every lane in somebody's hands again.
async fn recover(url: &str) {
    let start = Instant::now();
    let ledger = rekey::ledger::open_guarded(url, guard()).await.expect("the database opens");
    let mut claims = Vec::new();
    loop {
        let more = claim(&*ledger, 7 * 3600).await;
        if more.is_empty() {
            break;
        }
        claims.extend(more);
    }
    println!("start to all claimed      {:>8.0} ms for {} lanes", start.elapsed().as_secs_f64() * 1e3, claims.len());
    for claim in &claims {
        ledger.load(&claim.rotation).await.expect("the database answers").expect("it is there");
    }
    println!("and each one's row loaded {:>8.0} ms", start.elapsed().as_secs_f64() * 1e3);
    println!("after the start           {:>8.1} MB resident", resident());
}

fn line(event: &str) -> Line {
    Line { at: at(0), actor: "bench".into(), event: event.into(), detail: serde_json::json!({ "event": event }) }
}

fn report(what: &str, count: u64, took: Duration) {
    println!("{what:<25} {:>8.0} a second ({count} in {:.1} s)", count as f64 / took.as_secs_f64(), took.as_secs_f64());
}

/// Megabytes.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}

/// A key, which PostgreSQL needs.
fn guard() -> rekey::ledger::Guard {
    let key = rekey::secret::Secret::new("a2V5LW9mLXRoZS1zdG9yaWVzLTMyLWJ5dGVzLWxvbmc=".into());
    let keys = rekey::ledger::Keys::new(&key, &[]).expect("32 bytes");
    rekey::ledger::Guard { keys: Some(keys), ..rekey::ledger::Guard::default() }
}
