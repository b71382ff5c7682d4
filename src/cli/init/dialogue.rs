//! The questions of `rekey init`. A secret is never asked for, only where it is; an answer that is a secret is refused.

use super::super::CliError;
use super::answers::{Answers, SOCKET};
use super::{InitArgs, draft};
use crate::secret::is_safe;
use std::io::{self, BufRead, Write};
use std::path::Path;

/// Somebody, or something, that answers.
pub struct Dialogue<'a> {
    input: &'a mut dyn BufRead,
    output: &'a mut dyn Write,
    interactive: bool,
}

/// A question, the flag that answers it, what holds if nobody does, and whose place the answer takes.
struct Question<'q> {
    words: &'q str,
    flag: &'q str,
    given: &'q Option<String>,
    default: Option<&'q str>,
    place: Place,
}

type Place = fn(&mut Answers) -> &mut String;

impl Question<'_> {
    /// What is wrong with an answer, by the same rules as in a configuration.
    fn objection(&self, answer: &str) -> Option<String> {
        let mut answers = Answers::sample();
        *(self.place)(&mut answers) = answer.to_owned();
        let checked = draft::check(Path::new("rekey.toml"), &draft::render(&answers));
        checked.err().map(|errors| draft::objections(&errors))
    }
}

impl<'a> Dialogue<'a> {
    /// `interactive`: a person is at the other end, who can be asked again.
    pub fn new(input: &'a mut dyn BufRead, output: &'a mut dyn Write, interactive: bool) -> Self {
        Self { input, output, interactive }
    }

    pub(super) fn say(&mut self, text: &str) -> Result<(), CliError> {
        let print = |source| CliError::Io { what: "the terminal cannot be written".into(), source };
        self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush()).map_err(print)
    }

    fn answer(&mut self, question: &Question<'_>, silent: bool) -> Result<String, CliError> {
        if let Some(given) = question.given {
            return Ok(plain(given).to_owned());
        }
        if silent || !self.interactive {
            let what = format!("{} is not known", question.words);
            return question.default.map(str::to_owned).ok_or_else(|| {
                CliError::failed(what, format!("give it with --{}, or run in a terminal", question.flag))
            });
        }
        loop {
            let hint = question.default.filter(|default| !default.is_empty());
            self.say(&format!("{}{}: ", question.words, hint.map(|text| format!(" [{text}]")).unwrap_or_default()))?;
            let line = self.line()?;
            match (line.as_str(), question.default) {
                ("", Some(default)) => return Ok(default.to_owned()),
                ("", None) => self.say("  This one is needed.\n")?,
                (text, _) if !is_safe(text) => {
                    self.say("  That is a secret itself. Say where it is: env:NAME or file:/path.\n")?;
                }
                (text, _) => match question.objection(text) {
                    None => return Ok(text.to_owned()),
                    Some(objection) => self.say(&format!("  {objection}.\n"))?,
                },
            }
        }
    }

    fn line(&mut self) -> Result<String, CliError> {
        let mut line = String::new();
        let read = self.input.read_line(&mut line);
        match read {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            other => other.map(|_| plain(&line).to_owned()),
        }
        .map_err(|source| CliError::Io { what: "no answer could be read".into(), source })
    }
}

/// Without what people type around an answer: blanks, and the @ before a login.
fn plain(answer: &str) -> &str {
    answer.trim().trim_start_matches('@')
}

pub(super) fn ask(args: &InitArgs, dialogue: &mut Dialogue<'_>) -> Result<Answers, CliError> {
    let mut answers = Answers::default();
    let mut ask = |words: &str, flag: &str, given: &Option<String>, default: Option<&str>, place: Place| {
        let answer = dialogue.answer(&Question { words, flag, given, default, place }, args.yes)?;
        *place(&mut answers) = answer.clone();
        Ok::<_, CliError>(!answer.is_empty())
    };
    let (url, token) = (Some("https://gitlab.com"), Some("env:GITLAB_TOKEN"));
    ask("Address of your GitLab", "gitlab-url", &args.gitlab_url, url, |all| &mut all.gitlab_url)?;
    ask("Where the bot's GitLab token is", "gitlab-token", &args.gitlab_token, token, |all| &mut all.gitlab_token)?;
    let project = "Project for the issues (group/project)";
    ask(project, "issues-project", &args.issues_project, None, |all| &mut all.issues_project)?;
    ask("GitLab login of who approves", "approver", &args.approver, None, |all| &mut all.approver)?;
    let (team, none) = ("Slack workspace id (T…), empty for none", Some(""));
    if ask(team, "slack-team", &args.slack_team, none, |all| &mut all.slack_team)? {
        let mode = "How Slack reaches rekey: socket (no public address needed) or http";
        ask(mode, "slack-mode", &args.slack_mode, Some(SOCKET), |all| &mut all.slack_mode)?;
        ask("Slack channel id (C…)", "slack-channel", &args.slack_channel, None, |all| &mut all.slack_channel)?;
        ask("Slack id of who approves (U…)", "slack-user", &args.slack_user, None, |all| &mut all.slack_user)?;
    }
    let application = "Discord application id (digits), empty for none";
    if ask(application, "discord-application", &args.discord_application, none, |all| &mut all.discord_application)? {
        ask("Discord server id", "discord-guild", &args.discord_guild, None, |all| &mut all.discord_guild)?;
        ask("Discord channel id", "discord-channel", &args.discord_channel, None, |all| &mut all.discord_channel)?;
        ask("Discord id of who approves", "discord-user", &args.discord_user, None, |all| &mut all.discord_user)?;
    }
    let secret = "Where the secret token for GitLab's webhooks is (env:NAME or file:/path), empty for no webhooks";
    ask(secret, "webhook-secret", &args.webhook_secret, none, |all| &mut all.webhook_secret)?;
    let sender = "Address GitLab's mails come from, empty for no mail";
    ask(sender, "mail-sender", &args.mail_sender, none, |all| &mut all.mail_sender)?;
    ask("Database", "database", &args.database, Some("sqlite:rekey.db"), |all| &mut all.database)?;
    Ok(answers)
}
