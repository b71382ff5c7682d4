//! Wiring: from a checked configuration to adapters, engine, endpoints and workers; and a graceful stop.

mod directories;
mod discord;
mod doors;
mod run;

pub use discord::discord_of;
pub use doors::webhook_hosts;
pub use run::{Running, StartError, run};

use crate::chat::Approvers;
use crate::chat::Messenger;
use crate::chat::discord::client as discord_client;
use crate::chat::slack::{Slack, client as slack_client};
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config};
use crate::engine::ISSUE;
use crate::engine::attempts::Attempts;
use crate::engine::comments::Looks;
use crate::engine::custody::Custody;
use crate::engine::issue::IssueSurface;
use crate::engine::measure::Inventory;
use crate::engine::settings::{Backoff, Catalog, Settings};
use crate::engine::stock::Stock;
use crate::engine::{Dice, Engine};
use crate::gitlab::Client;
use crate::http::{self, Api, Budget, Credential, Front, Shown, Sockets, Throttle};
use crate::ledger::{self, Guard, Keys, Ledger, Word};
use crate::rotation::ids::{StoreId, SurfaceName};
use crate::secret::SecretFile;
use crate::store::{BadConnection, Context, SecretStore, build};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Calls to one host on the way at once.
const IN_FLIGHT: usize = 16;
/// Much longer than any call, so that a lease outlives what is done under it.
const LEASE: Duration = Duration::from_secs(120);

/// One connection to each messenger, for all that is said to it and asked of it: limits, pauses and refused tokens are
/// counted in one place.
struct Lines {
    slack: Option<Arc<slack_client::Client>>,
    discord: Option<Arc<discord_client::Client>>,
}

impl Lines {
    fn open(config: &Config) -> Result<Self, StartError> {
        Ok(Self { slack: slack_of(config)?.map(Arc::new), discord: discord_of(config)?.map(Arc::new) })
    }
}

/// Connects everything that a command or the server needs. Opens the database; calls nobody else yet.
pub async fn assemble(config: &Config, clock: Arc<dyn Clock>, dice: Arc<dyn Dice>) -> Result<Arc<Engine>, StartError> {
    assemble_on(config, open_ledger(&config.database, Word::Nothing).await?, clock, dice)
}

/// The same, on a ledger that is open already.
pub fn assemble_on(
    config: &Config,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    dice: Arc<dyn Dice>,
) -> Result<Arc<Engine>, StartError> {
    assemble_with(config, &Lines::open(config)?, ledger, clock, dice)
}

/// Opens the database of the configuration. `word`: what somebody says of it.
pub async fn open_ledger(database: &config::Database, word: Word) -> Result<Arc<dyn Ledger>, StartError> {
    let guard = Guard { keys: keys(database)?, end: database.head.clone(), word };
    ledger::open_guarded(database.connect_url().expose(), guard).await.map_err(StartError::Ledger)
}

fn keys(database: &config::Database) -> Result<Option<Keys>, StartError> {
    let Some((newest, older)) = database.keys.split_first() else { return Ok(None) };
    let older: Vec<_> = older.iter().map(|key| key.value.duplicate()).collect();
    let bad = |why| StartError::Setup(format!("[database] key {}: {why}", newest.reference));
    Keys::new(&newest.value, &older).map(Some).map_err(bad)
}

fn assemble_with(
    config: &Config,
    lines: &Lines,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    dice: Arc<dyn Dice>,
) -> Result<Arc<Engine>, StartError> {
    let authority = Authority { section: "gitlab", file: config.gitlab.ca_file.as_ref() };
    let api = gitlab_api(config, authority.client()?)?;
    let gitlab = Client::new(api.clone()).with_token_prefixes(config.gitlab.token_prefixes.clone());
    let catalog = catalog(config);
    let directories = directories::directories(config, lines, &gitlab, ledger.clone(), clock.clone());
    Ok(Arc::new(Engine {
        surfaces: surfaces(config, lines, &gitlab, &catalog, &ledger),
        ledger,
        stores: stores(config, api)?,
        gitlab,
        catalog,
        directories,
        step_up: directories::seal(config)?,
        settings: settings(config, dice.as_ref()),
        clock,
        dice,
        custody: Custody::default(),
        looks: Looks::default(),
        stock: Stock::untaken(),
        attempts: Attempts::default(),
        inventory: Inventory::default(),
        clocks: crate::engine::clocks::Clocks::default(),
        scan_wanted: tokio::sync::Notify::new(),
        learned_limit: std::sync::Mutex::new(None),
        doubts: crate::engine::planner::Doubts::default(),
    }))
}

