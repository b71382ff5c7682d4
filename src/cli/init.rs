//! `rekey init`: few questions, then a commented configuration that is known to be right before it is written.

mod answers;
mod dialogue;
mod draft;

pub use dialogue::Dialogue;

use super::CliError;
use crate::config::ConfigErrors;
use clap::Args;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// What `rekey init` takes. Whatever is given is not asked.
#[derive(Clone, Debug, Default, Args)]
pub struct InitArgs {
    /// Overwrite a configuration that exists
    #[arg(long)]
    pub force: bool,
    /// Ask nothing: take defaults for what is not given
    #[arg(long)]
    pub yes: bool,
    /// Address of your GitLab
    #[arg(long, value_name = "URL")]
    pub gitlab_url: Option<String>,
    /// Where the bot's GitLab token is: env:NAME or file:/path
    #[arg(long, value_name = "WHERE")]
    pub gitlab_token: Option<String>,
    /// Database: sqlite:FILE or postgres://user@host/name
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Project in which issues are opened
    #[arg(long, value_name = "PATH")]
    pub issues_project: Option<String>,
    /// GitLab login of the first person who may approve
    #[arg(long, value_name = "LOGIN")]
    pub approver: Option<String>,
    /// Slack workspace, T0123ABCD; leave out to go without Slack
    #[arg(long, value_name = "ID")]
    pub slack_team: Option<String>,
    /// Slack channel for the cards, C0123ABCD
    #[arg(long, value_name = "ID")]
    pub slack_channel: Option<String>,
    /// Slack id of the first person who may approve, U0123ABCD
    #[arg(long, value_name = "ID")]
    pub slack_user: Option<String>,
    /// How Slack reaches rekey: socket (no public address is needed) or http
    #[arg(long, value_name = "MODE", value_parser = ["socket", "http"])]
    pub slack_mode: Option<String>,
    /// Id of the Discord application; leave out to go without Discord
    #[arg(long, value_name = "ID")]
    pub discord_application: Option<String>,
    /// Id of the Discord server
    #[arg(long, value_name = "ID")]
    pub discord_guild: Option<String>,
    /// Discord channel for the cards
    #[arg(long, value_name = "ID")]
    pub discord_channel: Option<String>,
    /// Discord id of the first person who may approve
    #[arg(long, value_name = "ID")]
    pub discord_user: Option<String>,
    /// Where the secret token for GitLab's webhooks is: env:NAME or file:/path; leave out to go without webhooks
    #[arg(long, value_name = "WHERE")]
    pub webhook_secret: Option<String>,
    /// Address that GitLab's mails come from; leave out to go without mail
    #[arg(long, value_name = "ADDRESS")]
    pub mail_sender: Option<String>,
}

/// Asks, checks and writes.
pub fn run(args: &InitArgs, path: &Path, dialogue: &mut Dialogue<'_>) -> Result<ExitCode, CliError> {
    if path.exists() && !args.force {
        let what = format!("{} exists", path.display());
        return Err(CliError::failed(what, "use --force to overwrite it, or --config to write another file"));
    }
    let answers = dialogue::ask(args, dialogue)?;
    let text = draft::render(&answers);
    draft::check(path, &text).map_err(|errors| refused(&errors))?;
    write(path, &text, args.force)
        .map_err(|source| CliError::Io { what: format!("{} cannot be written", path.display()), source })?;
    dialogue.say(&draft::farewell(path, &answers))?;
    Ok(ExitCode::SUCCESS)
}

fn refused(errors: &ConfigErrors) -> CliError {
    let what = format!("the answers make no configuration: {}", draft::objections(errors));
    CliError::failed(what, "nothing was written")
}

/// Without `force`, a file that appeared since we looked is not overwritten either.
fn write(path: &Path, text: &str, force: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).truncate(true).create(force).create_new(!force);
    options.open(path)?.write_all(text.as_bytes())
}
