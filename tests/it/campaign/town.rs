//! Where the campaign takes place: people of a Slack workspace and a Discord server, one rotation, decided by the real
//! rules about real rights; and one-time codes that are easy to forge wrongly.

use crate::flow::setup::deploy_token;
use crate::slack::rotations::{self, at, opened};
use async_trait::async_trait;
use jiff::Timestamp;
use rekey::clock::{Clock, ManualClock};
use rekey::engine::decide::Click;
use rekey::engine::desk::visitors::Visitors;
use rekey::engine::desk::{Ask, Caller, Desk, Office, Reception};
use rekey::engine::directory::{Age, Directories, Directory, Standing, Survey, Unproven};
use rekey::engine::overview::TokenLine;
use rekey::engine::rights::{Rights, Visitor};
use rekey::engine::settings::{Catalog, Person};
use rekey::engine::step_up::{Invitation, StepUp, Verdict};
use rekey::engine::{EngineError, OpenedRotation};
use rekey::ledger::{Accepted, Item};
use rekey::rotation::account::Service;
use rekey::rotation::group::Group;
use rekey::rotation::ids::{PersonId, TokenName};
use rekey::rotation::next::next;
use rekey::rotation::plan::Plan;
use rekey::rotation::policy::Policy;
use rekey::rotation::record::{Origin, Rotation};
use rekey::rotation::refusal::Refusal;
use rekey::rotation::view::Action;
use rekey::rotation::view::prose::Prose;
use rekey::rotation::wish::{Decision, Wish};
use rekey::secret::Secret;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

pub const TEAM: &str = "T0TEAM0001";
pub const GUILD: &str = "80085";
pub const ROLE: &str = "777";

/// Everything that a click could change.
#[derive(Default)]
struct State {
    row: Option<Rotation>,
    told: BTreeSet<String>,
    inbox: Vec<Item>,
    seen: BTreeSet<String>,
    spent: BTreeSet<String>,
    plans: u64,
}

/// The office of the town.
pub struct Town {
    state: Mutex<State>,
    catalog: Catalog,
    directories: Directories,
    pub clock: ManualClock,
}

/// Slack's word on everybody.
struct Slack;

#[async_trait]
impl Directory for Slack {
    async fn standing(&self, account: &str, _age: Age) -> Result<Standing, Unproven> {
        Ok(match account {
            "UGONE" => Standing::Deactivated,
            "UGUEST" => Standing::Guest,
            "UFAR" => Standing::Elsewhere,
            "UDOWN" => return Err(Unproven::Passing("slack is not available".into())),
            "UGHOST" => Standing::Unknown,
            _ => Standing::Member,
        })
    }

    async fn holds(&self, group: &Group, account: &str, _age: Age) -> Result<bool, Unproven> {
        let members = ["UDAN", "UGUEST", "UGONE", "UFAR", "UDOWN"];
        Ok(group.to_string() == "slack-group:S0PLATFORM" && members.contains(&account))
    }

    async fn survey(&self, _group: &Group) -> Result<Survey, Unproven> {
        Ok(Survey { name: None, people: Some(5) })
    }
}

impl Town {
    pub fn new() -> Arc<Self> {
        let mut token = deploy_token();
        token.id = "deploy-bot".into();
        token.approvers = ["alice", "carol", "zoe"].map(PersonId::from).into();
        token.groups =
            [format!("discord-role:{ROLE}"), "slack-group:S0PLATFORM".into()].map(|g| g.parse().unwrap()).into();
        token.step_up = true;
        let catalog = Catalog { tokens: [(token.id.clone(), token)].into(), people: people() };
        let directories = Directories::default().with(Service::Slack, Arc::new(Slack));
        let town = Self { state: Mutex::default(), catalog, directories, clock: ManualClock::at(at(0)) };
        town.renew();
        Arc::new(town)
    }

