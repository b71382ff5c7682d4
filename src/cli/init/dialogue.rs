//! The questions of `rekey init`. A secret is never asked for, only where it is; an answer that is a secret is refused.

use super::super::CliError;
use super::InitArgs;
use crate::secret::redact;
use std::io::{self, BufRead, Write};

/// Somebody, or something, that answers.
pub struct Dialogue<'a> {
    input: &'a mut dyn BufRead,
    output: &'a mut dyn Write,
    interactive: bool,
}

/// What the configuration is made from. Empty means: without.
pub(super) struct Answers {
    pub(super) gitlab_url: String,
    pub(super) gitlab_token: String,
    pub(super) database: String,
    pub(super) issues_project: String,
    pub(super) approver: String,
    pub(super) slack_team: String,
    pub(super) slack_channel: String,
    pub(super) slack_user: String,
    pub(super) mail_sender: String,
}

/// A question, the flag that answers it, and what holds if nobody does.
struct Question<'q> {
    words: &'q str,
    flag: &'q str,
    given: &'q Option<String>,
    default: Option<&'q str>,
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
            return Ok(given.trim().to_owned());
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
                (text, _) if redact(text) != text => {
                    self.say("  That is a secret itself. Say where it is: env:NAME or file:/path.\n")?;
                }
                (text, _) => return Ok(text.to_owned()),
            }
        }
    }

    fn line(&mut self) -> Result<String, CliError> {
        let mut line = String::new();
        let read = self.input.read_line(&mut line);
        match read {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            other => other.map(|_| line.trim().to_owned()),
        }
        .map_err(|source| CliError::Io { what: "no answer could be read".into(), source })
    }
}

pub(super) fn ask(args: &InitArgs, dialogue: &mut Dialogue<'_>) -> Result<Answers, CliError> {
    let mut ask = |words: &str, flag: &str, given: &Option<String>, default: Option<&str>| {
        dialogue.answer(&Question { words, flag, given, default }, args.yes)
    };
    let gitlab_url = ask("Address of your GitLab", "gitlab-url", &args.gitlab_url, Some("https://gitlab.com"))?;
    let gitlab_token =
        ask("Where the bot's GitLab token is", "gitlab-token", &args.gitlab_token, Some("env:GITLAB_TOKEN"))?;
    let issues_project = ask("Project for the issues (group/project)", "issues-project", &args.issues_project, None)?;
    let approver = ask("GitLab login of who approves", "approver", &args.approver, None)?;
    let slack_team = ask("Slack workspace id (T…), empty for none", "slack-team", &args.slack_team, Some(""))?;
    let (mut slack_channel, mut slack_user) = (String::new(), String::new());
    if !slack_team.is_empty() {
        slack_channel = ask("Slack channel id (C…)", "slack-channel", &args.slack_channel, None)?;
        slack_user = ask("Slack id of who approves (U…)", "slack-user", &args.slack_user, None)?;
    }
    let mail_sender =
        ask("Address GitLab's mails come from, empty for no mail", "mail-sender", &args.mail_sender, Some(""))?;
    let database = ask("Database", "database", &args.database, Some("sqlite:rekey.db"))?;
    let approver = approver.trim_start_matches('@').to_owned();
    Ok(Answers {
        gitlab_url,
        gitlab_token,
        database,
        issues_project,
        approver,
        slack_team,
        slack_channel,
        slack_user,
        mail_sender,
    })
}
