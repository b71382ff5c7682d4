//! A crowd that wants nothing good, before the real binary in a memory cgroup of the manifest's limit, and one person
//! whose clicks must count meanwhile. Everything goes to loopback, and ends after a number of clicks.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// As `manifests/kubernetes/deployment.yaml` has it.
pub const LIMIT: u64 = 256 << 20;

/// Peers in a crowd.
const CROWD: usize = 8;
/// Slack shows a failure after three seconds.
const PATIENCE: Duration = Duration::from_secs(3);

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// What one of the crowd does, again and again.
#[derive(Clone, Copy, Debug)]
pub enum Nuisance {
    /// A head that could be genuine, all but one byte of 1 MiB, and silence.
    Unfinished,
    /// The same, of which one byte comes.
    OneByte,
    /// One request after the other, and no answer is ever read.
    NonReader,
}

/// What was seen of one kind of crowd.
#[derive(Debug)]
pub struct Seen {
    /// Clicks that were answered with 200 within Slack's patience.
    pub counted: usize,
    /// Of so many.
    pub clicks: usize,
    /// The longest that one took.
    pub slowest: Duration,
    /// The most memory that the process ever had, so far.
    pub peak: u64,
    /// Whether `/healthz` said 200 afterwards.
    pub healthy: bool,
}

/// The bot, where the limit holds for it.
pub struct Bot {
    process: Child,
    /// Where the world reaches it.
    pub address: SocketAddr,
    /// The cgroup; `None` where none can be made. Then the peak is compared with the limit instead.
    pub cage: Option<Cage>,
    folder: tempfile::TempDir,
}

/// A memory cgroup of its own.
pub struct Cage(PathBuf);

impl Cage {
    fn new() -> Option<Self> {
        let name = format!("rekey-doors-{}", std::process::id());
        let limits = [("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")];
        limits.into_iter().find_map(|(root, limit)| {
            let folder = Path::new(root).join(&name);
            std::fs::create_dir(&folder).ok()?;
            let cage = Self(folder);
            std::fs::write(cage.0.join(limit), LIMIT.to_string())
                .ok()
                .filter(|()| cage.0.join("cgroup.procs").exists())?;
            Some(cage)
        })
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        // Left behind it is an empty folder that the next start of the machine takes away.
        let _ = std::fs::remove_dir(&self.0);
    }
}

