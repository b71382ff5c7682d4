//! A team that uses rekey: the sandbox GitLab, an engine whose time stands still, and people who click.

use super::setup::{Setup, people};
use crate::sandbox::stage::Stage;
use rekey::chat::Messenger;
use rekey::clock::{Clock, ManualClock};
use rekey::engine::ISSUE;
use rekey::engine::custody::Custody;
use rekey::engine::decide::Click;
use rekey::engine::directory::{Directories, GitlabDirectory};
use rekey::engine::issue::IssueSurface;
use rekey::engine::rights::Visitor;
use rekey::engine::settings::Catalog;
use rekey::engine::step_up::Seal;
use rekey::engine::{Dice, Engine, EngineError};
use rekey::http::{Api, Backoff, Credential, Front, Shown, Throttle};
use rekey::ledger::Ledger;
use rekey::rotation::account::Service;
use rekey::rotation::ids::{PersonId, RotationId, SurfaceName};
use rekey::rotation::phase::{Outcome, Phase, Why};
use rekey::rotation::record::{Origin, Rotation};
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, Place, Rule};
use rekey::secret::{Secret, SecretFile};
use rekey::store::{Context, build};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What seals the secrets of one-time codes.
pub const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

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

    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        bytes.iter_mut().zip(number.iter().rev().cycle()).for_each(|(byte, digit)| *byte = *digit ^ 0x5a);
    }
}

/// What this machine takes for the time, beside the sandbox, whose answers carry the true one.
struct Off(i64);

impl Clock for Off {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now().saturating_add(jiff::SignedDuration::from_secs(self.0)).unwrap()
    }
}

/// A clock that differs from GitLab's.
struct Ahead(ManualClock, i64);

impl Clock for Ahead {
    fn now(&self) -> jiff::Timestamp {
        self.0.now().saturating_add(jiff::SignedDuration::from_secs(self.1)).unwrap()
    }
}

pub struct Team {
    pub stage: Stage,
    pub engine: Arc<Engine>,
    pub setup: Setup,
}

impl Team {
    /// The usual stage with the usual token.
    pub async fn new() -> Self {
        Setup::new().start(|_, _| {}).await
    }

    pub async fn on(stage: Stage, setup: Setup) -> Self {
        let engine = engine(&stage, &setup).await;
        Self { stage, engine, setup }
    }

    /// Another process on the same database, with nothing in custody.
    pub async fn restarted(&mut self) {
        self.engine.ledger.close().await;
        self.setup.settings.owner.push('+');
        self.engine = engine(&self.stage, &self.setup).await;
    }

    /// A second replica on the same database.
    pub async fn twin(&self) -> Arc<Engine> {
        let mut engine = engine(&self.stage, &self.setup).await;
        Arc::get_mut(&mut engine).unwrap().settings.owner.push('*');
        engine
    }

    /// Opens a rotation as the scan would.
    pub async fn open(&self) -> Rotation {
        self.engine.consider(&self.setup.tokens[0], Origin::Scan, false).await.unwrap();
        self.work().await;
        self.rotation().await
    }

    /// Opens, and approves by alice; does nothing more.
    pub async fn approved(&self) {
        self.open().await;
        self.click("alice", Action::Approve).await.unwrap();
    }

    pub async fn rotation(&self) -> Rotation {
        self.engine.rotation("deploy").await.unwrap()
    }

    pub async fn click(&self, who: &str, action: Action) -> Result<Rotation, EngineError> {
        let plan = self.rotation().await.plan.hash().0;
        self.click_with(who, action, |click| click.plan = Some(plan)).await
    }

    /// A click whose details the story chooses.
    pub async fn click_with(
        &self,
        who: &str,
        action: Action,
        change: impl FnOnce(&mut Click),
    ) -> Result<Rotation, EngineError> {
        static KEY: AtomicU64 = AtomicU64::new(0);
        let mut click = Click {
            key: format!("key-{}", KEY.fetch_add(1, Ordering::SeqCst)),
            rotation: self.rotation().await.id,
            action,
            by: Visitor::named(PersonId::from(who)),
            via: "slack".into(),
            plan: None,
            snooze_seconds: None,
            reason: None,
            stop: None,
            with_code: false,
        };
        change(&mut click);
        self.engine.decide(&click).await
    }

