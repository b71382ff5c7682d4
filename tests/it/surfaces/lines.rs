//! One connection to each messenger: what one part of the bot learned about it, all parts know.

use crate::discord::house::{ALICE, CHANNEL};
use crate::slack::messenger::workspace_now;
use crate::slack::rotations::{opened, plan};
use rekey::app::assemble;
use rekey::clock::SystemClock;
use rekey::config::{Config, Machine, WithoutSecrets, load};
use rekey::engine::RealDice;
use rekey::engine::directory::Age;
use rekey::rotation::account::{Account, Service};
use rekey::rotation::view::card;
use rekey::sandbox::discord::{Discord, Settings, World};
use std::sync::Arc;

/// An office whose tokens nobody believes.
fn config(folder: &std::path::Path, slack: &str, discord: &str) -> Config {
    let text = format!(
        r#"
[database]
url = "sqlite:{}"
[gitlab]
url = "http://127.0.0.1:9"
token = "env:TOKEN"
[issues]
project = "acme/ops"
[slack]
token = "env:TOKEN"
signing_secret = "env:TOKEN"
team = "T0TEAM0001"
channel = "C0OPS00001"
api_url = "{slack}/api"
[discord]
token = "env:TOKEN"
application = "1300000000000000001"
public_key = "7a111dd70fe28562fa15c7d0d26b06dd48bdfe58e73397576d2e77d1ec8db01c"
guild = "1300000000000000099"
channel = "{CHANNEL}"
api_url = "{discord}/api/v10"
[people.alice]
slack = "U0ALICE001"
discord = "{ALICE}"
"#,
        folder.join("rekey.db").display()
    );
    let path = folder.join("rekey.toml");
    std::fs::write(&path, text).unwrap();
    load(&path, &WithoutSecrets(Machine)).unwrap()
}

#[tokio::test]
async fn a_token_that_was_refused_to_the_cards_is_not_tried_for_the_people() {
    let folder = tempfile::tempdir().unwrap();
    let slack = workspace_now().await;
    let world = World::new(Settings::default(), (CHANNEL, "ops"), &[(ALICE, "alice")]);
    let discord = Discord::start(world, Arc::new(SystemClock), rekey::http::client(None).unwrap()).await.unwrap();
    let config = config(folder.path(), &slack.base_url(), &discord.base_url());
    let engine = assemble(&config, Arc::new(SystemClock), Arc::new(RealDice)).await.unwrap();
    let shown = card(&opened(plan()));
    for _ in 0..3 {
        for surface in ["slack", "discord"] {
            assert!(engine.surfaces[&surface.into()].show(&shown, None).await.is_err());
        }
    }
    let calls = (slack.state().calls(), discord.state().calls());
    assert_eq!((calls.0.len(), calls.1.len()), (1, 3), "{calls:?}");
    for account in [Account::new(Service::Slack, "U0ALICE001"), Account::new(Service::Discord, ALICE)] {
        assert!(engine.directories.standing(&account, Age::Now).await.is_err());
    }
    assert_eq!((slack.state().calls(), discord.state().calls()), calls);
}