/// The `ca_file` of one section: who signs for GitLab does not sign for Slack.
#[derive(Clone, Copy)]
struct Authority<'a> {
    section: &'static str,
    file: Option<&'a PathBuf>,
}

impl Authority<'_> {
    fn client(self) -> Result<reqwest::Client, StartError> {
        http::client(self.pem()?.as_deref()).map_err(|error| self.bad(&error))
    }

    /// Websockets, which trust what the client trusts, at addresses that the host of `base` names.
    fn sockets(self, base: &str) -> Result<Sockets, StartError> {
        Sockets::beside(self.pem()?.as_deref(), &[base]).map_err(|error| self.bad(&error))
    }

    fn pem(self) -> Result<Option<Vec<u8>>, StartError> {
        self.file.map(std::fs::read).transpose().map_err(|error| self.bad(&format!("cannot be read: {error}")))
    }

    fn bad(self, why: &dyn std::fmt::Display) -> StartError {
        let file = self.file.map(|path| format!("[{}] ca_file {}: ", self.section, path.display()));
        StartError::Setup(format!("{}{why}", file.unwrap_or_default()))
    }
}

fn slack_authority(slack: &config::Slack) -> Authority<'_> {
    Authority { section: "slack", file: slack.ca_file.as_ref() }
}

fn discord_authority(discord: &config::Discord) -> Authority<'_> {
    Authority { section: "discord", file: discord.ca_file.as_ref() }
}

fn gitlab_api(config: &Config, client: reqwest::Client) -> Result<Arc<Api>, StartError> {
    let budget = Budget { requests: config.gitlab.requests_per_minute as usize, window: Duration::from_secs(60) };
    let throttle = Arc::new(Throttle::new(IN_FLIGHT, Some(budget)));
    let base = format!("{}/api/v4", config.gitlab.url.trim_end_matches('/'));
    let token = &config.gitlab.token;
    let credential = match token.file.clone() {
        Some(file) => Credential::PrivateTokenFile(SecretFile::new(file, token.value.duplicate())),
        None => Credential::PrivateToken(token.value.duplicate()),
    };
    let api = Api::new(client, &base, credential, throttle).map_err(|e| StartError::Setup(e.to_string()))?;
    let api = api.with_dialect(crate::gitlab::DIALECT).with_front(front(&config.gitlab.proxy));
    Ok(Arc::new(api.with_clock(Arc::new(SystemClock))))
}

/// What a proxy before GitLab wants to see.
fn front(proxy: &config::GitlabProxy) -> Front {
    let shown = |secret: &config::SecretRef| match secret.file.clone() {
        Some(file) => Shown::Read(SecretFile::new(file, secret.value.duplicate())),
        None => Shown::Given(secret.value.duplicate()),
    };
    Front {
        login: proxy.login.as_ref().map(|(user, password)| (user.clone(), shown(password))),
        headers: proxy.headers.iter().map(|(name, value)| (name.clone(), shown(value))).collect(),
    }
}

fn catalog(config: &Config) -> Catalog {
    Catalog {
        tokens: config.tokens.iter().map(|(token, _)| (token.id.clone(), token.clone())).collect(),
        people: config.people.clone(),
    }
}

fn stores(config: &Config, gitlab: Arc<Api>) -> Result<BTreeMap<StoreId, Arc<dyn SecretStore>>, StartError> {
    let setup = |error: BadConnection| StartError::Setup(error.to_string());
    let context = Context::open(gitlab, &config.connections).map_err(setup)?;
    let specs = config.tokens.iter().flat_map(|(_, specs)| specs);
    specs.map(|spec| Ok((spec.id(), build(spec, &context).map_err(setup)?))).collect()
}