    /// What a person reads who clicks in vain.
    pub async fn refusal(&self, who: &str, action: Action) -> String {
        self.click(who, action).await.unwrap_err().to_string()
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
        unreachable!("work never ends: {:?}", self.rotation().await);
    }

    /// One claim of everything that is due.
    pub async fn work_once(&self) -> bool {
        let now = self.now();
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
        let ahead = self.now().duration_since(self.stage.clock.now());
        let end = self.now().saturating_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
        let set = |at: jiff::Timestamp| self.stage.clock.set(at.saturating_sub(ahead).unwrap());
        loop {
            self.work().await;
            let wake = self.engine.ledger.next_wake().await.unwrap();
            let soon = self.now().saturating_add(jiff::SignedDuration::from_secs(1)).unwrap();
            match wake {
                Some(at) if at <= end => set(at.max(soon)),
                _ => break,
            }
        }
        set(end.max(self.now()));
        self.work().await;
    }

    /// What lies in the bot's folder, the database first of all. SQLite comes and goes with files of its own.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let found = std::fs::read_dir(self.setup.folder.path()).unwrap().flatten();
        let read = found.filter_map(|file| Some((file.path().display().to_string(), std::fs::read(file.path()).ok()?)));
        let files: Vec<_> = read.collect();
        assert!(!files.is_empty(), "nothing was looked at");
        files
    }

    pub fn now(&self) -> jiff::Timestamp {
        self.engine.clock.now()
    }

    /// The phase's name.
    pub async fn phase(&self) -> &'static str {
        self.rotation().await.phase.name()
    }

    /// Why it is stuck; the story ends here if it is not.
    pub async fn stuck(&self) -> Why {
        match self.rotation().await.phase {
            Phase::Stuck { why, .. } => why,
            phase => unreachable!("not stuck but {phase:?}; waits {:?}", self.rotation().await.waiting),
        }
    }

    pub fn fault(&self, method: &str, path: &str, fault: Fault) {
        self.stage.state.fault(Rule::new(method, path, fault));
    }

    /// The token in the deploy variable.
    pub fn held(&self) -> Option<u64> {
        self.stage.state.held_by(Place::Project(self.stage.project), "DEPLOY_TOKEN", "*")
    }

    /// The service account's live tokens, oldest first.
    pub fn live(&self) -> Vec<u64> {
        self.stage.state.live_tokens(self.stage.account).iter().map(|token| token.id).collect()
    }

    /// The description of the one issue.
    pub fn issue(&self) -> String {
        let issues = self.stage.state.issues();
        assert_eq!(issues.len(), 1, "one issue tells people");
        issues[0].description.clone()
    }

    /// The comments under all issues.
    pub fn comments(&self) -> Vec<String> {
        let issues = self.stage.state.issues();
        issues.iter().flat_map(|issue| self.stage.state.notes(issue.id)).map(|note| note.body).collect()
    }

    /// It is over, with this outcome, and the issue says so.
    pub async fn ended(&self, outcome: Outcome) {
        let rotation = self.rotation().await;
        assert!(matches!(rotation.phase, Phase::Closed { outcome: o, .. } if o == outcome), "{rotation:?}");
        self.issue();
        assert!(!self.stage.state.issues()[0].open, "the issue is closed");
    }

    /// It is done, and what must hold at rest holds.
    pub async fn done(&self) {
        self.ended(Outcome::Done).await;
        assert_eq!(self.live().len(), 1, "exactly one token lives");
        assert_eq!(self.held(), Some(self.live()[0]), "and the variable holds it");
        assert!(self.stage.state.token(self.stage.old).unwrap().revoked, "the old one is revoked");
        assert!(!self.engine.custody.holds(&self.rotation().await.id), "nothing is left in memory");
        assert_eq!(self.engine.ledger.verify().await.unwrap().fault, None, "the journal is whole");
    }
}