impl Bot {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|bound| bound.local_addr()).expect("a free port");
        std::fs::write(folder.path().join("rekey.toml"), configuration(port)).expect("a configuration");
        let cage = Cage::new();
        let mut command = Command::new("sh");
        command.args(["-c", r#"[ -z "$0" ] || echo $$ >"$0/cgroup.procs"; exec "$@""#]);
        command.arg(cage.as_ref().map_or(Path::new(""), |cage| cage.0.as_path()));
        command.args([env!("CARGO_BIN_EXE_rekey"), "serve", "--config", "rekey.toml"]).current_dir(folder.path());
        command.env_clear().env("TOKEN", "glpat-Bench00Bench00Bench0").env("SECRET", SECRET);
        command.env("PASSWORD", "mail-password-of-the-relay").env("SLACK", "xoxb-bench");
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let process = command.stderr(log).stdout(Stdio::null()).spawn().expect("the bot starts");
        let bot = Self { process, address: port, cage, folder };
        let start = Instant::now();
        while bot.get("/readyz").await != Some(200) {
            assert!(start.elapsed() < Duration::from_secs(60), "the bot is never ready: {}", bot.log());
            tokio::task::yield_now().await;
        }
        bot
    }

    /// A crowd of `many`, and so many clicks through it.
    pub async fn endure(&mut self, nuisance: Nuisance, many: usize, clicks: usize) -> Seen {
        let mut crowd = JoinSet::new();
        for number in 0..many {
            let address = self.address;
            // A crowd of few peers, none of which is who clicks.
            let from = IpAddr::from([127, 0, 0, 2 + u8::try_from(number % CROWD).unwrap_or_default()]);
            crowd.spawn(async move {
                loop {
                    // Whoever is cut comes again.
                    if annoy(from, address, nuisance).await.is_err() {
                        tokio::task::yield_now().await;
                    }
                }
            });
        }
        let (mut counted, mut slowest) = (0, Duration::ZERO);
        for number in 0..clicks {
            let start = Instant::now();
            let answered = tokio::time::timeout(PATIENCE, self.click(number)).await;
            slowest = slowest.max(start.elapsed());
            counted += usize::from(matches!(answered, Ok(Some(200))));
        }
        crowd.shutdown().await;
        let healthy = self.get("/healthz").await == Some(200);
        Seen { counted, clicks, slowest, peak: self.peak(), healthy }
    }

    /// The most memory that the process ever had; nothing if it is no more.
    pub fn peak(&mut self) -> u64 {
        if !matches!(self.process.try_wait(), Ok(None)) {
            return u64::MAX;
        }
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.map_or(u64::MAX, |kilobytes| kilobytes << 10)
    }

    /// The last lines of its log.
    pub fn log(&self) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    async fn click(&self, number: usize) -> Option<u16> {
        let sample = include_str!("../../tests/samples/slack/block_actions.approve.composed.json");
        let mut click: serde_json::Value = serde_json::from_str(sample).expect("a sample");
        click["trigger_id"] = format!("{number}.{}", self.process.id()).into();
        click["actions"][0]["action_id"] = "rekey.approve".into();
        click["actions"][0]["value"] =
            "rekey:approve:01jdabcdefghjkmnpqrstvwxyz:0123456789abcdef0123456789abcdef".into();
        let body = form_urlencoded::Serializer::new(String::new()).append_pair("payload", &click.to_string()).finish();
        let head = head("/slack/interactions", &body, body.len());
        status(self.address, &format!("{head}{body}")).await
    }

    async fn get(&self, path: &str) -> Option<u16> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n");
        tokio::time::timeout(PATIENCE, status(self.address, &request)).await.ok()?
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        // One that is gone already needs no end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn configuration(listen: SocketAddr) -> String {
    format!(
        r#"
        server = {{ listen = "{listen}" }}
        database = {{ url = "sqlite:rekey.db" }}
        gitlab = {{ url = "http://127.0.0.1:9", token = "env:TOKEN" }}
        issues = {{ project = "acme/ops" }}
        mail = {{ hmac_secret = "env:SECRET", senders = ["gitlab.example"], trust = "ingress" }}
        slack = {{ token = "env:SLACK", signing_secret = "env:SECRET", team = "T0TEAM0001", channel = "C0OPS00001", api_url = "http://127.0.0.1:9/api" }}
        "#
    )
}

/// A head as Slack makes it; genuine for exactly that body.
fn head(path: &str, body: &str, length: usize) -> String {
    let time = jiff::Timestamp::now().as_second();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key will do");
    mac.update(format!("v0:{time}:{body}").as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         x-slack-request-timestamp: {time}\r\nx-slack-signature: v0={signature}\r\n\
         x-rekey-timestamp: {time}\r\nx-rekey-signature: v1={signature}\r\ncontent-length: {length}\r\n\r\n"
    )
}

async fn annoy(from: IpAddr, address: SocketAddr, nuisance: Nuisance) -> std::io::Result<()> {
    let line = TcpSocket::new_v4()?;
    line.bind((from, 0).into())?;
    let mut line = line.connect(address).await?;
    match nuisance {
        Nuisance::Unfinished => {
            line.write_all(head("/hooks/mail", "", 1 << 20).as_bytes()).await?;
            line.write_all(&vec![b'x'; (1 << 20) - 1]).await?;
        }
        Nuisance::OneByte => {
            line.write_all(format!("{}x", head("/slack/interactions", "", 9)).as_bytes()).await?;
        }
        Nuisance::NonReader => {
            let many = "GET /healthz HTTP/1.1\r\nhost: bench\r\n\r\n".repeat(100);
            loop {
                line.write_all(many.as_bytes()).await?;
            }
        }
    }
    // Silence, until the other side has had enough.
    let mut said = [0; 512];
    while line.read(&mut said).await? > 0 {}
    Ok(())
}

async fn status(address: SocketAddr, request: &str) -> Option<u16> {
    let mut line = TcpStream::connect(address).await.ok()?;
    line.write_all(request.as_bytes()).await.ok()?;
    let mut said = vec![0; 1024];
    let count = line.read(&mut said).await.ok()?;
    std::str::from_utf8(&said[..count]).ok()?.split(' ').nth(1)?.parse().ok()
}
