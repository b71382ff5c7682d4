//! Official clients and validators in Python: found through `REKEY_PYTHON`, else `python3`. They must accept our fakes,
//! because whoever wrote them never saw our adapters.

use std::process::{Command, Stdio};

/// The Python that can import `module`. `None`: it is not installed here, which is said and, in CI, fails.
pub fn with(module: &str) -> Option<String> {
    let python = std::env::var("REKEY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let probe = Command::new(&python).args(["-c", &format!("import {module}")]).stderr(Stdio::null()).status();
    if probe.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{python} cannot import {module}; CI must not skip this");
    println!(
        "skipped: {python} cannot import {module} (see tests/python/requirements.txt; REKEY_PYTHON names a python)"
    );
    None
}

/// Runs `tests/python/<script>` with these variables; the test fails if it does. `None`: the module is not installed, see
/// [`with`]. Else what the script said.
pub async fn runs(module: &str, script: &str, variables: &[(&str, &str)]) -> Option<String> {
    let python = with(module)?;
    let script = format!("{}/tests/python/{script}", env!("CARGO_MANIFEST_DIR"));
    let run = tokio::process::Command::new(python).arg(script).envs(variables.iter().copied()).output();
    let done = run.await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(String::from_utf8_lossy(&done.stdout).trim().to_owned())
}
