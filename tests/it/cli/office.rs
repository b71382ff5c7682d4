//! An office that runs rekey: sandboxes that keep real time, a folder with a configuration, and the binary.

use jiff::ToSpan;
use jiff::civil::Date;
use regex::Regex;
use rekey::clock::{Clock, SystemClock};
use rekey::sandbox::gitlab::{Gitlab, Handle, Hook, JobPlan, MAINTAINER, Mint, OWNER, Place, Variable, World};
use rekey::sandbox::slack::{self, Slack};
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::process::Command;

pub const BOT: &str = "glpat-BotBotBotBotBotBotBo";
pub const OLD: &str = "glpat-OldOldOldOldOldOldOl";
pub const SLACK_TOKEN: &str = "xoxb-sandbox-0001-bot";
pub const SIGNING_SECRET: &str = "5a6e0d9b7c8f4a1e2d3c4b5a69788796";
pub const APP_TOKEN: &str = "xapp-1-sandbox-0001-app";
pub const CHANNEL: &str = "C0OPS00001";
pub const MAIL_PASSWORD: &str = "mail-password-of-the-relay";

/// What differs from story to story.
pub struct Wish {
    /// Days until the token expires.
    pub days: i64,
    /// Whether it is there from the start.
    pub has_token: bool,
    /// The bot's scopes.
    pub bot_scopes: &'static [&'static str],
    /// The bot's role in the group.
    pub group_role: u8,
    /// What else is in GitLab.
    pub world: fn(&mut World),
}

impl Default for Wish {
    fn default() -> Self {
        Self { days: 100, has_token: true, bot_scopes: &["api"], group_role: OWNER, world: |_| {} }
    }
}

pub struct Office {
    pub folder: TempDir,
    pub gitlab: Gitlab,
    pub state: Handle,
    pub slack: Slack,
    pub account: u64,
    pub project: u64,
    pub expires: Date,
}

pub fn in_days(days: i64) -> Date {
    SystemClock.today().saturating_add(days.days())
}

impl Office {
    pub async fn open(wish: Wish) -> Self {
        let http = rekey::http::client(None).unwrap();
        let now = SystemClock.now();
        let expires = in_days(wish.days);
        let mut world = World::new(7, now);
        let group = world.group("acme");
        let project = world.project("acme/deploy");
        world.project("acme/ops");
        let account = world.service_account(Place::Group(group), "deploy-bot");
        let bot = world.user("rekey-bot");
        for person in ["ada", "grace"] {
            world.user(person);
        }
        world.member(Place::Group(group), bot, wish.group_role);
        world.member(Place::Project(project), bot, MAINTAINER);
        world.mint(Mint::new(bot, "rekey", wish.bot_scopes).expires(in_days(200)).value(BOT));
        if wish.has_token {
            world.mint(Mint::new(account, "deploy", &["read_api"]).expires(expires).value(OLD));
        }
        world.variable(Variable::new(Place::Project(project), "DEPLOY_TOKEN", OLD).masked().protected());
        world.pipeline(project, "main", vec![JobPlan::new("deploy", "deploy").calls_with("DEPLOY_TOKEN")]);
        (wish.world)(&mut world);
        let gitlab = Gitlab::start(world, Arc::new(SystemClock)).await.unwrap();
        let people = [("U0ADA00001", "ada"), ("U0GRACE001", "grace")];
        let workspace = slack::World::new(slack::Settings::default(), (CHANNEL, "ops"), &people);
        let slack = Slack::start(workspace, Arc::new(SystemClock), http).await.unwrap();
        let state = gitlab.state();
        let office = Self { folder: tempfile::tempdir().unwrap(), gitlab, state, slack, account, project, expires };
        office.configure(|text| text);
        office
    }

    /// Writes the configuration, changed by the story.
    pub fn configure(&self, change: impl FnOnce(String) -> String) {
        let secret = self.folder.path().join("gitlab-token");
        std::fs::write(&secret, BOT).unwrap();
        set_mode(&secret, 0o600);
        let text = include_str!("office.toml")
            .replace("{gitlab}", &self.gitlab.base_url())
            .replace("{slack}", &self.slack.base_url())
            .replace("{folder}", &self.folder.path().display().to_string());
        std::fs::write(self.folder.path().join("rekey.toml"), change(text)).unwrap();
    }

