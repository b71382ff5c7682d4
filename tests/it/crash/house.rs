//! A sandbox, a configuration and an approved rotation that waits for a process to perform it.

use jiff::{Timestamp, ToSpan};
use rekey::app::{StartError, assemble};
use rekey::clock::{SystemClock, utc_date};
use rekey::config::{Machine, load};
use rekey::engine::RealDice;
use rekey::engine::decide::Click;
use rekey::engine::rights::Visitor;
use rekey::ledger::LedgerError;
use rekey::rotation::ids::PersonId;
use rekey::rotation::record::Origin;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Gitlab, Handle, JobPlan, MAINTAINER, Mint, OWNER, Pace, Place, Variable, World};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Values without a known prefix, so that masking cannot hide a leak.
const OLD: &str = "canary-old-0123456789";
const BOT: &str = "canary-bot-0123456789";
const NEW: &str = "canary-new-";

/// How long a rotation may take, takeover included, before the story gives up.
const PATIENCE: Duration = Duration::from_secs(180);

pub struct House {
    pub state: Handle,
    /// The bot's own token, by number.
    pub bot: u64,
    old: u64,
    account: u64,
    project: u64,
    group: u64,
    folder: tempfile::TempDir,
    /// Where the file lies that is one of several stores; `None`: the variable is the only one.
    shelf: Option<tempfile::TempDir>,
    gitlab: Gitlab,
}

/// The secure file that is one of several stores.
const FILE: &str = "deploy-token";

/// The three stores behind the variable.
fn more_stores(file: &std::path::Path) -> String {
    format!(
        r#"
[[token.store]]
kind = "gitlab_secure_file"
project = "acme/deploy"
name = "{FILE}"
[[token.store]]
kind = "file"
path = "{}"
template = {{ shape = "dotenv", key = "TOKEN" }}
[[token.store]]
kind = "gitlab_variable"
group = "acme"
key = "GROUP_TOKEN"
"#,
        file.display()
    )
}

/// A running `rekey serve`.
pub struct Bot(Child);

impl Bot {
    /// Its process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// How it ended, if it did by itself.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }

