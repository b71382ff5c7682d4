//! Whose certificates are believed for whom: an authority that signs for one host of the configuration signs for no other.

use crate::store::tls;
use axum::{Json, Router};
use rekey::app;
use rekey::config::{Config, Machine, load};
use serde_json::json;
use tempfile::TempDir;

/// A configuration with everything at one address, and the authority in one section.
fn configuration(address: &str, section: &str) -> (TempDir, Config) {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "glpat-SecretSecretSecret00").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let text = format!(
        r#"
        [gitlab]
        url = "{address}"
        token = "file:secret"
        [issues]
        project = "acme/ops"
        [slack]
        token = "file:secret"
        signing_secret = "file:secret"
        team = "T0TEAM0001"
        channel = "C0OPS00001"
        api_url = "{address}"
        [discord]
        mode = "gateway"
        token = "file:secret"
        application = "123456789012345678"
        guild = "123456789012345678"
        channel = "123456789012345678"
        api_url = "{address}"
        "#
    );
    let text = text.replace("file:", &format!("file:{}/", folder.path().display()));
    let ca = format!("[{section}]\nca_file = \"{}\"", tls::ca_file().display());
    std::fs::write(folder.path().join("rekey.toml"), text.replace(&format!("[{section}]"), &ca)).unwrap();
    let config = load(&folder.path().join("rekey.toml"), &Machine).unwrap();
    (folder, config)
}

/// Who is believed to speak for Slack and for Discord.
async fn believed(section: &str) -> [bool; 2] {
    let answer = json!({"ok": true, "id": "123456789012345678", "username": "rekey", "team_id": "T0TEAM0001", "user_id": "U0BOT"});
    let address = tls::serve(Router::new().fallback(move || async move { Json(answer) })).await;
    let (_folder, config) = configuration(&address, section);
    let slack = app::slack_of(&config).unwrap().unwrap().auth_test().await;
    let discord = app::discord_of(&config).unwrap().unwrap().me().await;
    [slack.is_ok(), discord.is_ok()]
}

#[tokio::test]
async fn who_signs_for_gitlab_does_not_sign_for_the_messengers() {
    assert_eq!(believed("gitlab").await, [false, false]);
    assert_eq!(believed("slack").await, [true, false]);
    assert_eq!(believed("discord").await, [false, true]);
}
