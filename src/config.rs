//! The configuration: TOML files in, one checked [`Config`] out, or everything that is wrong with them at once.
//! One file a section. Files are read by hand from the spanned tree, because serde stops at the first mistake.

mod across;
mod approvers;
mod database;
mod discord;
mod entry;
mod folder;
mod gitlab;
mod issues;
mod log;
mod mail;
mod owner;
mod people;
mod reminders;
mod rotation;
mod server;
mod slack;
mod step_up;
mod token;
mod verify;
mod window;

pub use crate::settings::{ConfigErrors, Machine, Place, Problem, SecretRef, Surroundings, WithoutSecrets};
pub use crate::store::sections::kinds as store_kinds;
pub use database::Database;
pub use discord::{Discord, DiscordMode};
pub use gitlab::{Gitlab, GitlabProxy, GitlabWebhook};
pub use issues::Issues;
pub use log::Log;
pub use mail::{Mail, MailTrust};
pub use people::People;
pub use rotation::Rotation;
pub use server::Server;
pub use slack::{Slack, SlackMode};
pub use step_up::StepUp;

use crate::rotation::remind::Reminders;
use crate::rotation::token::ManagedToken;
use crate::settings::problem::Problems;
use crate::settings::section::Section;
use crate::settings::source::Source;
use crate::store::{Connections, StoreSpec, sections as store_sections};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::LazyLock;
use token::Known;
use toml::Spanned;
use toml::de::DeTable;

/// A configuration in which nothing is wrong. Printing it shows no secret.
#[derive(Debug)]
pub struct Config {
    /// Where the bot is reached.
    pub server: Server,
    /// Where rotations are remembered.
    pub database: Database,
    /// The GitLab instance.
    pub gitlab: Gitlab,
    /// How mail arrives; `None`: it does not.
    pub mail: Option<Mail>,
    /// Where each rotation has its issue.
    pub issues: Issues,
    /// The Slack workspace, if there is one.
    pub slack: Option<Slack>,
    /// How one-time codes are kept, if there are such codes.
    pub step_up: Option<StepUp>,
    /// The Discord server, if there is one.
    pub discord: Option<Discord>,
    /// Everybody who may be named.
    pub people: People,
    /// Defaults and pace.
    pub rotation: Rotation,
    /// When and how loudly people are reminded.
    pub reminders: Reminders,
    /// How the bot logs.
    pub log: Log,
    /// The connections that stores share, by name.
    pub connections: Connections,
    /// The managed tokens, each with the places that hold it; the token's own `stores` are their ids, in this order.
    pub tokens: Vec<(ManagedToken, Vec<StoreSpec>)>,
    /// What is allowed but hardly meant; to be logged at start.
    pub warnings: Vec<Problem>,
}

const SECTIONS: &[&str] = &[
    "tokens_dir",
    "server",
    "database",
    "gitlab",
    "mail",
    "issues",
    "slack",
    "discord",
    "people",
    "step_up",
    "rotation",
    "reminders",
    "log",
    "token",
];

/// The sections of the main file, those of connections among them.
static KEYS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| SECTIONS.iter().copied().chain(store_sections::connection_keys().map(|(name, _)| name)).collect());

/// Every key that a configuration may have, as `section.key`: what documentation must cover.
pub fn known_keys() -> Vec<String> {
    let sections = [
        ("", KEYS.as_slice()),
        ("server.", server::KEYS),
        ("database.", database::KEYS),
        ("gitlab.", gitlab::KEYS),
        ("gitlab.proxy.", gitlab::PROXY_KEYS),
        ("gitlab.webhook.", gitlab::WEBHOOK_KEYS),
        ("mail.", mail::KEYS),
        ("issues.", issues::KEYS),
        ("slack.", slack::KEYS),
        ("discord.", discord::KEYS),
        ("people.", people::KEYS),
        ("step_up.", step_up::KEYS),
        ("rotation.", rotation::KEYS),
        ("rotation.window.", window::KEYS),
        ("reminders.", reminders::KEYS),
        ("reminders.steps.", reminders::STEP),
        ("log.", log::KEYS),
        ("token.", token::KEYS),
        ("token.owner.", owner::KEYS),
        ("token.store.", store_sections::KEYS.as_slice()),
        ("token.store.template.", store_sections::TEMPLATE_KEYS),
        ("token.verify.", verify::KEYS),
    ];
    let connections = store_sections::connection_keys().map(|(name, keys)| (format!("{name}."), keys));
    let sections = sections.into_iter().map(|(name, keys)| (name.to_owned(), keys)).chain(connections);
    sections.flat_map(|(section, keys)| keys.iter().map(move |key| format!("{section}{key}"))).collect()
}