    /// SIGKILL, and gone when this returns.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl House {
    pub async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("rekey.db").display());
        Self::in_folder(folder, url, None).await
    }

    pub async fn on(url: String) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), url, None).await
    }

    /// With four stores; the database is a file if none is named.
    pub async fn of_four_stores(url: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = format!("sqlite:{}", folder.path().join("rekey.db").display());
        Self::in_folder(folder, url.unwrap_or(own), Some(tempfile::tempdir().unwrap())).await
    }

    async fn in_folder(folder: tempfile::TempDir, url: String, shelf: Option<tempfile::TempDir>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let now = Timestamp::now();
        let mut world = World::new(7, now);
        world.settings.token_prefix = NEW.into();
        world.settings.pace = Pace::Every(Duration::from_millis(20));
        let (group, project) = (world.group("acme"), world.project("acme/deploy"));
        let account = world.service_account(Place::Group(group), "deploy-bot");
        let user = world.user("rekey-bot");
        world.project("acme/ops");
        world.user("alice");
        world.member(Place::Group(group), user, OWNER);
        world.member(Place::Project(project), user, MAINTAINER);
        let bot = world.mint(Mint::new(user, "rekey", &["api"]).value(BOT)).id;
        let soon = utc_date(now).saturating_add(7.days());
        let old = world.mint(Mint::new(account, "deploy", &["read_api"]).expires(soon).value(OLD)).id;
        world.variable(Variable::new(Place::Project(project), "DEPLOY_TOKEN", OLD).masked().protected());
        world.pipeline(project, "main", vec![JobPlan::new("deploy", "deploy").calls_with("DEPLOY_TOKEN")]);
        world.variable(Variable::new(Place::Group(group), "GROUP_TOKEN", OLD).masked());
        world.secure_file(project, FILE, OLD);
        let gitlab = Gitlab::start(world, Arc::new(SystemClock)).await.unwrap();
        let state = gitlab.state();
        if let Some(shelf) = &shelf {
            std::fs::write(shelf.path().join("env"), format!("# ours\nTOKEN='{OLD}'\n")).unwrap();
        }
        let house = Self { state, bot, old, account, project, group, folder, shelf, gitlab };
        house.configure(&url);
        house.approve().await;
        house
    }

    fn configure(&self, database: &str) {
        let gitlab = self.gitlab.base_url();
        let token = self.folder.path().join("token").display().to_string();
        let key = self.folder.path().join("database-key").display().to_string();
        let more = self.shelf.as_ref().map(|shelf| more_stores(&shelf.path().join("env"))).unwrap_or_default();
        let text = format!(
            r#"
[server]
listen = "127.0.0.1:0"
[database]
url = "{database}"
key = "file:{key}"
[gitlab]
url = "{gitlab}"
token = "file:{token}"
requests_per_minute = 2000
[issues]
project = "acme/ops"
[people.alice]
gitlab = "alice"
[rotation]
demo = true
grace = "1s"
horizon = "1s"
[[token]]
id = "deploy"
owner = {{ group = "acme", service_account = "deploy-bot" }}
name = "deploy"
approvers = ["alice"]
[[token.store]]
kind = "gitlab_variable"
project = "acme/deploy"
key = "DEPLOY_TOKEN"
{more}
[[token.verify]]
kind = "pipeline"
project = "acme/deploy"
ref = "main"
job = "deploy"
"#
        );
        let text =
            text.replace("env:REKEY_STORY_TOKEN", &format!("file:{}", self.folder.path().join("token").display()));
        self.write("token", BOT);
        self.write("database-key", "a2V5LW9mLXRoZS1zdG9yaWVzLTMyLWJ5dGVzLWxvbmc=");
        self.write("rekey.toml", &text);
    }

    fn write(&self, name: &str, text: &str) {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(self.folder.path().join(name)).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    }

    /// Opens the rotation and approves it, with no worker about.
    async fn approve(&self) {
        let config = load(&self.folder.path().join("rekey.toml"), &Machine).unwrap();
        // On a machine that is busy with other stories a database may not open at once.
        let engine = loop {
            match assemble(&config, Arc::new(SystemClock), Arc::new(RealDice)).await {
                Err(StartError::Ledger(error @ LedgerError::Unavailable { .. })) => eprintln!("once more: {error}"),
                opened => break opened.unwrap_or_else(|error| unreachable!("{error}")),
            }
        };
        engine.consider(&config.tokens[0].0, Origin::Scan, false).await.unwrap();
        let rotation = engine.rotation("deploy").await.unwrap();
        let click = Click {
            key: "story".into(),
            rotation: rotation.id.clone(),
            action: Action::Approve,
            by: Visitor::named(PersonId::from("alice")),
            via: "cli".into(),
            plan: Some(rotation.plan.hash().0),
            snooze_seconds: None,
            reason: None,
            stop: None,
            with_code: false,
        };
        engine.decide(&click).await.unwrap();
        engine.ledger.close().await;
    }

    /// Starts the bot; what it says goes to a file.
    pub fn serve(&self) -> Bot {
        self.started(self.command(&["serve"]))
    }

    /// The same, where somebody says that the database is right as it is.
    pub fn serve_anew(&self) -> Bot {
        self.started(self.command(&["serve", "--new"]))
    }

    /// The same, where a write beyond a limit is an error and no signal; the log goes another way, so that it may grow.
    pub fn serve_where_files_may_fail(&self) -> Bot {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\" 2>&1"]).arg(env!("CARGO_BIN_EXE_rekey"));
        command.args(["serve", "--config"]).arg(self.folder.path().join("rekey.toml"));
        command.current_dir(self.folder.path()).env("RUST_LOG", "debug").stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut said, log) = (child.stdout.take().unwrap(), self.log());
        std::thread::spawn(move || {
            let mut file = std::fs::OpenOptions::new().append(true).create(true).open(log).unwrap();
            // It ends with the bot.
            let _ended = std::io::copy(&mut said, &mut file);
        });
        Bot(child)
    }

    /// A command of the bot.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rekey"));
        command.args(words).arg("--config").arg(self.folder.path().join("rekey.toml"));
        command.current_dir(self.folder.path()).env("RUST_LOG", "trace");
        command
    }

    fn started(&self, mut command: Command) -> Bot {
        let log = std::fs::OpenOptions::new().append(true).create(true).open(self.log()).unwrap();
        Bot(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap())
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Everything by which a token is made, written or revoked, so far.
    pub fn made(&self) -> Vec<String> {
        let about = |path: &str| path.contains("access_tokens") || path.contains("/variables/");
        let calls = self.state.calls().into_iter().filter(|call| call.method != "GET" && about(&call.path));
        calls.map(|call| format!("{} {}", call.method, call.path)).collect()
    }

    fn log(&self) -> std::path::PathBuf {
        self.folder.path().join("log")
    }

    /// The methods of the calls with the bot's token so far.
    pub fn calls(&self) -> Vec<String> {
        let calls = self.state.calls();
        calls.into_iter().filter(|call| call.caller == Some(self.bot)).map(|call| call.method).collect()
    }

    /// Waits until the issue is closed and the last comment written. There is no event to wait for: the sandbox is
    /// looked at until it is so.
    pub async fn closed(&self, _running: &Bot) {
        let start = Instant::now();
        let mut look = tokio::time::interval(Duration::from_millis(50));
        loop {
            look.tick().await;
            let issues = self.state.issues();
            if issues.first().is_some_and(|issue| !issue.open && !self.state.notes(issue.id).is_empty()) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "it never ends: {:#?}\n{}", issues, self.said());
        }
    }

    /// Exactly one live token, in the variable; one issue, closed as done, with one comment; the old token revoked.
    pub fn holds(&self, what: &str) {
        let live: Vec<u64> = self.state.live_tokens(self.account).iter().map(|token| token.id).collect();
        let held = self.state.held_by(Place::Project(self.project), "DEPLOY_TOKEN", "*");
        let issues = self.state.issues();
        let said = || format!("{what}\n{}", self.said());
        assert_eq!(live.len(), 1, "live {live:?} {}", said());
        assert_eq!(held, Some(live[0]), "{}", said());
        assert!(self.state.token(self.old).is_some_and(|token| token.revoked), "{}", said());
        assert_eq!(issues.len(), 1, "{}", said());
        assert!(
            !issues[0].open && issues[0].description.contains("**Done.**"),
            "{}\n{}",
            issues[0].description,
            said()
        );
        let comments = self.state.notes(issues[0].id);
        assert_eq!(comments.len(), 1, "{comments:?} {}", said());
        self.nothing_leaked();
    }

    /// Every store holds the value that the variable holds, and nothing is left of the way there.
    pub fn holds_everywhere(&self, what: &str) {
        self.holds(what);
        let value = |place, key| self.state.variable(place, key, "*").unwrap().value;
        let new = value(Place::Project(self.project), "DEPLOY_TOKEN");
        assert_eq!(value(Place::Group(self.group), "GROUP_TOKEN"), new, "{what}");
        let files = self.state.with(|world| world.secure_files(self.project));
        assert_eq!(files, [(FILE.to_owned(), new.clone())], "{what}");
        let shelf = self.shelf.as_ref().expect("a house of four stores").path();
        assert_eq!(std::fs::read_to_string(shelf.join("env")).unwrap(), format!("# ours\nTOKEN='{new}'\n"), "{what}");
        assert_eq!(std::fs::read_dir(shelf).unwrap().count(), 1, "{what}");
    }

    /// No value is in the log at its most talkative, in the database or in any other file but the bot's own token's.
    fn nothing_leaked(&self) {
        assert!(self.said().contains("moved on"), "the log was written");
        assert!(std::fs::read(self.folder.path().join("token")).is_ok(), "files can be read");
        for file in std::fs::read_dir(self.folder.path()).unwrap().flatten().filter(|file| file.file_name() != "token")
        {
            // SQLite comes and goes with files of its own while the bot runs.
            let Ok(bytes) = std::fs::read(file.path()) else { continue };
            let text = String::from_utf8_lossy(&bytes);
            for value in [OLD, BOT, NEW] {
                assert!(!text.contains(value), "{} holds {value}", file.path().display());
            }
        }
    }

    pub fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }
}