    /// Slack's requests come over a socket that the bot opens.
    pub fn connect_by_socket(&self) {
        let socket = "mode = \"socket\"\napp_token = \"env:SLACK_APP_TOKEN\"";
        self.configure(|text| text.replace("signing_secret = \"env:SLACK_SECRET\"", socket));
        self.slack.state().with(|world| world.settings.socket_mode = true);
    }

    /// The binary with its secrets, as a person would start it in the folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        // The image's own rekey, where `tests/image/run.sh` asks for it.
        let binary = std::env::var_os("REKEY_STORIES_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_rekey").into());
        let mut command = Command::new(binary);
        command.args(arguments).current_dir(self.folder.path()).kill_on_drop(true);
        command.env_clear().env("TZ", "UTC");
        command.env("SLACK_TOKEN", SLACK_TOKEN).env("SLACK_SECRET", SIGNING_SECRET);
        command.env("SLACK_APP_TOKEN", APP_TOKEN);
        command.env("MAIL_PASSWORD", MAIL_PASSWORD).env("HOOK_SECRET", "hook-secret-hook-secret");
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().await.unwrap()
    }

    /// What a command that must succeed printed, with what differs from run to run taken out.
    pub async fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        self.tame(&output.stdout)
    }

    /// What a command that must fail complained about.
    pub async fn complains(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
        self.tame(&output.stderr)
    }

    pub async fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The same text in every run: ids, hashes, ports and dates of the same length.
    pub fn tame(&self, output: &[u8]) -> String {
        let mut text = String::from_utf8(output.to_vec()).unwrap();
        text = text.replace(&self.folder.path().display().to_string(), "/folder");
        for (pattern, replacement) in [
            (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
            (r"uid \d+( \([^)]*\))?(, logged in as uid \d+)?", "uid 1000 (deploy)"),
            (r"/p\d{16}\b", "/p0000000000000000"),
            (r"\b01[0-9a-z]{24}\b", "01rotation0000000000000000"),
            (r"\b[0-9a-f]{64}\b", "0123456789ab0123456789ab0123456789ab0123456789ab0123456789ab0123"),
            (r"\b[0-9a-f]{12}\b", "0123456789ab"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "YYYY-MM-DD hh:mm:ss UTC"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "YYYY-MM-DD hh:mm UTC"),
            (r"\d{4}-\d\d-\d\d", "YYYY-MM-DD"),
        ] {
            text = Regex::new(pattern).unwrap().replace_all(&text, replacement).into_owned();
        }
        text
    }

    /// The token comes into being, where the variable expects it.
    pub fn make_token(&self, days: i64) {
        let mint = Mint::new(self.account, "deploy", &["read_api"]).expires(in_days(days)).value(OLD);
        self.state.with(|world| world.mint(mint));
    }

    /// Runs the deploy pipeline once, so that its job is known.
    pub async fn run_pipeline(&self) {
        let url = format!("{}/api/v4/projects/acme%2Fdeploy/pipeline", self.gitlab.base_url());
        let request = reqwest::Client::new().post(url).header("PRIVATE-TOKEN", BOT);
        let answer = request.json(&serde_json::json!({"ref": "main"})).send().await.unwrap();
        assert_eq!(answer.status(), 201);
    }

    /// GitLab tells `url` of the deploy project's pipelines.
    pub fn add_hook(&self, url: &str) {
        let hook = Hook::new(Place::Project(self.project), url).token("hook-secret-hook-secret");
        self.state.with(|world| world.hook(hook));
    }

    /// The plan's hash as `rekey plan` tells it.
    pub async fn plan_hash(&self) -> String {
        self.json(&["show", "deploy", "--json"]).await["card"]["plan"].as_str().unwrap().to_owned()
    }
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