/// Reads the configuration at `path` and, if it says so, the folder of tokens beside it.
pub fn load(path: &Path, surroundings: &dyn Surroundings) -> Result<Config, ConfigErrors> {
    let name = path.display().to_string();
    let text = surroundings.text(path).map_err(|error| unreadable(&name, &error))?;
    let problems = Problems::default();
    let config = {
        let folder = path.parent().unwrap_or(Path::new(""));
        let source = Source::new(&name, &text, folder, &problems, surroundings);
        source.parse().and_then(|root| read(&source, &root))
    };
    let warnings = problems.verdict()?;
    Ok(Config { warnings, ..config.expect("what could not be read was noted") })
}

fn unreadable(name: &str, error: &std::io::Error) -> ConfigErrors {
    let message = match error.kind() {
        ErrorKind::NotFound => "there is no such file; write one with `rekey init`, or name yours with --config".into(),
        ErrorKind::IsADirectory => "this is a directory; name a file".into(),
        ErrorKind::InvalidData => "the file is not UTF-8; save it as UTF-8".into(),
        kind => format!("the file cannot be read ({kind}); mend its permissions"),
    };
    ConfigErrors(vec![Problem { place: Place { file: name.into(), at: None }, message }])
}

fn read(source: &Source<'_>, root: &Spanned<DeTable<'_>>) -> Option<Config> {
    let root = Section::new(source, root.get_ref(), 0..0, String::new(), &KEYS);
    let section = |name: &str, keys| root.section(name, format!("[{name}]"), keys);
    let needed = |name: &str, keys, hint: &str| {
        if !root.has(name) {
            root.complain(name, &format!("[{name}] is missing; {hint}"));
        }
        root.section(name, format!("[{name}]"), keys)
    };
    let rotation = rotation::read(section("rotation", rotation::KEYS));
    let people = people::read(root.section_of_names("people"));
    let reminders = reminders::read(section("reminders", reminders::KEYS), &people, |name| root.has(name));
    let gitlab = needed("gitlab", gitlab::KEYS, "say where GitLab is: url, token");
    let issues = needed("issues", issues::KEYS, "say in which project issues are opened: project");
    let mail = section("mail", mail::KEYS).map(|section| mail::read(&section));
    let slack = section("slack", slack::KEYS).map(|section| slack::read(&section));
    let step_up = section("step_up", step_up::KEYS).and_then(|section| step_up::read(&section));
    let discord = section("discord", discord::KEYS).map(|section| discord::read(&section));
    let server = server::read(section("server", server::KEYS));
    let database = database::read(section("database", database::KEYS));
    let log = log::read(section("log", log::KEYS));
    let gitlab = gitlab.and_then(|section| gitlab::read(&section));
    let issues = issues.and_then(|section| issues::read(&section));
    let connections = store_sections::connections(&root);
    let team = slack.as_ref().and_then(Option::as_ref).map(|slack| slack.team.as_str());
    let known = Known { defaults: &rotation, people: &people, connections: &connections, team };
    let tokens = folder::tokens(&root, &known);
    let warnings = Vec::new();
    let (mail, slack, discord) = (mail.flatten(), slack.flatten(), discord.flatten());
    Some(Config {
        server,
        database,
        gitlab: gitlab?,
        mail,
        issues: issues?,
        slack,
        step_up,
        discord,
        people,
        rotation,
        reminders,
        log,
        connections,
        tokens,
        warnings,
    })
}
