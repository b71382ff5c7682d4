//! Webhooks accepted durably, beside a bare axum handler in the same run: `cargo bench --bench webhooks`.
//! Closed loop: 256 connections, each sends when it was answered; the figure is the ratio. Open loop: 64 connections,
//! 2,000 a second on a fixed timetable; the figure is the 99th percentile, counted from the timetable.
//! `REKEY_BENCH_DATABASE=postgres://...` takes that database instead of a fresh SQLite file.

#[path = "webhooks/client.rs"]
mod client;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use client::{Request, closed_loop, open_loop, processor_seconds};
use jiff::Timestamp;
use rekey::ledger::{Entry, Ledger};
use rekey::secret::Secret;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(3);
const CONNECTIONS: usize = 256;
const OPEN_CONNECTIONS: usize = 64;
const RATE: u32 = 2000;
const SECRET: &str = "3f9c1c6de9b14c0aa7f4b3f2d9e8a7c6";

/// The members of a token webhook that anyone looks at: 303 bytes.
const BODY: &str = concat!(
    r#"{"object_kind":"access_token","group":{"group_name":"acme","group_path":"acme","full_path":"acme","group_id":35},"#,
    r#""object_attributes":{"user_id":90,"created_at":"2026-01-24 16:27:40 UTC","id":25,"name":"deploy-production-bot","#,
    r#""expires_at":"2026-12-01","scopes":["api"]},"event_name":"expiring_access_token"}"#,
);

#[derive(serde::Deserialize)]
struct Hook {
    object_kind: String,
    event_name: String,
    object_attributes: Attributes,
}

#[derive(serde::Deserialize, serde::Serialize)]
struct Attributes {
    id: u64,
    user_id: u64,
    name: String,
    expires_at: String,
}

struct Receiver {
    secret: Secret,
    ledger: Arc<dyn Ledger>,
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder for the database");
    let url = std::env::var("REKEY_BENCH_DATABASE")
        .unwrap_or_else(|_| format!("sqlite:{}", folder.path().join("bench.db").display()));
    let address = runtime.block_on(serve(&url));
    println!("body {} bytes, {ROUNDS} rounds of {} s, the median counts", BODY.len(), ROUND.as_secs());
    // First, as a bot lives: what a burst of some 100,000 entries leaves to be checkpointed is another story.
    latency(address);
    ratio(address);
}

async fn serve(url: &str) -> SocketAddr {
    let ledger = rekey::ledger::open_guarded(url, guard()).await.expect("the database opens");
    let receiver = Arc::new(Receiver { secret: Secret::new(SECRET.into()), ledger });
    let app = Router::new()
        .route("/bare", get(|| async { StatusCode::OK }))
        .route("/parsed", post(parsed))
        .route("/accepted", post(accepted))
        .with_state(receiver);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// What both handlers do before anything is stored.
fn entry(receiver: &Receiver, headers: &HeaderMap, body: &[u8]) -> Result<Entry, StatusCode> {
    let token = headers.get("x-gitlab-token").ok_or(StatusCode::UNAUTHORIZED)?;
    if !receiver.secret.matches(token.as_bytes()) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).ok_or(StatusCode::BAD_REQUEST)?;
    let hook: Hook = serde_json::from_slice(body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let kind = format!("{}:{}", hook.object_kind, hook.event_name);
    let body = serde_json::to_string(&hook.object_attributes).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(Entry { key: format!("gitlab:{key}"), kind, body, received_at: Timestamp::now() })
}

async fn parsed(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    entry(&receiver, &headers, &body).map_or_else(|status| status, |_| StatusCode::OK)
}

async fn accepted(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    match entry(&receiver, &headers, &body) {
        Ok(entry) => receiver.ledger.accept(entry).await.map_or(StatusCode::SERVICE_UNAVAILABLE, |_| StatusCode::OK),
        Err(status) => status,
    }
}

fn ratio(address: SocketAddr) {
    let paths = ["/bare", "/parsed", "/accepted"];
    let mut rates: [Vec<f64>; 3] = Default::default();
    let mut costs: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        for at in 0..paths.len() {
            let before = processor_seconds(std::process::id());
            let run = closed_loop(address, request(paths[at]), CONNECTIONS, ROUND);
            rates[at].push(run.per_second);
            let used = processor_seconds(std::process::id()) - before - run.own.as_secs_f64();
            costs[at].push(used / run.latencies.len() as f64 * 1e6);
        }
    }
    let (rates, costs) = (rates.map(median), costs.map(median));
    for ((path, rate), cost) in paths.iter().zip(rates).zip(costs) {
        println!(
            "{path:<10} {rate:>9.0}/s   {:.2} of bare   {cost:>5.1} us of processor, without the client",
            rate / rates[0]
        );
    }
}

fn latency(address: SocketAddr) {
    let run = open_loop(address, request("/accepted"), OPEN_CONNECTIONS, RATE, ROUND);
    println!(
        "/accepted at {RATE}/s, open loop: median {:.2} ms, 99th percentile {:.2} ms",
        run.percentile(50),
        run.percentile(99)
    );
}

fn request(path: &str) -> Request {
    match path {
        "/bare" => Request::new(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n"), None, None),
        _ => Request::new(
            format!(
                "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\nx-gitlab-token: {SECRET}\r\n\
                 content-length: {}\r\nidempotency-key: {}\r\n\r\n{BODY}",
                BODY.len(),
                client::PLACE
            ),
            Some(client::PLACE),
            None,
        ),
    }
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// A key, which PostgreSQL needs.
fn guard() -> rekey::ledger::Guard {
    let key = rekey::secret::Secret::new("a2V5LW9mLXRoZS1zdG9yaWVzLTMyLWJ5dGVzLWxvbmc=".into());
    let keys = rekey::ledger::Keys::new(&key, &[]).expect("32 bytes");
    rekey::ledger::Guard { keys: Some(keys), ..rekey::ledger::Guard::default() }
}