fn surfaces(
    config: &Config,
    lines: &Lines,
    gitlab: &Client,
    catalog: &Catalog,
    ledger: &Arc<dyn Ledger>,
) -> BTreeMap<SurfaceName, Arc<dyn Messenger>> {
    let issues = &config.issues;
    let issue = IssueSurface::new(
        gitlab.clone(),
        issues.project.clone(),
        issues.labels.clone(),
        issues.confidential,
        catalog.clone(),
    );
    let mut surfaces: BTreeMap<SurfaceName, Arc<dyn Messenger>> = BTreeMap::new();
    surfaces.insert(SurfaceName::from(ISSUE), Arc::new(issue.telling_of(ledger.clone())));
    if let (Some(slack), Some(web_api)) = (&config.slack, lines.slack.clone()) {
        let people = config.people.iter().filter_map(|(id, p)| Some((id.clone(), p.slack.clone()?))).collect();
        let policies = catalog.clone();
        let approvers: Approvers = Arc::new(move |token| policies.approvers(token));
        let messenger = Slack::new(web_api, slack.channel.clone(), people, approvers);
        surfaces.insert(SurfaceName::from(messenger.name()), Arc::new(messenger));
    }
    if let Some(messenger) = discord::messenger(config, lines, catalog) {
        surfaces.insert(SurfaceName::from(messenger.name()), Arc::new(messenger));
    }
    surfaces
}

/// Slack's Web API with one of its tokens.
fn slack_api(slack: &config::Slack, token: &config::SecretRef) -> Result<slack_client::Client, StartError> {
    let client = slack_authority(slack).client()?;
    let throttle = Arc::new(Throttle::new(IN_FLIGHT, None));
    let token = Credential::Bearer(token.value.duplicate());
    let api = Api::new(client, &slack.api_url, token, throttle).map_err(|e| StartError::Setup(e.to_string()))?;
    Ok(slack_client::Client::new(api.with_clock(Arc::new(SystemClock))))
}

/// The same connection that the bot would use for Slack, to be looked at; `None` without Slack.
pub fn slack_of(config: &Config) -> Result<Option<slack_client::Client>, StartError> {
    config.slack.as_ref().map(|slack| slack_api(slack, &slack.token)).transpose()
}

/// Slack's Web API with the app-level token, by which sockets are opened; `None` without Slack or without sockets.
pub fn slack_socket_of(config: &Config) -> Result<Option<slack_client::Client>, StartError> {
    let Some(slack) = &config.slack else { return Ok(None) };
    let config::SlackMode::Socket { app_token } = &slack.mode else { return Ok(None) };
    slack_api(slack, app_token).map(Some)
}

/// Whether the secrets of all doors, and those of one-time codes, have a form that can be used: the bot would not start
/// without. Asks nobody.
pub fn check_doors(config: &Config) -> Result<(), StartError> {
    doors::settings(config)?;
    doors::slack_keys(config)?;
    discord::public_keys(config)?;
    directories::seal(config).map(drop)
}

/// A connection without a credential to the bot's own public address.
pub fn own_address(config: &Config, url: &str) -> Result<Api, StartError> {
    let throttle = Arc::new(Throttle::new(1, None));
    let authority = Authority { section: "server", file: config.server.ca_file.as_ref() };
    Api::new(authority.client()?, url, Credential::Nothing, throttle).map_err(|e| StartError::Setup(e.to_string()))
}

fn settings(config: &Config, dice: &dyn Dice) -> Settings {
    let rotation = &config.rotation;
    let seconds = |usual: u64, demo: f64| {
        if rotation.demo { Duration::from_secs_f64(demo) } else { Duration::from_secs(usual) }
    };
    Settings {
        owner: format!("rekey-{}-{:06}", std::process::id(), (dice.spread() * 999_999.0) as u32),
        lease: seconds(LEASE.as_secs(), 3.0),
        horizon_seconds: rotation.horizon_seconds,
        use_seconds: rotation.use_seconds,
        poll: seconds(20, 0.5),
        scan_every: Duration::from_secs(rotation.scan_seconds),
        scan_pause: seconds(5 * 60, 1.0),
        give_up_after: seconds(rotation.give_up_seconds, 40.0),
        farewell: Duration::from_secs(10),
        keep: Duration::from_secs(u64::from(rotation.keep_days) * 86_400),
        paused: rotation.paused,
        own_token_renews: config.gitlab.token.file.is_some(),
        shell: None,
        decide_as: rotation.decide_as,
        parallel: 64,
        window: rotation.window.clone(),
        reminders: config.reminders.clone(),
        issues_project: Some(config.issues.project.clone()),
        labels: config.issues.labels.clone(),
        backoff: Backoff { first: seconds(2, 0.2), most: seconds(900, 2.0) },
    }
}
