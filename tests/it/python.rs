//! Official clients and validators written in Python: found through `REKEY_PYTHON`, else `python3`.

use std::process::Stdio;
use tokio::process::Command;

/// The Python that can import `module`. `None`: it is not installed here, which is said and, in CI, fails.
pub async fn with(module: &str) -> Option<String> {
    let python = std::env::var("REKEY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let probe = Command::new(&python).args(["-c", &format!("import {module}")]).stderr(Stdio::null()).status().await;
    if probe.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{python} cannot import {module}; CI must not skip this");
    println!(
        "skipped: {python} cannot import {module} (see tests/python/requirements.txt; REKEY_PYTHON names a python)"
    );
    None
}
