//! `cargo bench --bench inventory`: 100,000 tokens from a local server, 8 pages in flight, streamed page by page.
//! Prints seconds and peak memory of the scan, then the most requests that the server saw in any window of a budget.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that cannot go on should stop")]

use axum::Router;
use axum::extract::Query;
use axum::response::IntoResponse;
use bytes::Bytes;
use rekey::gitlab::{Client, InventoryQuery, Scanned};
use rekey::http::{Api, Budget, Credential, Throttle};
use rekey::rotation::token::LiveToken;
use rekey::secret::Secret;
use std::collections::HashMap;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const TOKENS: usize = 100_000;
const PAGES: usize = TOKENS / 100;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("scan") => runtime().block_on(scan(&arguments[2], None)),
        _ => runtime().block_on(measure()),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// The server lives here and the scan in a process of its own, so that the memory shown is the client's alone.
async fn measure() {
    let arrivals = Arc::new(Mutex::new(Vec::new()));
    let base = serve(arrivals.clone()).await;
    for _ in 0..3 {
        let child = Command::new(std::env::current_exe().unwrap()).args(["scan", &base]).spawn().unwrap();
        tokio::task::spawn_blocking(move || child.wait_with_output()).await.unwrap().unwrap();
    }
    arrivals.lock().unwrap().clear();
    let budget = Budget { requests: 200, window: Duration::from_millis(500) };
    scan(&base, Some(budget)).await;
    let mut arrivals = std::mem::take(&mut *arrivals.lock().unwrap());
    arrivals.sort();
    let most = busiest(&arrivals, budget.window);
    println!("budget {} in {:?}: at most {most} in any window", budget.requests, budget.window);
}

async fn scan(base: &str, budget: Option<Budget>) {
    let throttle = Arc::new(Throttle::new(8, budget));
    let credential = Credential::PrivateToken(Secret::new("token".to_owned()));
    let api = Api::new(rekey::http::client(None).unwrap(), base, credential, throttle).unwrap();
    let (to, mut pages) = tokio::sync::mpsc::channel::<Vec<LiveToken>>(2);
    let started = Instant::now();
    let counting = tokio::spawn(async move {
        let mut count = 0;
        while let Some(page) = pages.recv().await {
            count += page.len();
        }
        count
    });
    let scanned = Client::new(Arc::new(api)).inventory(InventoryQuery::default(), &to).await.unwrap();
    drop(to);
    assert_eq!(scanned, Scanned { tokens: TOKENS, pages: PAGES });
    assert_eq!(counting.await.unwrap(), TOKENS);
    let (wall, cpu) = (started.elapsed().as_secs_f64(), cpu());
    match budget {
        None => println!("{TOKENS} tokens in {wall:.3} s ({cpu:.2} s of CPU), peak memory {}", peak_memory()),
        Some(_) => println!("{TOKENS} tokens in {wall:.3} s under a budget"),
    }
}

async fn serve(arrivals: Arc<Mutex<Vec<Instant>>>) -> String {
    let pages: Arc<Vec<Bytes>> = Arc::new((0..PAGES).map(page).collect());
    let router = Router::new().fallback(move |Query(query): Query<HashMap<String, String>>| {
        arrivals.lock().unwrap().push(Instant::now());
        let number: usize = query["page"].parse().unwrap();
        let next = if number < PAGES { (number + 1).to_string() } else { String::new() };
        let body = pages.get(number - 1).cloned().unwrap_or(Bytes::from_static(b"[]"));
        async move { ([("x-next-page", next), ("content-type", "application/json".to_owned())], body).into_response() }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    base
}

fn page(number: usize) -> Bytes {
    let row = |id: usize| {
        serde_json::json!({
            "id": id, "name": format!("deploy token {id}"), "revoked": false, "active": true, "user_id": id / 3,
            "created_at": "2026-01-31T10:00:00.000Z", "description": "made by the release team", "scopes": ["api"],
            "last_used_at": "2026-11-20T10:00:00.000Z", "last_used_ips": ["10.0.0.1"], "expires_at": "2027-01-31",
        })
    };
    let rows: Vec<_> = (number * 100 + 1..=number * 100 + 100).map(row).collect();
    serde_json::to_vec(&rows).unwrap().into()
}

fn busiest(arrivals: &[Instant], window: Duration) -> usize {
    let within = |from: usize| arrivals[from..].iter().take_while(|at| **at - arrivals[from] < window).count();
    (0..arrivals.len()).map(within).max().unwrap_or(0)
}

/// Seconds that this process has computed, in ticks of 10 ms as the kernel counts them.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown".to_owned(), |peak| peak.trim().to_owned())
}
