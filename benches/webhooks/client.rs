//! A client that costs little: keep-alive connections on one thread, requests as ready-made bytes, signed if need be.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Where a fresh key goes.
pub const PLACE: &str = "00000000-0000-0000-0000-000000000000";

/// A request as bytes, where its key goes, and how it is signed once it has one.
#[derive(Clone)]
pub struct Request {
    bytes: Vec<u8>,
    key_at: Option<usize>,
    signer: Option<Signer>,
}

/// Slack's signature over the body, made anew for every key.
#[derive(Clone)]
struct Signer {
    begun: Hmac<Sha256>,
    signature_at: usize,
    body_at: usize,
}

impl Request {
    /// With a fresh key at `place` each time; signed as Slack signs, if a secret and a time are given and the request
    /// has a place of zeros for the signature.
    pub fn new(text: String, place: Option<&str>, sign: Option<(&str, &str)>) -> Self {
        let find = |what: &str| text.find(what).expect("the request has a place for it");
        let key_at = place.map(&find);
        let signer = sign.map(|(secret, time)| {
            let mut begun = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
            begun.update(format!("v0:{time}:").as_bytes());
            Signer { begun, signature_at: find("v0=0000") + 3, body_at: find("\r\n\r\n") + 4 }
        });
        Self { bytes: text.into_bytes(), key_at, signer }
    }

    /// Keys look random, as UUIDs do: their order in the index is the hard part.
    fn renew(&mut self) {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let Some(at) = self.key_at else { return };
        let seed = u64::from(std::process::id()) << 40 | COUNT.fetch_add(1, Ordering::Relaxed);
        let (a, b) = (mix(seed), mix(seed ^ 0x5555_5555_5555_5555));
        let key = format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            a >> 32,
            a >> 16 & 0xffff,
            a & 0xffff,
            b >> 48,
            b & 0xffff_ffff_ffff
        );
        self.bytes[at..at + key.len()].copy_from_slice(key.as_bytes());
        if let Some(Signer { begun, signature_at, body_at }) = &self.signer {
            let signature = begun.clone().chain_update(&self.bytes[*body_at..]).finalize().into_bytes();
            self.bytes[*signature_at..signature_at + 64].copy_from_slice(hex::encode(signature).as_bytes());
        }
    }
}

/// The finaliser of SplitMix64.
fn mix(mut x: u64) -> u64 {
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

/// What a run saw.
pub struct Run {
    pub per_second: f64,
    /// One an answer.
    pub latencies: Vec<Duration>,
    /// What the client itself needed of the processor.
    pub own: Duration,
}

impl Run {
    /// Milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let at = (self.latencies.len() * percent / 100).min(self.latencies.len() - 1);
        self.latencies[at].as_secs_f64() * 1000.0
    }
}

/// Every connection sends as soon as it was answered.
pub fn closed_loop(address: SocketAddr, request: Request, connections: usize, length: Duration) -> Run {
    on_own_thread(async move {
        let start = Instant::now();
        let tasks: Vec<_> = (0..connections)
            .map(|_| {
                let mut request = request.clone();
                tokio::spawn(async move {
                    let mut connection = connect(address).await;
                    let mut latencies = Vec::new();
                    while start.elapsed() < length {
                        latencies.push(ask(&mut connection, &mut request, Instant::now()).await);
                    }
                    latencies
                })
            })
            .collect();
        collect(tasks, start).await
    })
}

/// Requests leave by a timetable, whether or not earlier ones were answered.
pub fn open_loop(address: SocketAddr, request: Request, connections: usize, rate: u32, length: Duration) -> Run {
    on_own_thread(async move {
        let mut doors = Vec::new();
        let mut tasks = Vec::new();
        for _ in 0..connections {
            let (door, mut due) = mpsc::unbounded_channel();
            doors.push(door);
            let (mut request, mut connection) = (request.clone(), connect(address).await);
            tasks.push(tokio::spawn(async move {
                let mut latencies = Vec::new();
                while let Some(from) = due.recv().await {
                    latencies.push(ask(&mut connection, &mut request, from).await);
                }
                latencies
            }));
        }
        let start = Instant::now();
        std::thread::spawn(move || pace(&doors, start, rate, length));
        collect(tasks, start).await
    })
}

fn pace(doors: &[mpsc::UnboundedSender<Instant>], start: Instant, rate: u32, length: Duration) {
    for (number, door) in (0..).zip(doors.iter().cycle()) {
        let from = start + Duration::from_secs(1) * number / rate;
        if from > start + length {
            return;
        }
        std::thread::sleep(from.saturating_duration_since(Instant::now()));
        if door.send(from).is_err() {
            return;
        }
    }
}

fn on_own_thread(run: impl Future<Output = Run> + Send + 'static) -> Run {
    let thread = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        let run = runtime.block_on(run);
        Run { own: used_by_this_thread(), ..run }
    });
    thread.join().expect("the client ends well")
}

/// Of the processor, so far.
fn used_by_this_thread() -> Duration {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(times.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default())
}

/// What a process has used so far; it says more than the clock on a machine that others use too.
pub fn processor_seconds(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / 100.0
}

async fn connect(address: SocketAddr) -> TcpStream {
    let connection = TcpStream::connect(address).await.expect("the server listens");
    connection.set_nodelay(true).expect("a live connection");
    connection
}

/// The answer has no body, so it ends with its head.
async fn ask(connection: &mut TcpStream, request: &mut Request, from: Instant) -> Duration {
    request.renew();
    connection.write_all(&request.bytes).await.expect("the server reads");
    let mut answer = [0; 512];
    let mut length = 0;
    while !answer[..length].ends_with(b"\r\n\r\n") {
        let read = connection.read(&mut answer[length..]).await.expect("the server answers");
        assert!(read > 0, "the server hung up");
        length += read;
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..length]));
    from.elapsed()
}

async fn collect(tasks: Vec<tokio::task::JoinHandle<Vec<Duration>>>, start: Instant) -> Run {
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("a connection ends well"));
    }
    let per_second = latencies.len() as f64 / start.elapsed().as_secs_f64();
    latencies.sort();
    Run { per_second, latencies, own: Duration::ZERO }
}
