//! Who can be asked who somebody is: GitLab always, the messengers that are configured; and with what their one-time
//! codes are kept.

use super::{Lines, StartError};
use crate::clock::Clock;
use crate::config::{Config, SecretRef};
use crate::engine::directory::{Directories, DiscordDirectory, GitlabDirectory, SlackDirectory};
use crate::engine::step_up::Seal;
use crate::gitlab::Client;
use crate::ledger::Ledger;
use crate::rotation::account::Service;
use std::sync::Arc;

/// Every service of the configuration.
pub fn directories(
    config: &Config,
    lines: &Lines,
    gitlab: &Client,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
) -> Directories {
    let people = GitlabDirectory::new(gitlab.clone(), clock.clone()).held_in(ledger);
    let mut directories = Directories::default().with(Service::Gitlab, Arc::new(people));
    if let (Some(slack), Some(api)) = (&config.slack, &lines.slack) {
        let people = SlackDirectory::new(api.clone(), slack.team.clone(), clock.clone());
        directories = directories.with(Service::Slack, Arc::new(people));
    }
    if let (Some(discord), Some(api)) = (&config.discord, &lines.discord) {
        let people = DiscordDirectory::new(api.clone(), discord.guild.clone(), clock);
        directories = directories.with(Service::Discord, Arc::new(people));
    }
    directories
}

/// What seals the secrets of one-time codes, if there are such codes.
pub fn seal(config: &Config) -> Result<Option<Seal>, StartError> {
    let keys = config.step_up.as_ref().map(|step_up| step_up.keys.as_slice()).unwrap_or_default();
    let Some((first, older)) = keys.split_first() else { return Ok(None) };
    let older: Vec<_> = older.iter().map(|key| key.value.duplicate()).collect();
    let bad = |key: &SecretRef, why| StartError::Setup(format!("[step_up] key {}: {why}", key.reference));
    Seal::new(&first.value, &older).map(Some).map_err(|why| bad(first, why))
}
