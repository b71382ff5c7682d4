//! Who can be asked who somebody is: GitLab always, the messengers that are configured; and with what their one-time
//! codes are kept.

use super::{StartError, discord_of, slack_api};
use crate::clock::Clock;
use crate::config::{Config, SecretRef};
use crate::engine::directory::{Directories, DiscordDirectory, GitlabDirectory, SlackDirectory};
use crate::engine::step_up::Seal;
use crate::gitlab::Client;
use crate::rotation::account::Service;
use std::sync::Arc;

/// Every service of the configuration.
pub fn directories(
    config: &Config,
    gitlab: &Client,
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
) -> Result<Directories, StartError> {
    let people = GitlabDirectory::new(gitlab.clone(), clock.clone());
    let mut directories = Directories::default().with(Service::Gitlab, Arc::new(people));
    if let Some(slack) = &config.slack {
        let api = Arc::new(slack_api(slack, &slack.token, client)?);
        let people = SlackDirectory::new(api, slack.team.clone(), clock.clone());
        directories = directories.with(Service::Slack, Arc::new(people));
    }
    if let (Some(discord), Some(api)) = (&config.discord, discord_of(config)?) {
        let people = DiscordDirectory::new(Arc::new(api), discord.guild.clone(), clock);
        directories = directories.with(Service::Discord, Arc::new(people));
    }
    Ok(directories)
}

/// What seals the secrets of one-time codes, if there are such codes.
pub fn seal(config: &Config) -> Result<Option<Seal>, StartError> {
    let keys = config.step_up.as_ref().map(|step_up| step_up.keys.as_slice()).unwrap_or_default();
    let Some((first, older)) = keys.split_first() else { return Ok(None) };
    let older: Vec<_> = older.iter().map(|key| key.value.duplicate()).collect();
    let bad = |key: &SecretRef, why| StartError::Setup(format!("[step_up] key {}: {why}", key.reference));
    Seal::new(&first.value, &older).map(Some).map_err(|why| bad(first, why))
}
