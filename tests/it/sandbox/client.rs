//! python-gitlab, a client that we did not write, must accept the sandbox.

use super::stage::{BOT, stage};
use rekey::sandbox::gitlab::Mint;
use std::process::Stdio;
use tokio::process::Command;

#[tokio::test]
async fn python_gitlab_accepts_the_sandbox() {
    let python = std::env::var("REKEY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let probe = Command::new(&python).args(["-c", "import gitlab"]).stderr(Stdio::null()).status().await;
    if !probe.is_ok_and(|status| status.success()) {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{python} cannot import gitlab; CI must not skip this");
        println!(
            "skipped: {python} cannot import gitlab (pip install python-gitlab, or name a python in REKEY_PYTHON)"
        );
        return;
    }
    const ADMIN: &str = "glpat-AdminAdminAdminAdmin";
    let stage = stage(|world, _| {
        let admin = world.admin("root");
        world.mint(Mint::new(admin, "root", &["api"]).value(ADMIN));
        for number in 0..25 {
            let user = world.user(&format!("user-{number}"));
            world.mint(Mint::new(user, "personal", &["read_api"]).expires(jiff::civil::date(2027, 1, 15)));
        }
    })
    .await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/gitlab_client.py");
    let done = Command::new(&python)
        .args([script, &stage.gitlab.base_url()])
        .env("BOT_TOKEN", BOT)
        .env("ADMIN_TOKEN", ADMIN)
        .env("ACCOUNT_ID", stage.account.to_string())
        .env("OLD_TOKEN_ID", stage.old.to_string())
        .env("SCHEDULE_ID", stage.schedule.to_string())
        .output()
        .await
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let ignored: Vec<_> = stage.state.calls().into_iter().filter(|call| !call.ignored.is_empty()).collect();
    assert!(ignored.is_empty(), "{ignored:?}");
}
