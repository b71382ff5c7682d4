//! `rekey demo`: the bot exactly as in production (configuration text, checks, adapters, endpoints, workers) beside the
//! sandbox GitLab, Slack and Discord that it reaches over HTTP by its usual clients. Loopback only, nothing is kept.

mod discord_page;
mod folder;
mod log;
mod mails;
mod openbao;
mod page;
mod picture;
mod secrets;
mod settings;
mod shared;
mod shelves;
mod stage;
mod story;
mod watch;

pub use log::BotLog;
pub use mails::{Sample, delivered, samples};
pub use page::Page;
pub use shelves::{Held, Stores};
pub use stage::{ALICE, BOB, CHANNEL, DISCORD_CHANNEL, JOB, OUTSIDER, Person};
pub use story::{Check, Moment, Report, play};

use crate::app::{self, Running, StartError};
use crate::clock::{Clock, SystemClock};
use crate::config::{self, ConfigErrors};
use crate::engine::RealDice;
use crate::ledger::Word;
use crate::sandbox::discord::{self, Discord};
use crate::sandbox::gitlab::{Fault, Gitlab, Handle, Hook, Place, Rule};
use crate::sandbox::slack::{self, NoAnswer, Slack};
use crate::server::Render;
use jiff::Timestamp;
use mails::{Answer, Sent};
use secrets::Secrets;
use settings::Addresses;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Why the demo cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No folder for the database, or no port.
    #[error("{what}: {}", source.kind())]
    Io {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The demo's own configuration was refused: a defect.
    #[error("the demo's configuration is wrong: {0}")]
    Config(ConfigErrors),
    /// The bot does not start.
    #[error(transparent)]
    Bot(#[from] StartError),
    /// There is no OpenBao.
    #[error("there is no OpenBao: no program `bao` is on the PATH")]
    NoOpenBao,
    /// It does not stay.
    #[error("OpenBao ends as soon as it is started ({0})")]
    OpenBaoEnds(String),
    /// Somebody listens where the page should.
    #[error("port {0} is in use")]
    PortTaken(u16),
    /// No connection to the bot, or between the parts.
    #[error("{0}")]
    Call(String),
    /// Somebody's click had no effect.
    #[error(transparent)]
    Click(#[from] NoAnswer),
    /// Somebody's click in Discord had no effect.
    #[error(transparent)]
    DiscordClick(#[from] discord::NoAnswer),
    /// Something that must happen did not, in time.
    #[error("{0} did not happen in time")]
    Late(&'static str),
}

impl DemoError {
    fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

/// How much shorter than in production everything takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tempo {
    /// How long the old token must stay silent, in seconds.
    pub grace: u64,
    /// After how many seconds a request is taken not to land any more.
    pub horizon: u64,
    /// How long a pipeline takes for one step.
    pub step: Duration,
}

impl Tempo {
    /// For people who watch.
    pub const WATCHED: Self = Self { grace: 8, horizon: 3, step: Duration::from_millis(600) };
    /// For those who wait.
    pub const QUICK: Self = Self { grace: 2, horizon: 1, step: Duration::from_millis(100) };
}

/// Where the approval is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chats {
    /// In a Slack channel.
    Slack,
    /// In a Discord channel.
    Discord,
    /// In both at once.
    Both,
}

/// What the demo shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scene {
    /// Where the approval is asked for.
    pub chats: Chats,
    /// Where the token lives.
    pub stores: Stores,
}

impl Default for Scene {
    fn default() -> Self {
        Self { chats: Chats::Slack, stores: Stores::Variable }
    }
}

/// Everything running. Stop it with [`Demo::stop`], so that the bot finishes what is in hand.
pub struct Demo {
    bot: Running,
    gitlab: Gitlab,
    slack: Option<Slack>,
    discord: Option<Discord>,
    cast: stage::Cast,
    tempo: Tempo,
    secrets: Secrets,
    client: reqwest::Client,
    log: BotLog,
    sent: Mutex<Vec<Sent>>,
    armed: Mutex<Option<usize>>,
    shelves: Option<shelves::Shelves>,
    _folder: folder::Folder,
}

impl Demo {
    /// Starts GitLab, the messengers and the bot, in that order, and lets a token come close to its expiry.
    pub async fn start(tempo: Tempo, scene: Scene, log: BotLog, render: Render) -> Result<Self, DemoError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let folder = folder::Folder::new().map_err(DemoError::io("no folder for the database"))?;
        let client = crate::http::client(None).map_err(|error| DemoError::Call(error.to_string()))?;
        let secrets = Secrets::random();
        let (world, cast) = stage::world(&secrets, tempo.step, clock.now());
        let shelves = match scene.stores {
            Stores::Variable => None,
            Stores::Three => Some(shelves::Shelves::new(folder.path(), &client).await?),
        };
        let no_port = "no port for the sandbox";
        let gitlab = Gitlab::start(world, clock.clone()).await.map_err(DemoError::io(no_port))?;
        let (workspace, guild) = (stage::workspace(&secrets), stage::guild(&secrets));
        let slack = match scene.chats {
            Chats::Slack | Chats::Both => Some(Slack::start(workspace, clock.clone(), client.clone()).await),
            Chats::Discord => None,
        };
        let slack = slack.transpose().map_err(DemoError::io(no_port))?;
        let discord = match scene.chats {
            Chats::Discord | Chats::Both => Some(Discord::start(guild, clock.clone(), client.clone()).await),
            Chats::Slack => None,
        };
        let discord = discord.transpose().map_err(DemoError::io(no_port))?;
        let at = Addresses {
            gitlab: gitlab.base_url(),
            slack: slack.as_ref().map(Slack::base_url),
            discord: discord
                .as_ref()
                .map(|discord| settings::Guild { url: discord.base_url(), public_key: discord.state().public_key() }),
            folder: folder.path().to_owned(),
        };
        let surroundings = settings::DemoSurroundings::new(&secrets, &at, tempo, shelves.as_ref());
        let config = config::load(Path::new("rekey.toml"), &surroundings).map_err(DemoError::Config)?;
        let bot = app::run(&config, clock, Arc::new(RealDice), render, Word::Nothing).await?;
        let (sent, armed) = (Mutex::default(), Mutex::default());
        let demo = Self {
            bot,
            gitlab,
            slack,
            discord,
            cast,
            tempo,
            secrets,
            client,
            log,
            sent,
            armed,
            shelves,
            _folder: folder,
        };
        demo.connect();
        demo.come_close_to_expiry().await?;
        Ok(demo)
    }

    /// Tells the sandboxes where the bot is, as an administrator would.
    fn connect(&self) {
        let bot = self.bot_url();
        let hook = Hook::new(Place::Group(self.cast.group), &format!("{bot}/hooks/gitlab"));
        let hook = hook.signing(&self.secrets.signing_token);
        self.gitlab().with(|world| world.hook(hook));
        if let Some(slack) = self.slack() {
            slack.with(|world| world.settings.bot.clone_from(&bot));
        }
        if let Some(discord) = self.discord() {
            discord.with(|world| {
                world.settings.bot = bot;
                world.commands = crate::server::discord::commands::registered();
            });
        }
    }

    /// Only after the bot's first scan, which would find it before any mail could tell of it.
    async fn come_close_to_expiry(&self) -> Result<(), DemoError> {
        self.wait_for("the first scan", || !self.gitlab().issues().is_empty()).await?;
        self.gitlab().with(|world| stage::come_close_to_expiry(world, &self.cast));
        if let Some(shelves) = &self.shelves {
            shelves.fill(&self.cast.value).await?;
        }
        self.run_once_by_hand().await
    }

    /// Alice runs the pipeline, so that there is something to look at.
    async fn run_once_by_hand(&self) -> Result<(), DemoError> {
        let url = format!("{}/api/v4/projects/{}/pipeline", self.gitlab.base_url(), self.cast.project);
        let request = self.client.post(url).header("PRIVATE-TOKEN", &self.cast.alice_token);
        let answer = request.json(&serde_json::json!({"ref": "main"})).send().await;
        answer.map_err(|error| DemoError::Call(error.without_url().to_string()))?;
        self.gitlab().run_pipelines();
        Ok(())
    }

    /// Where the bot listens.
    pub fn bot_url(&self) -> String {
        format!("http://{}", self.bot.address)
    }

    /// The sandbox GitLab, to look at and to move.
    pub fn gitlab(&self) -> Handle {
        self.gitlab.state()
    }

    /// The sandbox Slack, to look at and to move.
    pub fn slack(&self) -> Option<slack::Handle> {
        self.slack.as_ref().map(Slack::state)
    }

    /// The sandbox Discord, to look at and to move.
    pub fn discord(&self) -> Option<discord::Handle> {
        self.discord.as_ref().map(Discord::state)
    }

    /// Hands a mail to the bot as a mail server would. Links to gitlab.com become links to the sandbox.
    pub async fn mail(&self, name: &str, raw: &str) -> Result<Answer, DemoError> {
        let raw = mails::rewritten(raw, &self.gitlab.base_url());
        let seen = self.log.count();
        let request = self.client.post(format!("{}/hooks/mail", self.bot_url()));
        let request = request.basic_auth(settings::MAIL_USER, Some(&self.secrets.mail_password));
        let request = request.header("content-type", "message/rfc822").body(raw);
        let answer = request.send().await.map_err(|error| DemoError::Call(error.without_url().to_string()))?;
        let answer = Answer { status: answer.status().as_u16(), why: self.log.why_after(seen) };
        let sent = Sent { name: name.to_owned(), at: Timestamp::now(), answer: answer.clone() };
        lock(&self.sent).push(sent);
        Ok(answer)
    }

    /// Somebody presses a button of the newest card that has it, in Slack if the bot is there.
    pub async fn press(&self, person: Person, action: &str) -> Result<(), DemoError> {
        let (Some(slack), action) = (self.slack(), format!("rekey.{action}")) else {
            return self.press_in_discord(person, action).await;
        };
        let messages = slack.messages(CHANNEL);
        let card = messages.iter().rev().find(|message| has_button(&message.blocks, &action));
        let ts = card.map(|card| card.ts.clone()).ok_or_else(|| NoAnswer::NoButton(action.clone()))?;
        Ok(slack.press(person.slack, &ts, &action).await?)
    }

    /// Every store, and the token that it holds.
    pub async fn held(&self) -> Result<Vec<Held>, DemoError> {
        let mut held = vec![Held { store: "GitLab variable".into(), token: self.cast.held(&self.gitlab()) }];
        if let Some(shelves) = &self.shelves {
            let values = shelves.values().await?;
            held.extend(values.into_iter().map(|(store, value)| Held {
                store: store.to_owned(),
                token: value.and_then(|value| self.gitlab().token_of(&value)),
            }));
        }
        Ok(held)
    }

    /// From now on the job that proves the token fails, or no longer.
    pub fn make_pipelines_red(&self, red: bool) {
        self.gitlab().fail_job(red.then_some(JOB));
    }

    /// GitLab makes the next token, and breaks the connection before it has told the bot.
    pub fn cut_next_create(&self) {
        *lock(&self.armed) = Some(self.creates());
        self.gitlab().fault(Rule::new("POST", stage::CREATE, Fault::CutAfter));
    }

    /// Whether the cut is still to come.
    fn is_armed(&self) -> bool {
        lock(&self.armed).is_some_and(|before| self.creates() == before)
    }

    fn creates(&self) -> usize {
        let is_create = |call: &&crate::sandbox::gitlab::Call| {
            call.method == "POST" && call.path.ends_with(stage::CREATE.trim_start_matches("*"))
        };
        self.gitlab().calls().iter().filter(is_create).count()
    }

    /// The bot finishes what is in hand; then all is gone.
    pub async fn stop(self) {
        self.bot.stop().await;
        if let Some(shelves) = self.shelves {
            shelves.stop().await;
        }
    }
}

fn has_button(blocks: &[serde_json::Value], action: &str) -> bool {
    let elements = blocks.iter().filter_map(|block| block["elements"].as_array()).flatten();
    elements.into_iter().any(|element| element["action_id"] == action)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
