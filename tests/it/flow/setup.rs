//! What a team starts with: tokens, stores, settings and the sandbox's world, changed story by story.

use super::team::Team;
use crate::sandbox::stage::{BOT, Stage, stage};
use jiff::civil::Weekday;
use rekey::engine::settings::{Backoff, Settings};
use rekey::http::Budget;
use rekey::ledger::Word;
use rekey::rotation::ids::{ConsumerId, PersonId, TokenName};
use rekey::rotation::remind::Reminders;
use rekey::rotation::token::{Consumer, ConsumerKind, ManagedToken, Owner};
use rekey::rotation::window::Window;
use rekey::sandbox::gitlab::World;
use rekey::secret_store::CiVariable as Spec;
use rekey::secret_store::{Connections, SecretStore, StoreSpec, VariableScope};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Everything that a story may want different.
pub struct Setup {
    pub tokens: Vec<ManagedToken>,
    pub stores: Vec<StoreSpec>,
    /// Stores that come as they are, behind those that are built.
    pub ready: Vec<Arc<dyn SecretStore>>,
    /// What stores of other kinds need.
    pub connections: Connections,
    pub settings: Settings,
    pub url: String,
    /// What is said of the database when it is opened.
    pub word: Word,
    /// Seconds by which the bot's clock is ahead of GitLab's.
    pub ahead: i64,
    /// How many requests GitLab may get in a while, if not any number.
    pub budget: Option<Budget>,
    /// The value of the bot's own token.
    pub bot: String,
    /// User and password for a proxy before GitLab.
    pub proxy: Option<(String, String)>,
    /// The file that holds it, if the bot reads it again.
    pub bot_file: Option<PathBuf>,
    /// The sandbox Slack's address and token, if cards go there too.
    pub slack: Option<String>,
    /// The sandbox Discord's address, if cards go there too.
    pub discord: Option<String>,
    pub folder: TempDir,
}

impl Setup {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            tokens: vec![deploy_token()],
            stores: vec![variable()],
            ready: Vec::new(),
            connections: Connections::default(),
            settings: settings(),
            url: format!("sqlite:{}", folder.path().join("rekey.db").display()),
            word: Word::Nothing,
            ahead: 0,
            budget: None,
            bot: BOT.into(),
            proxy: None,
            bot_file: None,
            slack: None,
            discord: None,
            folder,
        }
    }

    /// Changes the token of the story.
    pub fn token(mut self, change: impl FnOnce(&mut ManagedToken)) -> Self {
        change(&mut self.tokens[0]);
        self
    }

    /// Another store for the same token.
    pub fn also_stored_in(mut self, store: StoreSpec) -> Self {
        self.tokens[0].stores.push(store.id());
        self.stores.push(store);
        self
    }

    /// Another store that is there already.
    pub fn also_in(mut self, store: Arc<dyn SecretStore>) -> Self {
        self.tokens[0].stores.push(store.id().clone());
        self.ready.push(store);
        self
    }

    /// No other store than this.
    pub fn stored_only_in(mut self, store: StoreSpec) -> Self {
        self.tokens[0].stores.clear();
        self.stores.clear();
        self.also_stored_in(store)
    }

    /// How a consumer is started, and its job.
    pub fn proven_by(self, kind: ConsumerKind, job: &str) -> Self {
        let job = job.to_owned();
        self.token(|token| {
            token.consumers[0].kind = kind;
            token.consumers[0].job = job;
        })
    }

    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// The bot calls with another token.
    pub fn bot(self, value: &str) -> Self {
        Self { bot: value.into(), ..self }
    }

    pub fn database(self, url: String) -> Self {
        Self { url, ..self }
    }

    /// A file of the team's own.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Opens the sandbox and starts the first worker. `world` gets the number of the project that deploys.
    pub async fn start(self, world: impl FnOnce(&mut World, u64)) -> Team {
        let stage = self.stage(world).await;
        Team::on(stage, self).await
    }

    /// Only the sandbox.
    pub async fn stage(&self, world: impl FnOnce(&mut World, u64)) -> Stage {
        stage(|more, project| {
            more.project("acme/ops");
            for person in ["alice", "bob", "carol"] {
                more.user(person);
            }
            world(more, project);
        })
        .await
    }
}

/// The token that the stories rotate, as the configuration names it.
pub fn deploy_token() -> ManagedToken {
    ManagedToken {
        id: TokenName::from("deploy"),
        owner: Owner::GroupServiceAccount { group: "acme".into(), username: "deploy-bot".into() },
        name: "deploy".into(),
        scopes: None,
        lifetime_days: 365,
        rotate_before_days: 14,
        approvers: [PersonId::from("alice"), PersonId::from("bob")].into(),
        groups: [].into(),
        step_up: false,
        quorum: 1,
        approval_seconds: 3 * 86_400,
        strategy: None,
        grace_seconds: 900,
        stores: vec![variable().id()],
        consumers: vec![Consumer {
            id: ConsumerId::from("pipeline acme/deploy main, job deploy"),
            project: "acme/deploy".into(),
            job: "deploy".into(),
            kind: ConsumerKind::Pipeline { git_ref: "main".into() },
            timeout_seconds: 3600,
            identity: None,
        }],
    }
}

/// The variable that every stage has.
pub fn variable() -> StoreSpec {
    project_variable("DEPLOY_TOKEN")
}

pub fn project_variable(key: &str) -> StoreSpec {
    let scope = VariableScope::Project("acme/deploy".into());
    StoreSpec::GitlabVariable(Spec { scope, key: key.into(), environment_scope: "*".into(), create: None })
}

fn settings() -> Settings {
    Settings {
        owner: "worker-1".into(),
        lease: Duration::from_secs(120),
        horizon_seconds: 600,
        use_seconds: 3600,
        poll: Duration::from_secs(10),
        scan_every: Duration::from_secs(3600),
        scan_pause: Duration::from_secs(300),
        give_up_after: Duration::from_secs(24 * 3600),
        farewell: Duration::from_millis(50),
        keep: Duration::from_secs(400 * 24 * 3600),
        paused: false,
        own_token_renews: false,
        shell: None,
        decide_as: true,
        parallel: 8,
        window: None,
        reminders: reminders(),
        issues_project: Some("acme/ops".into()),
        labels: vec!["token-rotation".into()],
        backoff: Backoff { first: Duration::from_millis(1), most: Duration::from_millis(4) },
    }
}

/// Nobody is reminded, unless a story says so.
fn reminders() -> Reminders {
    let hours = Window {
        days: vec![Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday],
        from: jiff::civil::time(9, 0, 0, 0),
        to: jiff::civil::time(17, 0, 0, 0),
        zone: jiff::tz::TimeZone::UTC,
    };
    Reminders { hours, steps: Vec::new() }
}

/// The Discord user of a person.
pub fn discord_user(person: &str) -> String {
    let number = match person {
        "alice" => 11,
        "bob" => 12,
        "carol" => 13,
        _ => 66,
    };
    format!("13000000000000000{number}")
}

/// People by id, with the same login in GitLab.
pub fn people() -> BTreeMap<PersonId, rekey::engine::settings::Person> {
    let person = |id: &str| rekey::engine::settings::Person {
        name: id.into(),
        gitlab: Some(id.into()),
        slack: Some(format!("U{}", id.to_uppercase())),
        discord: Some(discord_user(id)),
        administrator: false,
    };
    ["alice", "bob", "carol"].map(|id| (PersonId::from(id), person(id))).into()
}
