//! Slack and Discord as further surfaces of a team.

use crate::discord::house;
use rekey::chat::discord::Discord;
use rekey::chat::slack::{Slack, client::Client};
use rekey::chat::{Approvers, Messenger};
use rekey::clock::ManualClock;
use rekey::engine::directory::{Directory, SlackDirectory};
use rekey::engine::settings::Catalog;
use rekey::http::{Api, Backoff, Credential, Throttle};
use rekey::sandbox::slack::{Settings, Slack as Sandbox, World};
use rekey::secret::Secret;
use std::sync::Arc;

pub const CHANNEL: &str = "C0OPS00001";
pub const BOT: &str = "xoxb-1234567890-BotBotBot";

/// Alice, Bob and Carol, whom the configuration names, and Dan and Eve, whom it does not.
pub async fn workspace(clock: &ManualClock) -> Sandbox {
    let settings = Settings { token: BOT.into(), ..Settings::default() };
    let people = [("UALICE", "alice"), ("UBOB", "bob"), ("UCAROL", "carol"), ("UDAN", "dan"), ("UEVE", "eve")];
    let world = World::new(settings, (CHANNEL, "ops"), &people);
    Sandbox::start(world, Arc::new(clock.clone()), rekey::http::client(None).unwrap()).await.unwrap()
}

/// Cards in the channel of the sandbox Slack at this address.
pub fn messenger(base: &str, catalog: &Catalog) -> Arc<dyn Messenger> {
    let people = catalog.people.iter().filter_map(|(id, person)| Some((id.clone(), person.slack.clone()?))).collect();
    let policies = catalog.clone();
    let approvers: Approvers = Arc::new(move |token| policies.approvers(token));
    Arc::new(Slack::new(client(base), CHANNEL.into(), people, approvers))
}

/// Cards in the channel of the sandbox Discord at this address.
pub fn discord(base: &str, catalog: &Catalog) -> Arc<dyn Messenger> {
    let people = catalog.people.iter().filter_map(|(id, person)| Some((id.clone(), person.discord.clone()?))).collect();
    let policies = catalog.clone();
    let approvers = Arc::new(move |token: &_| policies.named(token));
    let settings = rekey::sandbox::discord::Settings::default();
    let client = rekey::chat::discord::client::Client::new(house::api(base, &settings.token));
    Arc::new(Discord::new(client, settings.guild, house::CHANNEL.into(), people, approvers))
}

/// The people of the sandbox Slack at this address.
pub fn directory(base: &str, clock: ManualClock) -> Arc<dyn Directory> {
    Arc::new(SlackDirectory::new(Arc::new(client(base)), Settings::default().team, Arc::new(clock)))
}

fn client(base: &str) -> Client {
    let client = rekey::http::client(None).unwrap();
    let token = Credential::Bearer(Secret::new(BOT.into()));
    let api = Api::new(client, &format!("{base}/api"), token, Arc::new(Throttle::new(4, None))).unwrap();
    Client::new(api.with_backoff(Backoff::none()))
}
