//! Two more places for the demo's token beside the variable: a file, and a key-value engine of an OpenBao that runs for as
//! long as the demo does and keeps everything in memory.

use super::DemoError;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// OpenBao's program.
const PROGRAM: &str = "bao";
/// Longer than it takes to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const BLINK: Duration = Duration::from_millis(50);
/// Where the value lies there.
const SECRET: &str = "secret/data/inventory";

/// Where the demo's token lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stores {
    /// In a CI/CD variable.
    Variable,
    /// There, in a file, and in OpenBao.
    Three,
}

/// A store and the token that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What people call it.
    pub store: String,
    /// By number; `None`: no token of GitLab's.
    pub token: Option<u64>,
}

/// The file, and the server; it ends when this is dropped.
pub(super) struct Shelves {
    file: PathBuf,
    address: String,
    token: String,
    client: Client,
    _server: Child,
}

impl Shelves {
    /// Starts the server, with everything that it may write in `folder`.
    pub(super) async fn new(folder: &Path, client: Client) -> Result<Self, DemoError> {
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|taken| taken.local_addr());
        let listen = free.map_err(DemoError::io("no port for OpenBao"))?;
        let token = hex::encode(rand::random::<[u8; 16]>());
        let server = Command::new(PROGRAM)
            .args(["server", "-dev", "-dev-no-store-token"])
            .arg(format!("-dev-listen-address={listen}"))
            .env("HOME", folder)
            // Not as an argument, which everybody on the machine could read.
            .env("BAO_DEV_ROOT_TOKEN_ID", &token)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let server = server.map_err(|error| match error.kind() {
            ErrorKind::NotFound => DemoError::NoOpenBao,
            _ => DemoError::io("OpenBao cannot be started")(error),
        })?;
        let (address, file) = (format!("http://{listen}"), folder.join("inventory.env"));
        let shelves = Self { file, address, token, client, _server: server };
        let waking = async {
            while shelves.call(Method::GET, "secret/config", None).await.is_err() {
                tokio::time::sleep(BLINK).await;
            }
        };
        tokio::time::timeout(PATIENCE, waking).await.map_err(|_| DemoError::Late("the start of OpenBao"))?;
        Ok(shelves)
    }

    /// What a person would write into the configuration for them, behind the variable.
    pub(super) fn settings(&self) -> String {
        format!(
            r#"
[[token.store]]
kind = "file"
path = "{}"
template = {{ shape = "dotenv", key = "INVENTORY_TOKEN" }}

[[token.store]]
kind = "vault"
at = "openbao"
mount = "secret"
path = "inventory"
field = "token"

[vault.openbao]
url = "{}"
auth = "token"
token = "env:OPENBAO_TOKEN"
"#,
            self.file.display(),
            self.address
        )
    }

    /// By which the bot logs in.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Puts the value there once, as a person does before the bot takes over.
    pub(super) async fn fill(&self, value: &str) -> Result<(), DemoError> {
        let text = format!("# read by the inventory's nightly export\nINVENTORY_TOKEN={value}\n");
        std::fs::write(&self.file, text).map_err(DemoError::io("no file for the token"))?;
        let body = json!({"data": {"token": value, "owner": "security architecture"}});
        self.call(Method::POST, SECRET, Some(body)).await.map(drop)
    }

    /// What they hold.
    pub(super) async fn values(&self) -> Result<[(&'static str, Option<String>); 2], DemoError> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("INVENTORY_TOKEN="));
        let file = line.map(|value| value.trim_matches(['"', '\'']).to_owned());
        // Before it is filled there is nothing there.
        let secret = self.call(Method::GET, SECRET, None).await.unwrap_or_default();
        let field = secret["data"]["data"]["token"].as_str().map(str::to_owned);
        Ok([("file inventory.env", file), ("OpenBao secret/inventory", field)])
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, DemoError> {
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
}
