//! An OpenBao that runs for as long as the demo does and keeps everything in memory. It is minded by a shell that hears
//! when we are gone, however that came about, and ends it then.

use super::DemoError;
use reqwest::{Client, Method};
use serde_json::Value;
use std::net::TcpListener;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, Command};

/// Longer than it takes to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const BLINK: Duration = Duration::from_millis(50);
/// How often another port is tried.
const TRIES: usize = 5;
/// How a shell says that there is no such program.
const NO_PROGRAM: i32 = 127;

/// Our end of the pipe closes when we end, also by SIGKILL; what reads at its other end kills the server then.
const MINDER: &str = r#"
exec 3<&0
bao server -dev -dev-no-store-token "-dev-listen-address=$1" 3<&- &
server=$!
{ while read -r _; do :; done; kill -KILL "$server"; } <&3 3<&- 2>/dev/null &
minder=$!
exec 3<&-
wait "$server"
ended=$?
kill -KILL "$minder"
exit "$ended"
"#;

/// A server, and how to reach it.
pub(super) struct OpenBao {
    pub(super) address: String,
    pub(super) token: String,
    client: Client,
    shell: Child,
}

impl OpenBao {
    /// Starts one, with everything that it may write in `folder`. A port that somebody else was quicker to take is given
    /// up for another.
    pub(super) async fn start(folder: &Path, client: &Client) -> Result<Self, DemoError> {
        let token = hex::encode(rand::random::<[u8; 16]>());
        let mut last = None;
        for _ in 0..TRIES {
            let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|taken| taken.local_addr());
            let listen = free.map_err(DemoError::io("no port for OpenBao"))?.to_string();
            let shell = minded(folder, &listen, &token).map_err(DemoError::io("OpenBao cannot be started"))?;
            let address = format!("http://{listen}");
            let mut server = Self { address, token: token.clone(), client: client.clone(), shell };
            match server.wake().await? {
                None => return Ok(server),
                Some(ended) if ended.code() == Some(NO_PROGRAM) => return Err(DemoError::NoOpenBao),
                Some(ended) => last = Some(ended),
            }
        }
        Err(DemoError::OpenBaoEnds(last.map(|ended| ended.to_string()).unwrap_or_default()))
    }

    /// Waits until it answers; `Some`: it ended instead.
    async fn wake(&mut self) -> Result<Option<ExitStatus>, DemoError> {
        let waking = async {
            loop {
                if let Some(ended) = self.shell.try_wait().map_err(DemoError::io("OpenBao cannot be looked after"))? {
                    return Ok(Some(ended));
                }
                if self.call(Method::GET, "secret/config", None).await.is_ok() {
                    return Ok(None);
                }
                tokio::time::sleep(BLINK).await;
            }
        };
        tokio::time::timeout(PATIENCE, waking).await.map_err(|_| DemoError::Late("the start of OpenBao"))?
    }

    pub(super) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, DemoError> {
        let failed = |error: reqwest::Error| DemoError::Call(error.without_url().to_string());
        let request = self.client.request(method, format!("{}/v1/{path}", self.address));
        let request = request.header("x-vault-token", &self.token);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.and_then(reqwest::Response::error_for_status).map_err(failed)?;
        let text = answer.bytes().await.map_err(failed)?;
        Ok(serde_json::from_slice(&text).unwrap_or_default())
    }

    /// Ends it, and waits until it is gone.
    pub(super) async fn stop(mut self) {
        drop(self.shell.stdin.take());
        // What cannot be waited for has ended.
        let _ = self.shell.wait().await;
    }
}

fn minded(folder: &Path, listen: &str, token: &str) -> std::io::Result<Child> {
    Command::new("/bin/sh")
        .args(["-c", MINDER, "sh", listen])
        .env("HOME", folder)
        // Not as an argument, which everybody on the machine could read.
        .env("BAO_DEV_ROOT_TOKEN_ID", token)
        // Ctrl-C is for us: the server ends only when the bot has finished what is in hand.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}
