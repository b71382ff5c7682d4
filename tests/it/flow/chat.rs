//! Slack as a second surface of a team.

use rekey::chat::Messenger;
use rekey::chat::slack::{Approvers, Slack, client::Client};
use rekey::engine::settings::Catalog;
use rekey::http::{Api, Credential, Throttle};
use rekey::secret::Secret;
use std::sync::Arc;

pub const CHANNEL: &str = "C0OPS00001";
pub const BOT: &str = "xoxb-1234567890-BotBotBot";

/// Cards in the channel of the sandbox Slack at this address.
pub fn messenger(base: &str, catalog: &Catalog) -> Arc<dyn Messenger> {
    let client = rekey::http::client(None).unwrap();
    let token = Credential::Bearer(Secret::new(BOT.into()));
    let api = Api::new(client, &format!("{base}/api"), token, Arc::new(Throttle::new(4, None))).unwrap();
    let people = catalog.people.iter().filter_map(|(id, person)| Some((id.clone(), person.slack.clone()?))).collect();
    let policies = catalog.clone();
    let approvers: Approvers = Arc::new(move |token| policies.policy(token).approvers);
    Arc::new(Slack::new(Client::new(api), CHANNEL.into(), people, approvers))
}
