//! Signed clicks acknowledged, beside Slack's own framework in the same run: `cargo bench --bench clicks`.
//! Closed loop: 64 connections, each sends when it was answered; the figure is how many times more than `@slack/bolt`,
//! whose handler acknowledges and remembers nothing, while ours commits each click before it answers. What follows the
//! acknowledgement is left out on both sides. A bare axum handler, which checks and remembers nothing, shows how much the
//! machine allows; the processor's time is the server's alone, without the client. Open loop: 64 connections, 2,000 a second on a fixed timetable; the figure
//! is the 99th percentile, counted from the timetable. Needs node and the packages of `tests/node` (REKEY_NODE_MODULES).
//! `REKEY_BENCH_DATABASE=postgres://...` takes that database instead of a fresh SQLite file.

#[path = "webhooks/client.rs"]
mod client;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use client::{PLACE, Request, closed_loop, open_loop, processor_seconds};
use rekey::chat::slack::client::{Client, Hooks};
use rekey::clock::SystemClock;
use rekey::config::{Machine, WithoutSecrets};
use rekey::engine::RealDice;
use rekey::engine::desk::Desk;
use rekey::engine::desk::visitors::Visitors;
use rekey::http::{Api, Credential, Throttle};
use rekey::notice::signature::Key;
use rekey::secret::Secret;
use rekey::server::{Limits, Pulse, Settings, slack};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(4);
const CONNECTIONS: usize = 64;
const RATE: u32 = 2000;
const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder for the database");
    let url = std::env::var("REKEY_BENCH_DATABASE")
        .unwrap_or_else(|_| format!("sqlite:{}", folder.path().join("bench.db").display()));
    let (bare, ours) = runtime.block_on(async { (bare().await, serve(&url).await) });
    let bolt = Bolt::start();
    let here = std::process::id();
    let mut sides = vec![Side::new("bare axum", bare, here), Side::new("rekey", ours, here)];
    sides.extend(bolt.as_ref().map(|bolt| Side::new("@slack/bolt", bolt.address, bolt.process.id())));
    let body = body();
    println!("body {} bytes, {ROUNDS} rounds of {} s, the median counts", body.len(), ROUND.as_secs());
    for _ in 0..ROUNDS {
        sides.iter_mut().for_each(|side| side.play(&body));
    }
    println!("{:<12}{:>10}{:>10}{:>22}", "", "clicks/s", "of bare", "processor a click");
    sides.iter().for_each(|side| side.print(sides[0].rate()));
    if let [bare, ours, beside] = &sides[..] {
        let (times, most) = (ours.rate() / beside.rate(), bare.rate() / beside.rate());
        println!("rekey acknowledges {times:.1} times as many as @slack/bolt; bare axum, {most:.1} times");
    }
    drop(bolt);
    let run = open_loop(ours, request(&body), CONNECTIONS, RATE, ROUND);
    let (median, most) = (run.percentile(50), run.percentile(99));
    println!("rekey at {RATE}/s, open loop: median {median:.2} ms, 99th percentile {most:.2} ms");
}

/// One of those that are compared, and what was measured of it, round by round.
struct Side {
    name: &'static str,
    address: SocketAddr,
    process: u32,
    rates: Vec<f64>,
    costs: Vec<f64>,
}

impl Side {
    fn new(name: &'static str, address: SocketAddr, process: u32) -> Self {
        Self { name, address, process, rates: Vec::new(), costs: Vec::new() }
    }

    fn play(&mut self, body: &str) {
        let before = processor_seconds(self.process);
        let run = closed_loop(self.address, request(body), CONNECTIONS, ROUND);
        let mut used = processor_seconds(self.process) - before;
        if self.process == std::process::id() {
            used -= run.own.as_secs_f64();
        }
        self.rates.push(run.per_second);
        self.costs.push(used / run.latencies.len() as f64 * 1e6);
    }

    fn rate(&self) -> f64 {
        median(&self.rates)
    }

    fn print(&self, bare: f64) {
        let (rate, cost) = (self.rate(), median(&self.costs));
        println!("{:<12}{rate:>10.0}{:>10.2}{cost:>19.0} us", self.name, rate / bare);
    }
}

