//! python-gitlab, a client that we did not write, must accept the sandbox.

use super::stage::{BOT, stage};
use rekey::sandbox::gitlab::Mint;
use tokio::process::Command;

#[tokio::test]
async fn python_gitlab_accepts_the_sandbox() {
    let Some(python) = crate::python::with("gitlab") else { return };
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