    /// A rotation that waits for approval, with a plan that was never seen before.
    pub fn renew(&self) {
        let mut state = self.state.lock().unwrap();
        state.plans += 1;
        let mut plan = rotations::plan();
        plan.timing.grace_seconds += state.plans;
        let mut row = opened(plan);
        row.opened_by = Origin::Person { person: "carol".into() };
        state.row = Some(row);
    }

    /// A rotation that a person must help on.
    pub fn get_stuck(&self) {
        self.state.lock().unwrap().row = Some(rotations::stuck());
    }

    /// What a button of the present card asks for, as its id.
    pub fn button(&self, action: Action) -> Option<String> {
        let row = self.row();
        let plan = Some(row.plan.hash().0);
        Wish::Decide(Decision { action, rotation: row.id.0, plan, snooze_seconds: None, reason: None, stop: None })
            .to_id()
    }

    /// Somebody else asked for it.
    pub fn asked_by(&self, person: &str) {
        let by = Origin::Person { person: person.into() };
        self.state.lock().unwrap().row.as_mut().unwrap().opened_by = by;
    }

    pub fn row(&self) -> Rotation {
        self.state.lock().unwrap().row.clone().unwrap()
    }

    pub fn version(&self) -> u64 {
        self.state.lock().unwrap().row.as_ref().unwrap().version
    }

    /// A code that will be right once.
    pub fn code(person: &str, number: u64) -> String {
        format!("{person}/{number}")
    }

    pub fn desk(self: &Arc<Self>) -> Arc<Desk> {
        let mut visitors = Visitors::default().at("slack", TEAM).at("discord", GUILD);
        for (id, person) in people() {
            for (surface, account) in [("slack", &person.slack), ("discord", &person.discord)] {
                if let Some(account) = account {
                    visitors = visitors.knowing(surface, account, id.clone());
                }
            }
        }
        let visitors = visitors.asking(self.directories.clone(), self.catalog.groups());
        Arc::new(Desk::new(self.clone(), visitors).with_codes(self.clone()))
    }

    fn rights(&self) -> Rights<'_> {
        Rights { catalog: &self.catalog, directories: &self.directories }
    }

    async fn policy_of(&self, row: &Rotation, visitor: &Visitor) -> Result<Policy, EngineError> {
        Ok(self.rights().policy_for(row, visitor).await?)
    }

    fn apply(&self, click: &Click, policy: Result<Policy, Unproven>) -> Result<Rotation, EngineError> {
        let mut state = self.state.lock().unwrap();
        let now = self.clock.now();
        let row = state.row.clone().unwrap();
        if !state.told.insert(click.key.clone()) {
            return Ok(row);
        }
        let policy = policy.map_err(|unproven| Refusal::Unproven { why: unproven.to_string() })?;
        let after = next(&row, &click.event(&row, policy, now, now)?, now)?;
        state.row = Some(after.clone());
        Ok(after)
    }
}

fn people() -> std::collections::BTreeMap<PersonId, Person> {
    let person = |slack: Option<&str>, discord: Option<&str>| Person {
        slack: slack.map(str::to_owned),
        discord: discord.map(str::to_owned),
        ..Person::default()
    };
    [
        ("alice", person(Some("UALICE"), Some("1"))),
        ("bob", person(Some("UBOB"), Some("2"))),
        ("carol", person(Some("UCAROL"), Some("3"))),
        ("zoe", person(Some("UGONE"), None)),
    ]
    .map(|(id, person)| (id.into(), person))
    .into()
}

#[async_trait]
impl Office for Town {
    async fn click(&self, click: Click) -> Result<Rotation, EngineError> {
        let policy = self.rights().policy_for(&self.row(), &click.by).await;
        self.apply(&click, policy)
    }

    async fn rotate(&self, token: &str, _by: PersonId) -> Result<OpenedRotation, EngineError> {
        Err(EngineError::Unknown(token.into()))
    }

    async fn incident(&self, token: &str, _: &Visitor, _: &str, _: &str) -> Result<OpenedRotation, EngineError> {
        Err(EngineError::Unknown(token.into()))
    }