/// A handler that takes a click and says 200, whoever sent it: what this machine, shared with the client, can do at all.
async fn bare() -> SocketAddr {
    let app = axum::Router::new().route("/slack/interactions", post(|_: Bytes| async { StatusCode::OK }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// The whole way of a click: the listener with its limits, the signature, the desk, the commit.
async fn serve(url: &str) -> SocketAddr {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/rekey.example.toml");
    let mut config = rekey::config::load(&example, &WithoutSecrets(Machine)).expect("the example is right");
    // Stores and codes have no part in a click, and not every build has every kind of store.
    config.tokens.clear();
    config.connections = Default::default();
    config.step_up = None;
    let ledger = rekey::ledger::open_guarded(url, guard()).await.expect("the database opens");
    let clock = Arc::new(SystemClock);
    let engine = rekey::app::assemble_on(&config, ledger, clock.clone(), Arc::new(RealDice)).expect("an engine");
    let api = || {
        let http = rekey::http::client(None).expect("a client");
        Api::new(http, "http://127.0.0.1:9", Credential::Nothing, Arc::new(Throttle::new(1, None))).expect("an address")
    };
    let door = slack::Door {
        keys: vec![Key::from_text(&Secret::new(SECRET.into())).expect("a key")],
        team: "T0TEAM0001".into(),
        app: None,
        channel: "C0OPS00001".into(),
        desk: Arc::new(Desk::new(engine.clone(), Visitors::default())),
        hooks: Hooks::new(api(), "http://127.0.0.1:9"),
        client: Arc::new(Client::new(api())),
        clock,
        patience: slack::PATIENCE,
    };
    let router = rekey::server::router(engine, Settings::default(), Some(slack::router(Arc::new(door))));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(rekey::server::serve(listener, router, Limits::default(), Pulse::default(), CancellationToken::new()));
    address
}

/// A click on `Approve` as Slack sends it, the whole message included; its trigger is fresh each time.
fn body() -> String {
    let sample = include_str!("../tests/samples/slack/block_actions.approve.composed.json");
    let mut click: serde_json::Value = serde_json::from_str(sample).expect("a sample");
    click["trigger_id"] = PLACE.into();
    click["actions"][0]["action_id"] = "rekey.approve".into();
    click["actions"][0]["value"] = "rekey:approve:01jdabcdefghjkmnpqrstvwxyz:0123456789abcdef0123456789abcdef".into();
    form_urlencoded::Serializer::new(String::new()).append_pair("payload", &click.to_string()).finish()
}

fn request(body: &str) -> Request {
    let time = jiff::Timestamp::now().as_second().to_string();
    let head = format!(
        "POST /slack/interactions HTTP/1.1\r\nhost: bench\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         x-slack-request-timestamp: {time}\r\nx-slack-signature: v0={}\r\ncontent-length: {}\r\n\r\n",
        "0".repeat(64),
        body.len()
    );
    Request::new(format!("{head}{body}"), Some(PLACE), Some((SECRET, &time)))
}

/// Node with Slack's framework, as long as it is needed.
struct Bolt {
    process: Child,
    address: SocketAddr,
}

impl Bolt {
    fn start() -> Option<Self> {
        let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/ci-node/node_modules");
        let modules = std::env::var_os("REKEY_NODE_MODULES").map_or(usual, PathBuf::from);
        if !modules.join("@slack/bolt").exists() {
            println!("@slack/bolt is not there (tests/node/package.json, REKEY_NODE_MODULES): measured alone");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/clicks/bolt.mjs");
        let mut node = Command::new("node");
        node.arg(script).env("NODE_MODULES", modules).env("SIGNING_SECRET", SECRET).stdout(Stdio::piped());
        let mut bolt =
            Self { process: node.spawn().expect("node starts"), address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let mut line = String::new();
        BufReader::new(bolt.process.stdout.take()?).read_line(&mut line).expect("it says its port");
        bolt.address.set_port(line.trim().parse().expect("a port"));
        Some(bolt)
    }
}

impl Drop for Bolt {
    fn drop(&mut self) {
        // A node that is gone already needs no end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn median(of: &[f64]) -> f64 {
    let mut of = of.to_vec();
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// A key, which PostgreSQL needs.
fn guard() -> rekey::ledger::Guard {
    let key = rekey::secret::Secret::new("a2V5LW9mLXRoZS1zdG9yaWVzLTMyLWJ5dGVzLWxvbmc=".into());
    let keys = rekey::ledger::Keys::new(&key, &[]).expect("32 bytes");
    rekey::ledger::Guard { keys: Some(keys), ..rekey::ledger::Guard::default() }
}
