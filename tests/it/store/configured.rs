//! Stores as people write them into the configuration.

use rekey::config::{Config, ConfigErrors, Machine, load};
use std::fs;

const AROUND: &str = r#"
[gitlab]
url = "https://gitlab.example.com"
token = "env:PATH"

[issues]
project = "acme/operations"

[people.ada]
slack = "U0ADA"

[[token]]
id = "deploy"
owner = { group = "acme", service_account = "deploy-bot" }
name = "deploy token"
approvers = ["ada"]

[[token.verify]]
kind = "pipeline"
project = "acme/deploy"
ref = "main"
job = "deploy"
"#;

/// A configuration with these connections and stores.
pub fn configured(connections: &str, stores: &str) -> Result<Config, ConfigErrors> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rekey.toml");
    fs::write(&path, format!("{connections}\n{AROUND}\n{stores}\n")).unwrap();
    load(&path, &Machine)
}

/// Everything that is wrong with it, without the places.
pub fn mistakes(connections: &str, stores: &str) -> String {
    configured(connections, stores).err().map_or_else(|| "none".to_owned(), |errors| errors.to_string())
}