async fn engine(stage: &Stage, setup: &Setup) -> Arc<Engine> {
    let client = rekey::http::client(None).unwrap();
    let base = format!("{}/api/v4", stage.gitlab.base_url());
    let throttle = Arc::new(Throttle::new(16, setup.budget));
    let own = Secret::new(setup.bot.clone());
    let credential = match setup.bot_file.clone() {
        Some(file) => Credential::PrivateTokenFile(SecretFile::new(file, own)),
        None => Credential::PrivateToken(own),
    };
    let quick = Backoff::jittered(Duration::from_millis(1), Duration::from_millis(2));
    let api = Api::new(client, &base, credential, throttle).unwrap().with_backoff(quick);
    let shown = |(user, password): &(String, String)| (user.clone(), Shown::Given(Secret::new(password.clone())));
    let front = Front { login: setup.proxy.as_ref().map(shown), ..Front::default() };
    let api =
        Arc::new(api.with_dialect(rekey::gitlab::DIALECT).with_front(front).with_clock(Arc::new(Off(setup.ahead))));
    let gitlab = rekey::gitlab::Client::new(api.clone());
    let context = Context::open(api, &setup.connections).unwrap();
    let tokens = setup.tokens.iter().map(|token| (token.id.clone(), token.clone())).collect();
    let catalog = Catalog { tokens, people: people() };
    let ledger: Arc<dyn Ledger> = crate::databases::open_with(&setup.url, setup.word).await.unwrap();
    let directories = directories(&gitlab, ledger.clone(), stage, setup);
    let built = setup.stores.iter().map(|spec| (spec.id(), build(spec, &context).unwrap()));
    Arc::new(Engine {
        ledger,
        stores: built.chain(setup.ready.iter().map(|store| (store.id().clone(), store.clone()))).collect(),
        surfaces: surfaces(&gitlab, &catalog, setup),
        gitlab,
        catalog,
        directories,
        step_up: Some(Seal::new(&Secret::new(KEY.into()), &[]).unwrap()),
        settings: setup.settings.clone(),
        clock: Arc::new(Ahead(stage.clock.clone(), setup.ahead)),
        dice: Arc::new(Counter::default()),
        custody: Custody::default(),
        looks: rekey::engine::comments::Looks::default(),
        stock: rekey::engine::stock::Stock::default(),
        attempts: rekey::engine::attempts::Attempts::default(),
        inventory: rekey::engine::measure::Inventory::default(),
        clocks: rekey::engine::clocks::Clocks::default(),
        scan_wanted: tokio::sync::Notify::new(),
        learned_limit: std::sync::Mutex::new(None),
        doubts: Default::default(),
    })
}

fn directories(gitlab: &rekey::gitlab::Client, ledger: Arc<dyn Ledger>, stage: &Stage, setup: &Setup) -> Directories {
    let people = GitlabDirectory::new(gitlab.clone(), Arc::new(stage.clock.clone())).held_in(ledger);
    let directories = Directories::default().with(Service::Gitlab, Arc::new(people));
    match &setup.slack {
        Some(slack) => directories.with(Service::Slack, super::chat::directory(slack, stage.clock.clone())),
        None => directories,
    }
}

fn surfaces(
    gitlab: &rekey::gitlab::Client,
    catalog: &Catalog,
    setup: &Setup,
) -> BTreeMap<SurfaceName, Arc<dyn Messenger>> {
    let labels = setup.settings.labels.clone();
    let issue = IssueSurface::new(gitlab.clone(), "acme/ops".into(), labels, true, catalog.clone());
    let mut surfaces = BTreeMap::from([(SurfaceName::from(ISSUE), Arc::new(issue) as Arc<dyn Messenger>)]);
    if let Some(slack) = &setup.slack {
        surfaces.insert(SurfaceName::from("slack"), super::chat::messenger(slack, catalog));
    }
    if let Some(discord) = &setup.discord {
        surfaces.insert(SurfaceName::from("discord"), super::chat::discord(discord, catalog));
    }
    surfaces
}
