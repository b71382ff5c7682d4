//! A team that uses rekey: the sandbox GitLab, an engine whose time stands still, and people who click.

use crate::sandbox::stage::{BOT, Stage, stage};
use rekey::engine::custody::Custody;
use rekey::engine::decide::Click;
use rekey::engine::issue::{ISSUE, IssueSurface};
use rekey::engine::settings::{Backoff, Catalog, Person, Settings};
use rekey::engine::{Dice, Engine, EngineError};
use rekey::http::{Api, Credential, Throttle};
use rekey::ledger::Ledger;
use rekey::rotation::ids::{ConsumerId, PersonId, RotationId, SurfaceName, TokenName};
use rekey::rotation::record::{Origin, Rotation};
use rekey::rotation::token::{Consumer, ConsumerKind, ManagedToken, Owner};
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::World;
use rekey::secret::Secret;
use rekey::secret_store::{Context, StoreSpec, VariableScope, build};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Ids that count up.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Dice for Counter {
    fn rotation_id(&self, _: jiff::Timestamp) -> RotationId {
        RotationId(format!("01rotation{:016}", self.0.fetch_add(1, Ordering::SeqCst)))
    }

    fn spread(&self) -> f64 {
        0.5
    }
}

pub struct Team {
    pub stage: Stage,
    pub engine: Arc<Engine>,
    pub tokens: Vec<ManagedToken>,
    _folder: tempfile::TempDir,
    url: String,
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
        }],
    }
}

pub fn variable() -> StoreSpec {
    StoreSpec::GitlabVariable {
        scope: VariableScope::Project("acme/deploy".into()),
        key: "DEPLOY_TOKEN".into(),
        environment_scope: "*".into(),
    }
}

impl Team {
    /// The usual stage with the usual token.
    pub async fn new() -> Self {
        Self::with(|_, _| {}, vec![deploy_token()], vec![variable()]).await
    }

    pub async fn with(more: impl FnOnce(&mut World, u64), tokens: Vec<ManagedToken>, stores: Vec<StoreSpec>) -> Self {
        let stage = stage(|world, project| {
            world.project("acme/ops");
            for person in ["alice", "bob", "carol"] {
                world.user(person);
            }
            more(world, project);
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("rekey.db").display());
        let engine = engine(&stage, &url, &tokens, &stores, "worker-1").await;
        Self { stage, engine, tokens, _folder: folder, url }
    }

    /// Another process on the same database, with nothing in custody.
    pub async fn restarted(&mut self, stores: &[StoreSpec]) {
        self.engine = engine(&self.stage, &self.url, &self.tokens, stores, "worker-2").await;
    }

    /// Opens a rotation as the scan would.
    pub async fn open(&self) -> Rotation {
        self.engine.consider(&self.tokens[0], Origin::Scan, false).await.unwrap();
        let rotation = self.engine.rotation("deploy").await.unwrap();
        self.work().await;
        rotation
    }

    pub async fn rotation(&self) -> Rotation {
        self.engine.rotation("deploy").await.unwrap()
    }

    pub async fn click(&self, who: &str, action: Action) -> Result<Rotation, EngineError> {
        let rotation = self.rotation().await;
        self.click_plan(who, action, Some(rotation.plan.hash().0)).await
    }

    pub async fn click_plan(&self, who: &str, action: Action, plan: Option<String>) -> Result<Rotation, EngineError> {
        static KEY: AtomicU64 = AtomicU64::new(0);
        let click = Click {
            key: format!("key-{}", KEY.fetch_add(1, Ordering::SeqCst)),
            rotation: self.rotation().await.id,
            action,
            person: PersonId::from(who),
            via: "slack".into(),
            plan,
            snooze_seconds: None,
        };
        self.engine.decide(&click).await
    }

    /// Does everything that is due at this moment, pipelines included.
    pub async fn work(&self) {
        for _ in 0..200 {
            let busy = self.work_once().await;
            self.stage.state.run_pipelines();
            if !busy {
                return;
            }
        }
        panic!("work never ends: {:?}", self.rotation().await);
    }

    async fn work_once(&self) -> bool {
        let now = self.engine.clock.now();
        let until = now.saturating_add(jiff::SignedDuration::from_secs(120)).unwrap();
        let claims = self.engine.ledger.claim("worker", now, until, 100).await.unwrap();
        let busy = !claims.is_empty();
        for claim in claims {
            self.engine.run_lane(claim).await;
        }
        busy
    }

    /// Lets time pass, working at every moment at which something falls due.
    pub async fn pass(&self, seconds: i64) {
        let end = self.engine.clock.now().saturating_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
        loop {
            self.work().await;
            let wake = self.engine.ledger.next_wake().await.unwrap();
            let now = self.engine.clock.now();
            match wake {
                Some(at) if at <= end => {
                    self.stage.clock.set(at.max(now.saturating_add(jiff::SignedDuration::from_secs(1)).unwrap()))
                }
                _ => break,
            }
        }
        self.stage.clock.set(end);
        self.work().await;
    }

    /// The phase's name.
    pub async fn phase(&self) -> &'static str {
        self.rotation().await.phase.name()
    }
}

async fn engine(stage: &Stage, url: &str, tokens: &[ManagedToken], stores: &[StoreSpec], owner: &str) -> Arc<Engine> {
    let client = rekey::http::client(None).unwrap();
    let base = format!("{}/api/v4", stage.gitlab.base_url());
    let throttle = Arc::new(Throttle::new(16, None));
    let api = Arc::new(Api::new(client, &base, Credential::PrivateToken(Secret::new(BOT.into())), throttle).unwrap());
    let gitlab = rekey::gitlab::Client::new(api.clone());
    let context = Context { gitlab: api };
    let catalog = Catalog {
        tokens: tokens.iter().map(|token| (token.id.clone(), token.clone())).collect(),
        people: ["alice", "bob", "carol"]
            .map(|id| (PersonId::from(id), Person { name: id.into(), gitlab: Some(id.into()), ..Person::default() }))
            .into(),
    };
    let issue =
        IssueSurface::new(gitlab.clone(), "acme/ops".into(), vec!["token-rotation".into()], true, catalog.clone());
    let ledger: Arc<dyn Ledger> = rekey::ledger::open(url).await.unwrap();
    Arc::new(Engine {
        ledger,
        gitlab,
        stores: stores.iter().map(|spec| (spec.id(), build(spec, &context))).collect(),
        surfaces: BTreeMap::from([(SurfaceName::from(ISSUE), Arc::new(issue) as Arc<dyn rekey::chat::Messenger>)]),
        catalog,
        settings: settings(owner),
        clock: Arc::new(stage.clock.clone()),
        dice: Arc::new(Counter::default()),
        custody: Custody::default(),
        scan_wanted: tokio::sync::Notify::new(),
        learned_limit: std::sync::Mutex::new(None),
    })
}

fn settings(owner: &str) -> Settings {
    Settings {
        owner: owner.into(),
        lease: Duration::from_secs(120),
        horizon_seconds: 600,
        use_seconds: 3600,
        poll: Duration::from_secs(10),
        scan_every: Duration::from_secs(3600),
        max_tries: 30,
        parallel: 8,
        window: None,
        issues_project: Some("acme/ops".into()),
        labels: vec!["token-rotation".into()],
        backoff: Backoff { first: Duration::from_millis(1), most: Duration::from_millis(4) },
    }
}
