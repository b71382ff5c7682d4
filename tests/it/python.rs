//! Official clients and validators in Python: found through `REKEY_PYTHON`, else `python3`. They must accept our fakes,
//! because whoever wrote them never saw our adapters.

use std::process::{Command, Stdio};

/// The Python that can import `module`. `None`: it is not installed here, which is noted and, in CI, fails.
pub fn with(module: &str) -> Option<String> {
    crate::left_out::unless(find(module), &needs(module))
}

/// What a story without `module` says it needs.
pub fn needs(module: &str) -> String {
    format!("a python that can import {module} (tests/python/requirements.txt; REKEY_PYTHON names one)")
}

/// The same, without a word about its absence.
pub fn find(module: &str) -> Option<String> {
    let python = std::env::var("REKEY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let probe = Command::new(&python).args(["-c", &format!("import {module}")]).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success()).then_some(python)
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
