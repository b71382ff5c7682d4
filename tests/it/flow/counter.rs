//! A team before its desk: people of a sandbox Slack, and of a Discord server that signs what it says of them, click and
//! ask; a real engine decides.

use super::chat;
use super::setup::Setup;
use super::team::Team;
use async_trait::async_trait;
use rekey::engine::Engine;
use rekey::engine::desk::visitors::Visitors;
use rekey::engine::desk::words::outline;
use rekey::engine::desk::{Answer, Ask, Caller, Desk, WayBack};
use rekey::rotation::view::Action;
use rekey::rotation::wish::{Decision, Wish};
use rekey::sandbox::gitlab::World;
use rekey::sandbox::slack::{Handle, Slack};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub const GUILD: &str = "80085";

pub struct Counter {
    pub team: Team,
    pub slack: Handle,
    pub desk: Arc<Desk>,
    _slack: Slack,
    clicks: AtomicU64,
}

/// What somebody was told.
#[derive(Default)]
pub struct Told(pub Mutex<Option<Answer>>);

#[async_trait]
impl WayBack for Told {
    async fn tell(&self, answer: Answer) {
        *self.0.lock().unwrap() = Some(answer);
    }
}

impl Counter {
    pub async fn open(setup: Setup) -> Self {
        Self::beside(setup, |_, _| {}).await
    }

    /// Beside a GitLab that the story furnishes.
    pub async fn beside(mut setup: Setup, world: impl FnOnce(&mut World, u64)) -> Self {
        let stage = setup.stage(world).await;
        let slack = chat::workspace(&stage.clock).await;
        setup.slack = Some(slack.base_url());
        let team = Team::on(stage, setup).await;
        let desk = desk(&team.engine);
        Self { team, slack: slack.state(), desk, _slack: slack, clicks: AtomicU64::new(0) }
    }

    /// Another process on the same database.
    pub async fn restarted(&mut self) {
        self.team.restarted().await;
        self.desk = desk(&self.team.engine);
    }

    pub fn key(&self) -> String {
        format!("press-{}", self.clicks.fetch_add(1, Ordering::SeqCst))
    }

    /// What a button of the card asks for.
    pub async fn decision(&self, action: Action) -> Wish {
        let rotation = self.team.rotation().await;
        let plan = Some(rotation.plan.hash().0);
        let reason = (action == Action::Decline).then(|| "not now".to_owned());
        Wish::Decide(Decision { action, rotation: rotation.id.0, plan, snooze_seconds: None, reason, stop: None })
    }

    /// Presses a button of the card; what the person is told, which is nothing if it counted.
    pub async fn press(&self, who: Caller, action: Action) -> String {
        let wish = self.decision(action).await;
        self.send(&Ask::new(self.key(), who, wish)).await.map(|a| outline(&a).plain()).unwrap_or_default()
    }

    /// Sends what a button asks for, by way of the inbox.
    pub async fn send(&self, ask: &Ask) -> Option<Answer> {
        let told = Arc::new(Told::default());
        self.desk.accept(ask, told.clone()).await.unwrap();
        self.serve().await;
        told.0.lock().unwrap().take()
    }

    /// Deals with what waits in the inbox.
    pub async fn serve(&self) {
        while self.desk.serve_some().await.unwrap() > 0 {}
    }

    /// Types a command.
    pub async fn types(&self, who: Caller, text: &str) -> String {
        outline(&self.ask(who, Wish::parse(text)).await).plain()
    }

    pub async fn ask(&self, who: Caller, wish: Wish) -> Answer {
        self.desk.ask(&Ask::new(self.key(), who, wish)).await
    }

    /// What the journal says of people who were turned away.
    pub async fn turned_away(&self) -> u64 {
        let rows = self.team.engine.ledger.verify().await.unwrap();
        assert_eq!(rows.fault, None);
        rows.lines
    }
}

pub fn desk(engine: &Arc<Engine>) -> Arc<Desk> {
    let mut visitors = Visitors::default().at("slack", "T0TEAM0001").at("discord", GUILD).at("issue", "gitlab.example");
    for (id, person) in &engine.catalog.people {
        let bound = [("slack", &person.slack), ("discord", &person.discord), ("issue", &person.gitlab)];
        for (surface, account) in bound {
            if let Some(account) = account {
                visitors = visitors.knowing(surface, account, id.clone());
            }
        }
    }
    let visitors = visitors.asking(engine.directories.clone(), engine.catalog.groups());
    Arc::new(Desk::new(engine.clone(), visitors).with_codes(engine.clone()))
}

/// Somebody in the Slack workspace.
pub fn slack(account: &str) -> Caller {
    caller("slack", "T0TEAM0001", account)
}

/// Somebody in the Discord server, with the roles that Discord signed.
pub fn discord(account: &str, roles: &[&str]) -> Caller {
    Caller { roles: roles.iter().map(|role| (*role).to_owned()).collect(), ..caller("discord", GUILD, account) }
}

/// Somebody who comments on the issue.
pub fn gitlab(login: &str) -> Caller {
    caller("issue", "gitlab.example", login)
}

fn caller(surface: &str, place: &str, account: &str) -> Caller {
    Caller {
        surface: surface.into(),
        place: place.into(),
        account: account.into(),
        guest: false,
        roles: [].into(),
        channel: None,
    }
}
