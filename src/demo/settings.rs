//! The bot's configuration for the demo: the text that a person would write, and secrets where it refers to them.

use super::Tempo;
use super::secrets::Secrets;
use super::shelves::Shelves;
use super::stage::{ALICE, BOB, CHANNEL, DISCORD_CHANNEL, TEAM};
use crate::config::Surroundings;
use crate::sandbox::discord;
use std::io;
use std::path::{Path, PathBuf};

/// Our own mail server, by the name with which it says what it has checked.
pub(super) const MAIL_SERVER: &str = "mx.corp.example";
/// Who hands mail over.
pub(super) const MAIL_USER: &str = "mailserver";

/// Where the sandboxes are; a messenger that is not there is not configured.
pub(super) struct Addresses {
    pub gitlab: String,
    pub slack: Option<String>,
    pub discord: Option<Guild>,
    pub folder: PathBuf,
}

/// Where Discord is, and with what its interactions are verified.
pub(super) struct Guild {
    pub url: String,
    pub public_key: String,
}

/// A machine on which the configuration and its secrets lie ready.
pub(super) struct DemoSurroundings {
    text: String,
    secrets: Secrets,
    openbao_token: Option<String>,
}

impl DemoSurroundings {
    pub(super) fn new(secrets: &Secrets, at: &Addresses, tempo: Tempo, shelves: Option<&Shelves>) -> Self {
        let guild = discord::Settings::default();
        let (url, public_key) = match &at.discord {
            Some(discord) => (discord.url.clone(), discord.public_key.clone()),
            None => (String::new(), String::new()),
        };
        let values = [
            ("{gitlab}", at.gitlab.clone()),
            ("{slack}", at.slack.clone().unwrap_or_default()),
            ("{discord}", url),
            ("{public_key}", public_key),
            ("{application}", guild.application),
            ("{guild}", guild.guild),
            ("{discord_channel}", DISCORD_CHANNEL.to_owned()),
            ("{alice_discord}", ALICE.discord.to_owned()),
            ("{bob_discord}", BOB.discord.to_owned()),
            ("{database}", at.folder.join("rekey.db").display().to_string()),
            ("{grace}", tempo.grace.to_string()),
            ("{horizon}", tempo.horizon.to_string()),
            ("{team}", TEAM.to_owned()),
            ("{channel}", CHANNEL.to_owned()),
            ("{alice}", ALICE.slack.to_owned()),
            ("{bob}", BOB.slack.to_owned()),
            ("{mail_user}", MAIL_USER.to_owned()),
            ("{mail_server}", MAIL_SERVER.to_owned()),
            ("{stores}", shelves.map(Shelves::settings).unwrap_or_default()),
        ];
        let mut text = include_str!("settings.toml").to_owned();
        text.push_str(at.slack.as_ref().map_or("", |_| include_str!("slack.toml")));
        text.push_str(at.discord.as_ref().map_or("", |_| include_str!("discord.toml")));
        let text = values.iter().fold(text, |text, (name, value)| text.replace(name, value));
        Self { text, secrets: secrets.clone(), openbao_token: shelves.map(|shelves| shelves.token().to_owned()) }
    }
}

impl Surroundings for DemoSurroundings {
    fn variable(&self, name: &str) -> Option<String> {
        let secrets = &self.secrets;
        let value = match name {
            "GITLAB_TOKEN" => &secrets.gitlab_token,
            "GITLAB_SIGNING_TOKEN" => &secrets.signing_token,
            "SLACK_TOKEN" => &secrets.slack_token,
            "SLACK_SIGNING_SECRET" => &secrets.slack_secret,
            "DISCORD_TOKEN" => &secrets.discord_token,
            "MAIL_PASSWORD" => &secrets.mail_password,
            "OPENBAO_TOKEN" => return self.openbao_token.clone(),
            _ => return None,
        };
        Some(value.clone())
    }

    fn text(&self, _path: &Path) -> io::Result<String> {
        Ok(self.text.clone())
    }

    fn secret_file(&self, _path: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn mode(&self, _path: &Path) -> Option<u32> {
        None
    }

    fn is_sealed(&self, _path: &Path) -> bool {
        false
    }

    fn files(&self, _folder: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }
}
