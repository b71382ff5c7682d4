//! Who can be asked who somebody is: GitLab always, the messengers that are configured.

use super::{StartError, slack_api};
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::directory::{Directories, GitlabDirectory, SlackDirectory};
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
        let people = SlackDirectory::new(api, slack.team.clone(), clock);
        directories = directories.with(Service::Slack, Arc::new(people));
    }
    Ok(directories)
}
