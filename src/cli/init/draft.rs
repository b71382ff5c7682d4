//! From answers to a configuration file, which is read as the bot would read it before anybody relies on it.

use super::answers::{Answers, SOCKET};
use crate::config::{ConfigErrors, Surroundings, WithoutSecrets, load};
use std::io;
use std::path::{Path, PathBuf};

const BASE: &str = include_str!("base.toml");
const SLACK_PERSON: &str = include_str!("slack_person.toml");
const SLACK_HTTP: &str = include_str!("slack_http.toml");
const SLACK_SOCKET: &str = include_str!("slack_socket.toml");
const DISCORD_PERSON: &str = include_str!("discord_person.toml");
const DISCORD: &str = include_str!("discord.toml");
const WEBHOOK: &str = include_str!("webhook.toml");
const NO_WEBHOOK: &str = include_str!("no_webhook.toml");
const MAIL: &str = include_str!("mail.toml");
const TOKEN: &str = include_str!("token.toml");

pub(super) fn render(answers: &Answers) -> String {
    let slack = if answers.slack_mode == SOCKET { SLACK_SOCKET } else { SLACK_HTTP };
    let parts = [
        (true, BASE),
        (answers.with_slack(), SLACK_PERSON),
        (answers.with_discord(), DISCORD_PERSON),
        (answers.with_slack(), slack),
        (answers.with_discord(), DISCORD),
        (answers.with_webhook(), WEBHOOK),
        (!answers.with_webhook(), NO_WEBHOOK),
        (answers.with_mail(), MAIL),
        (true, TOKEN),
    ];
    let text: String = parts.into_iter().filter(|(wanted, _)| *wanted).map(|(_, part)| part).collect();
    let person = person_id(&answers.approver);
    let values = [
        ("gitlab_url", quoted(&answers.gitlab_url)),
        ("gitlab_token", quoted(&answers.gitlab_token)),
        ("database", quoted(&answers.database)),
        ("issues_project", quoted(&answers.issues_project)),
        ("person_gitlab", quoted(&answers.approver)),
        ("person_slack", quoted(&answers.slack_user)),
        ("person_quoted", quoted(&person)),
        ("person", person),
        ("slack_mode", quoted(&answers.slack_mode)),
        ("slack_team", quoted(&answers.slack_team)),
        ("slack_channel", quoted(&answers.slack_channel)),
        ("person_discord", quoted(&answers.discord_user)),
        ("discord_application", quoted(&answers.discord_application)),
        ("discord_guild", quoted(&answers.discord_guild)),
        ("discord_channel", quoted(&answers.discord_channel)),
        ("webhook_secret", quoted(&answers.webhook_secret)),
        ("mail_sender", quoted(&answers.mail_sender)),
    ];
    fill(&text, &values)
}

/// Fills each `{{name}}` once, left to right, so that an answer with braces is only text.
fn fill(template: &str, values: &[(&str, String)]) -> String {
    let mut pieces = template.split("{{");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").expect("templates close every brace");
        let value = values.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
        text.push_str(value.expect("templates use only known names"));
        text.push_str(rest);
    }
    text
}

/// Reads the text as the bot would, without asking for the secrets.
pub(super) fn check(path: &Path, text: &str) -> Result<(), ConfigErrors> {
    load(path, &WithoutSecrets(Draft(text))).map(|_| ())
}

/// What is wrong, without places: the file does not exist.
pub(super) fn objections(errors: &ConfigErrors) -> String {
    let messages: Vec<&str> = errors.0.iter().map(|problem| problem.message.as_str()).collect();
    messages.join("; ")
}

/// What is left to do, by what was written.
pub(super) fn farewell(path: &Path, answers: &Answers) -> String {
    let (file, needed) = (path.display(), secrets(answers).join(", "));
    let mut steps = vec![
        format!("put the secrets where it says ({needed})"),
        format!("open {file}, take the # off [[token]] and fill in yours"),
        "run `rekey doctor`, then `rekey serve`".to_owned(),
    ];
    if answers.with_webhook() {
        let secret = &answers.webhook_secret;
        steps.push(format!("in GitLab add the webhook https://<rekey>/hooks/gitlab with the secret token of {secret}"));
    }
    let numbered = steps.iter().enumerate().map(|(index, step)| format!("  {}. {step}\n", index + 1));
    format!("Wrote {file}. Next:\n{}", numbered.collect::<String>())
}

fn secrets(answers: &Answers) -> Vec<&str> {
    let mut needed = vec![answers.gitlab_token.as_str()];
    if answers.with_slack() {
        let proof = if answers.slack_mode == SOCKET { "env:SLACK_APP_TOKEN" } else { "env:SLACK_SIGNING_SECRET" };
        needed.extend(["env:SLACK_TOKEN", proof]);
    }
    if answers.with_discord() {
        needed.push("env:DISCORD_TOKEN");
    }
    if answers.with_webhook() {
        needed.push(&answers.webhook_secret);
    }
    if answers.with_mail() {
        needed.push("env:REKEY_MAIL_PASSWORD");
    }
    needed
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A login may have dots, a bare key may not.
fn person_id(login: &str) -> String {
    let plain: String = login.chars().map(|symbol| if symbol.is_ascii_alphanumeric() { symbol } else { '-' }).collect();
    if plain.is_empty() { "approver".into() } else { plain.to_lowercase() }
}

/// A configuration that is not yet a file.
struct Draft<'t>(&'t str);

impl Surroundings for Draft<'_> {
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }

    fn text(&self, _path: &Path) -> io::Result<String> {
        Ok(self.0.to_owned())
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
