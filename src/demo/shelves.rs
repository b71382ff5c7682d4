//! Two more places for the demo's token beside the variable: a file, and a key-value engine of an OpenBao.

use super::DemoError;
use super::openbao::OpenBao;
use reqwest::{Client, Method};
use serde_json::json;
use std::path::{Path, PathBuf};

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
    server: OpenBao,
}

impl Shelves {
    /// Starts the server, with everything that it may write in `folder`.
    pub(super) async fn new(folder: &Path, client: &Client) -> Result<Self, DemoError> {
        Ok(Self { file: folder.join("inventory.env"), server: OpenBao::start(folder, client).await? })
    }

    /// Ends the server.
    pub(super) async fn stop(self) {
        self.server.stop().await;
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
            self.server.address
        )
    }

    /// By which the bot logs in.
    pub(super) fn token(&self) -> &str {
        &self.server.token
    }

    /// Puts the value there once, as a person does before the bot takes over.
    pub(super) async fn fill(&self, value: &str) -> Result<(), DemoError> {
        let text = format!("# read by the inventory's nightly export\nINVENTORY_TOKEN={value}\n");
        std::fs::write(&self.file, text).map_err(DemoError::io("no file for the token"))?;
        let body = json!({"data": {"token": value, "owner": "security architecture"}});
        self.server.call(Method::POST, SECRET, Some(body)).await.map(drop)
    }

    /// What they hold.
    pub(super) async fn values(&self) -> Result<[(&'static str, Option<String>); 2], DemoError> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("INVENTORY_TOKEN="));
        let file = line.map(|value| value.trim_matches(['"', '\'']).to_owned());
        // Before it is filled there is nothing there.
        let secret = self.server.call(Method::GET, SECRET, None).await.unwrap_or_default();
        let field = secret["data"]["data"]["token"].as_str().map(str::to_owned);
        Ok([("file inventory.env", file), ("OpenBao secret/inventory", field)])
    }
}