    async fn plan(&self, token: &str) -> Result<Plan, EngineError> {
        Err(EngineError::Unknown(token.into()))
    }

    fn tokens(&self) -> Vec<TokenName> {
        self.catalog.tokens.keys().cloned().collect()
    }

    async fn list(&self) -> Result<Vec<TokenLine>, EngineError> {
        Ok(Vec::new())
    }

    async fn show(&self, rotation: &str) -> Result<Rotation, EngineError> {
        let row = self.row();
        let meant = row.id.as_str().starts_with(rotation) && !rotation.is_empty();
        if meant { Ok(row) } else { Err(EngineError::Unknown(rotation.into())) }
    }

    async fn rotations(&self, _of: Option<&str>) -> Result<Vec<Rotation>, EngineError> {
        Ok(vec![self.row()])
    }

    async fn recent(&self) -> Result<Vec<Rotation>, EngineError> {
        Ok(Vec::new())
    }

    async fn policy(&self, _token: &TokenName, visitor: &Visitor) -> Result<Policy, EngineError> {
        self.policy_of(&self.row(), visitor).await
    }

    async fn policy_for(&self, rotation: &Rotation, visitor: &Visitor) -> Result<Policy, EngineError> {
        self.policy_of(rotation, visitor).await
    }
}

#[async_trait]
impl Reception for Town {
    async fn whisper(&self, _caller: &Caller, _prose: &Prose) {}

    async fn outsider(&self, _who: &str, _what: &str) {}

    async fn lapsed(&self, _who: &str, _what: &str) {}

    async fn remember(&self, ask: &Ask) -> Result<Accepted, EngineError> {
        let mut state = self.state.lock().unwrap();
        if !state.seen.insert(ask.key.clone()) {
            return Ok(Accepted::Duplicate);
        }
        let body = serde_json::to_string(ask).unwrap();
        let received_at = self.clock.now();
        state.inbox.push(Item { key: ask.key.clone(), kind: "ask".into(), body, received_at, tries: 0, epoch: 1 });
        Ok(Accepted::New)
    }

    async fn take(&self) -> Result<Vec<Item>, EngineError> {
        Ok(std::mem::take(&mut self.state.lock().unwrap().inbox))
    }

    async fn is_first(&self, _key: &str) -> Result<bool, EngineError> {
        Ok(true)
    }

    async fn later(&self, _item: &Item, _why: &str) -> Result<bool, EngineError> {
        Ok(false)
    }

    async fn settle(&self, _item: &Item) -> Result<(), EngineError> {
        Ok(())
    }

    async fn wait(&self) {
        std::future::pending().await
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

#[async_trait]
impl StepUp for Town {
    fn is_asked_for(&self, _token: Option<&TokenName>) -> bool {
        true
    }

    async fn is_enrolled(&self, _person: &PersonId) -> Result<bool, EngineError> {
        Ok(true)
    }

    async fn invite(&self, _person: &PersonId, _via: &str) -> Result<Invitation, EngineError> {
        Err(EngineError::Broken("nobody enrolls here".into()))
    }

    async fn unlock(&self, _: &PersonId, _: &Visitor, _: &str) -> Result<bool, EngineError> {
        Ok(false)
    }

    async fn confirm(&self, _: &PersonId, _: &str, _: &Secret, _: &str) -> Result<Verdict, EngineError> {
        Ok(Verdict::Nothing)
    }

    async fn spend(&self, person: &PersonId, _via: &str, code: &Secret, key: &str) -> Result<Verdict, EngineError> {
        let right = code.expose().strip_prefix(person.as_str()).and_then(|rest| rest.strip_prefix('/'));
        if right.is_none_or(|number| number.parse::<u64>().is_err()) {
            return Ok(Verdict::Wrong { left: 4 });
        }
        let mut state = self.state.lock().unwrap();
        let again = state.told.contains(key);
        Ok(if state.spent.insert(code.expose().to_owned()) || again { Verdict::Right } else { Verdict::Used })
    }
}
