//! Official clients in Python, which must accept our fakes: whoever wrote them never saw our adapters.

use std::process::Stdio;
use tokio::process::Command;

/// Runs `tests/python/<script>` with these variables; it fails the test if it fails. `false`: the module is not
/// installed, which is said and, in CI, fails.
pub async fn accepts(module: &str, script: &str, variables: &[(&str, &str)]) -> bool {
    let python = std::env::var("REKEY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let probe = Command::new(&python).args(["-c", &format!("import {module}")]).stderr(Stdio::null()).status().await;
    if !probe.is_ok_and(|status| status.success()) {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "{python} cannot import {module}; CI must not skip this"
        );
        println!("skipped: {python} cannot import {module} (see tests/python/requirements.txt)");
        return false;
    }
    let script = format!("{}/tests/python/{script}", env!("CARGO_MANIFEST_DIR"));
    let done = Command::new(&python).arg(script).envs(variables.iter().copied()).output().await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    true
}
