//! A server on loopback before a ledger of its own, with everything that it logs and counts.

use async_trait::async_trait;
use axum::Router;
use jiff::Timestamp;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use rekey::clock::{Clock as _, ManualClock};
use rekey::engine::inbox::NOTICE;
use rekey::ledger::{Accepted, Entry, Ledger, LedgerError};
use rekey::notice::Notice;
use rekey::server::{Intake, Limits, Pulse, Settings, admin, router, serve};
use rekey::telemetry::{LogFormat, LogSettings, subscriber};
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// When GitLab signed the first of the sample webhooks.
pub const SIGNED_AT: i64 = 1_795_253_000;

/// Far beyond all limits of the stories, and below the times that libraries have by themselves.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

/// What the engine does with a notice, without the rest of it.
struct Inbox {
    ledger: Arc<dyn Ledger>,
    clock: ManualClock,
}

#[async_trait]
impl Intake for Inbox {
    async fn accept(&self, key: String, notice: &Notice) -> Result<Accepted, LedgerError> {
        let body = serde_json::to_string(notice).unwrap();
        self.ledger.accept(Entry { key, kind: NOTICE.into(), body, received_at: self.clock.now() }).await
    }

    async fn ping(&self) -> Result<(), LedgerError> {
        self.ledger.ping().await
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    /// Lines that say this.
    pub fn count(&self, said: &str) -> usize {
        self.text().lines().filter(|line| line.contains(said)).count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Logs and metrics of one story; they belong to its thread, as everything it does.
pub struct Observed {
    pub log: Log,
    metrics: PrometheusHandle,
    _logging: tracing::subscriber::DefaultGuard,
    _counting: metrics::LocalRecorderGuard<'static>,
}

impl Observed {
    fn new() -> Self {
        let log = Log::default();
        let settings = LogSettings {
            format: Some(LogFormat::Json),
            filter: Some("info,rekey=trace,axum=trace,tower_http=trace".into()),
        };
        let writer = log.clone();
        let logging = tracing::subscriber::set_default(subscriber(&settings, false, move || writer.clone()).unwrap());
        let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
        let metrics = recorder.handle();
        Self { log, metrics, _logging: logging, _counting: metrics::set_default_local_recorder(recorder) }
    }

    /// How many requests to this endpoint ended so.
    pub fn counted(&self, endpoint: &str, result: &str) -> u64 {
        let name = format!(r#"rekey_inbound_requests_total{{endpoint="{endpoint}",result="{result}"}} "#);
        let text = self.metrics.render();
        text.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
    }
}

pub struct House {
    pub address: SocketAddr,
    pub ledger: Arc<dyn Ledger>,
    pub clock: ManualClock,
    pub observed: Observed,
    pub stop: CancellationToken,
    pub served: JoinHandle<()>,
    pulse: Pulse,
    pub client: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl House {
    pub async fn new(settings: Settings) -> Self {
        Self::with(settings, None, |inbox| inbox).await
    }

    /// With endpoints of the chat, and something between the endpoints and the ledger.
    pub async fn with(
        settings: Settings,
        chat: Option<Router>,
        between: impl FnOnce(Arc<dyn Intake>) -> Arc<dyn Intake>,
    ) -> Self {
        Self::build(TcpListener::bind("127.0.0.1:0").await.unwrap(), settings, chat, between).await
    }

    /// At an address that somebody knows already.
    pub async fn listening(listener: TcpListener, settings: Settings) -> Self {
        Self::build(listener, settings, None, |inbox| inbox).await
    }

    async fn build(
        listener: TcpListener,
        settings: Settings,
        chat: Option<Router>,
        between: impl FnOnce(Arc<dyn Intake>) -> Arc<dyn Intake>,
    ) -> Self {
        let observed = Observed::new();
        let folder = tempfile::tempdir().unwrap();
        let ledger = rekey::ledger::open(&format!("sqlite:{}", folder.path().join("rekey.db").display())).await;
        let ledger = ledger.unwrap();
        let clock = ManualClock::at(Timestamp::from_second(SIGNED_AT).unwrap());
        let inbox: Arc<dyn Intake> = Arc::new(Inbox { ledger: ledger.clone(), clock: clock.clone() });
        let (address, limits, stop) = (listener.local_addr().unwrap(), settings.limits, CancellationToken::new());
        let pulse = settings.pulse.clone();
        let app = router(between(inbox), settings, chat);
        let served = tokio::spawn(serve(listener, app, limits, pulse.clone(), stop.clone()));
        let client = rekey::http::client(None).unwrap();
        Self { address, ledger, clock, observed, stop, served, pulse, client, _folder: folder }
    }

    /// The address of the listener for our own people.
    pub async fn admin(&self) -> String {
        let inbox = Arc::new(Inbox { ledger: self.ledger.clone(), clock: self.clock.clone() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = admin(inbox, self.pulse.clone(), Arc::new(|| "rekey_up 1\n".to_owned()));
        tokio::spawn(serve(listener, app, Limits::default(), Pulse::default(), self.stop.clone()));
        format!("http://{address}")
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Bodies of what was remembered since the last look.
    pub async fn remembered(&self) -> Vec<String> {
        let now = self.clock.now();
        let later = now.saturating_add(jiff::SignedDuration::from_hours(99)).unwrap();
        self.ledger.inbox_take("notice", now, later, 100).await.unwrap().into_iter().map(|item| item.body).collect()
    }

    /// A connection of a client that takes no more than a few bytes unread.
    pub async fn narrow_line(&self) -> Line {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 << 10).unwrap();
        Line(socket.connect(self.address).await.unwrap())
    }

    /// A connection of a client that does as it likes.
    pub async fn line(&self) -> Line {
        Line(TcpStream::connect(self.address).await.unwrap())
    }
}

pub struct Line(TcpStream);

impl Line {
    pub async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Whatever the server says until it hangs up, which it must.
    pub async fn hear(&mut self) -> String {
        let mut heard = Vec::new();
        let hung_up = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut heard)).await;
        let _reset = hung_up.expect("the server leaves the line open");
        String::from_utf8(heard).unwrap()
    }

    /// What the server says within one head.
    pub async fn head(&mut self) -> String {
        let mut heard = Vec::new();
        while !heard.ends_with(b"\r\n\r\n") {
            heard.push(self.0.read_u8().await.unwrap());
        }
        String::from_utf8(heard).unwrap()
    }

    /// The same over and over, without ever reading; whether the server hangs up.
    pub async fn pours(&mut self, text: &str) -> bool {
        let pour = async { while self.0.write_all(text.as_bytes()).await.is_ok() {} };
        tokio::time::timeout(PATIENCE, pour).await.is_ok()
    }

    /// One byte after the other, as slowly as the server bears it; then what it says.
    pub async fn trickle(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.drip()).await.expect("the server bears it for ever")
    }

    async fn drip(&mut self) -> String {
        let mut heard = Vec::new();
        let mut buffer = [0; 1024];
        loop {
            let wait = std::time::Duration::from_millis(5);
            match tokio::time::timeout(wait, self.0.read(&mut buffer)).await {
                Err(_) => drop(self.0.write_all(b"x").await),
                Ok(Ok(0) | Err(_)) => return String::from_utf8(heard).unwrap(),
                Ok(Ok(count)) => heard.extend_from_slice(&buffer[..count]),
            }
        }
    }
}

/// Limits that end a story soon.
pub fn impatient() -> Limits {
    let soon = std::time::Duration::from_millis(100);
    Limits { arrival: soon, commit: soon, farewell: soon, ..Limits::default() }
}

pub fn sample(name: &str) -> Vec<u8> {
    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    std::fs::read(samples.join(name)).unwrap()
}

/// What a sender gets: the status, the rest of the head that could tell something, the body.
pub async fn told(response: reqwest::Response) -> (u16, Vec<String>, String) {
    let mut names: Vec<String> = response.headers().keys().map(|name| name.to_string()).collect();
    names.retain(|name| name != "content-length" && name != "date");
    (response.status().as_u16(), names, response.text().await.unwrap())
}

pub fn unauthorized() -> (u16, Vec<String>, String) {
    (401, vec![], String::new())
}
