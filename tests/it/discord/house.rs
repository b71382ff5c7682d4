//! A guild with a channel, the people in it, and the bot's messenger towards it.

use crate::slack::rotations::{self, at};
use rekey::chat::discord::Discord;
use rekey::chat::discord::client::{Client, USER_AGENT};
use rekey::chat::discord::hooks::Hooks;
use rekey::clock::ManualClock;
use rekey::http::{Api, Backoff, Credential, Throttle};
use rekey::rotation::ids::PersonId;
use rekey::sandbox::discord::{self as sandbox, Handle, Settings, World};
use rekey::secret::Secret;
use std::sync::Arc;
use std::time::Duration;

pub const CHANNEL: &str = "1300000000000000500";
pub const ALICE: &str = "1300000000000000011";
pub const BOB: &str = "1300000000000000010";
pub const EVE: &str = "1300000000000000666";

pub async fn guild() -> (sandbox::Discord, ManualClock) {
    let people = [(ALICE, "alice"), (BOB, "bob"), (EVE, "eve")];
    let world = World::new(Settings::default(), (CHANNEL, "ops"), &people);
    let clock = ManualClock::at(at(0));
    let http = rekey::http::client(None).unwrap();
    (sandbox::Discord::start(world, Arc::new(clock.clone()), http).await.unwrap(), clock)
}

/// The REST API with the bot's token, impatient: a told-off call is told so at once.
pub fn api(base: &str, token: &str) -> Api {
    let credential = Credential::Bot(Secret::new(token.to_owned()));
    let http = rekey::http::client(None).unwrap();
    let api = Api::new(http, &format!("{base}/api/v10"), credential, Arc::new(Throttle::new(4, None))).unwrap();
    api.with_user_agent(USER_AGENT).with_backoff(Backoff::none()).with_patience(Duration::from_millis(50))
}

pub fn messenger(base: &str, token: &str) -> Discord {
    let people = [("alice", ALICE), ("bob", BOB)];
    let people = people.map(|(person, user)| (PersonId::from(person), user.to_owned()));
    let guild = Settings::default().guild;
    let approvers = Arc::new(|_: &_| rotations::policy(1).approvers);
    Discord::new(Client::new(api(base, token)), guild, CHANNEL.into(), people.into(), approvers)
}

/// The way back to people, as impatient.
pub fn hooks(base: &str) -> Hooks {
    let http = rekey::http::client(None).unwrap();
    let throttle = Arc::new(Throttle::new(4, None));
    let api = Api::new(http, &format!("{base}/api/v10"), Credential::Nothing, throttle).unwrap();
    Hooks::new(api.with_user_agent(USER_AGENT).with_backoff(Backoff::none()), Settings::default().application)
}

pub async fn both() -> (sandbox::Discord, Handle, Discord) {
    let (discord, _) = guild().await;
    let bot = messenger(&discord.base_url(), &Settings::default().token);
    let state = discord.state();
    (discord, state, bot)
}
