//! A team on one surface, with a desk before its engine.

use super::bench::{Bench, Place};
use super::{discord, issue, slack};
use crate::flow::setup::{Setup, discord_user};
use crate::flow::team::Team;
use crate::sandbox::stage::stage;
use rekey::engine::ISSUE;
use rekey::engine::desk::Desk;
use rekey::engine::desk::visitors::Visitors;
use rekey::rotation::ids::PersonId;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::World;
use serde_json::Value;
use std::sync::Arc;

pub const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];

pub struct Scene {
    pub team: Team,
    pub bench: Box<dyn Bench>,
    pub desk: Arc<Desk>,
    pub place: Place,
    /// The workspace, where there is one.
    pub slack: Option<rekey::sandbox::slack::Handle>,
}

impl Scene {
    /// The usual team with an open rotation.
    pub async fn open(place: Place) -> Self {
        let scene = Self::with(place, |setup| setup, |_, _| {}).await;
        scene.team.open().await;
        scene
    }

    /// A team that is different, before anything happens.
    pub async fn with(place: Place, setup: impl FnOnce(Setup) -> Setup, world: impl FnOnce(&mut World, u64)) -> Self {
        let stage = stage(|more, project| {
            more.project("acme/ops");
            for person in PEOPLE.into_iter().chain(["mallory"]) {
                more.user(person);
            }
            world(more, project);
        })
        .await;
        let mut setup = setup(Setup::new());
        let mut slack = None;
        let bench: Box<dyn Bench> = match place {
            Place::Issue => Box::new(issue::Issues::default()),
            Place::Slack | Place::SlackSocket => {
                let workspace = slack::Workspace::new(&stage, &mut setup, place).await;
                slack = Some(workspace.state());
                Box::new(workspace)
            }
            Place::Discord | Place::DiscordGateway => Box::new(discord::Guild::new(&stage, &mut setup, place).await),
        };
        let team = Team::on(stage, setup).await;
        let mut scene = Self { desk: desk(&team), team, bench, place, slack };
        scene.bench.restarted(&scene.team, &scene.desk).await;
        scene
    }

    /// Another process takes over.
    pub async fn restart(&mut self) {
        self.team.restarted().await;
        self.desk = desk(&self.team);
        self.bench.restarted(&self.team, &self.desk).await;
    }

    /// What this person would press now; the story ends here if nobody is invited to.
    pub fn offer(&self, who: &str, action: Action) -> Value {
        let offer = self.bench.offer(&self.team, who, action);
        offer.unwrap_or_else(|| unreachable!("no {} in {}", action.word(), self.card()))
    }

    /// Whether the card invites to decide so.
    pub fn offers(&self, action: Action) -> bool {
        self.bench.offer(&self.team, "alice", action).is_some()
    }

    /// Takes what was sent, and does what is due.
    pub async fn settle(&self) {
        // A bot that cannot reach GitLab's issues hears no comments; it is told again.
        let _heard = self.team.engine.listen().await;
        while self.desk.serve_some().await.unwrap() > 0 {}
        self.team.work().await;
    }

    pub async fn send(&self, click: &Value) {
        self.team.stage.clock.advance(1);
        self.bench.send(&self.team, click).await;
    }

    /// Presses, and lets the bot deal with it.
    pub async fn decide(&self, who: &str, action: Action) {
        let click = self.offer(who, action);
        self.send(&click).await;
        self.settle().await;
    }

    /// The one card.
    pub fn card(&self) -> String {
        let cards = self.bench.cards(&self.team);
        assert_eq!(cards.len(), 1, "one card: {cards:#?}");
        cards.into_iter().next().unwrap()
    }

    pub fn told(&self, who: &str) -> Vec<String> {
        self.bench.told(&self.team, who)
    }
}

fn desk(team: &Team) -> Arc<Desk> {
    let guild = rekey::sandbox::discord::Settings::default().guild;
    let mut visitors = Visitors::default().at(ISSUE, team.engine.gitlab.host());
    visitors = visitors.at("slack", slack::TEAM).at("discord", guild);
    for person in PEOPLE {
        visitors = visitors.knowing("slack", slack::user(person), PersonId::from(person));
        visitors = visitors.knowing("discord", discord_user(person), PersonId::from(person));
        visitors = visitors.knowing(ISSUE, person, PersonId::from(person));
    }
    Arc::new(Desk::new(team.engine.clone(), visitors).with_codes(team.engine.clone()))
}
