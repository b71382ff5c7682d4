//! Discord's wiring: the REST API, the messenger, the door and the Gateway.

use super::{IN_FLIGHT, Lines, StartError, discord_authority};
use crate::chat::Approvers;
use crate::chat::discord::Discord;
use crate::chat::discord::client::{Client, USER_AGENT};
use crate::chat::discord::gateway::Gateway;
use crate::chat::discord::hooks::Hooks;
use crate::clock::SystemClock;
use crate::config::{self, Config, DiscordMode};
use crate::engine::Engine;
use crate::engine::desk::Desk;
use crate::engine::settings::Catalog;
use crate::http::{Api, Backoff, Budget, Credential, Throttle};
use crate::server::discord::{Door, Key, PATIENCE};
use std::sync::Arc;
use std::time::Duration;

/// Discord allows 50 calls a second with one token.
const BUDGET: Budget = Budget { requests: 45, window: Duration::from_secs(1) };

fn api(discord: &config::Discord, credential: Credential) -> Result<Api, StartError> {
    let budget = (!matches!(credential, Credential::Nothing)).then_some(BUDGET);
    let throttle = Arc::new(Throttle::new(IN_FLIGHT, budget));
    let api = Api::new(discord_authority(discord).client()?, &discord.api_url, credential, throttle);
    Ok(api
        .map_err(|error| StartError::Setup(error.to_string()))?
        .with_user_agent(USER_AGENT)
        .with_clock(Arc::new(SystemClock)))
}

/// The same connection that the bot would use for Discord, to be looked at; `None` without Discord.
pub fn discord_of(config: &Config) -> Result<Option<Client>, StartError> {
    let Some(discord) = &config.discord else { return Ok(None) };
    let token = Credential::Bot(discord.token.value.duplicate());
    Ok(Some(Client::new(api(discord, token)?)))
}

/// Where people see rotations; `None` without Discord.
pub(super) fn messenger(config: &Config, lines: &Lines, catalog: &Catalog) -> Option<Discord> {
    let (Some(discord), Some(client)) = (&config.discord, lines.discord.clone()) else { return None };
    let people = config.people.iter().filter_map(|(id, p)| Some((id.clone(), p.discord.clone()?))).collect();
    let policies = catalog.clone();
    let approvers: Approvers = Arc::new(move |token| policies.approvers(token));
    Some(Discord::new(client, discord.guild.clone(), discord.channel.clone(), people, approvers))
}

/// Discord's door, whichever way its interactions come; `None` without Discord.
pub(super) fn door(config: &Config, engine: &Engine, desk: &Arc<Desk>) -> Result<Option<Arc<Door>>, StartError> {
    let Some(discord) = &config.discord else { return Ok(None) };
    let hooks = Hooks::new(api(discord, Credential::Nothing)?, discord.application.clone());
    Ok(Some(Arc::new(Door {
        keys: public_keys(config)?,
        guild: discord.guild.clone(),
        application: discord.application.clone(),
        channel: discord.channel.clone(),
        desk: desk.clone(),
        hooks,
        clock: engine.clock.clone(),
        patience: PATIENCE,
    })))
}

/// What proves that an interaction is Discord's.
pub(super) fn public_keys(config: &Config) -> Result<Vec<Key>, StartError> {
    let Some(DiscordMode::Http { public_keys }) = config.discord.as_ref().map(|discord| &discord.mode) else {
        return Ok(Vec::new());
    };
    let key =
        |text: &String| Key::from_hex(text).map_err(|bad| StartError::Setup(format!("[discord] public_key: {bad}")));
    public_keys.iter().map(key).collect()
}

/// The Gateway, if interactions come over it.
pub(super) fn gateway(config: &Config, lines: &Lines) -> Result<Option<Gateway>, StartError> {
    let (Some(discord), Some(client)) = (&config.discord, lines.discord.clone()) else { return Ok(None) };
    if discord.mode != DiscordMode::Gateway {
        return Ok(None);
    }
    let sockets = discord_authority(discord).sockets(&discord.api_url)?;
    let backoff = Backoff::jittered(Duration::from_secs(1), Duration::from_secs(120));
    Ok(Some(Gateway::new(sockets, client, discord.token.value.duplicate(), backoff)))
}
