//! Nine stores of nine kinds on one token, and chance decides which of them fail, how, and what people do about it. At
//! rest all hold the new value, or all the old one, or it is Stuck, or abandoned by a person, with both tokens alive: never a
//! silent mix.

use super::setup::Setup;
use super::team::Team;
use crate::sandbox::stage::OLD;
use crate::store::contract::{Bench, Trouble};
use crate::store::eight_kinds;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rekey::engine::settings::Backoff;
use rekey::rotation::phase::{Outcome, Phase};
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, Place, Rule};
use std::collections::BTreeSet;
use std::time::Duration;

/// How many seeds are told, unless REKEY_NINE_SEEDS says another number.
const SEEDS: u64 = 8;

const TROUBLES: [Trouble; 3] = [Trouble::Denied, Trouble::CutBefore, Trouble::CutAfter];

/// What takes longer hangs, however busy the machine is.
const ENOUGH: Duration = Duration::from_secs(300);

/// The variable that the pipeline reads, and eight more.
struct Nine {
    team: Team,
    others: Vec<Box<dyn Bench>>,
    what: String,
    /// A person gave up on purpose, which leaves everything as it is.
    abandoned: bool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nine_stores_hold_all_the_new_value_or_all_the_old_one_or_people_are_told() {
    let seeds = std::env::var("REKEY_NINE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    for seed in 0..seeds {
        let mut nine = Nine::new(seed).await;
        let told = tokio::time::timeout(ENOUGH, nine.told(&mut StdRng::seed_from_u64(seed))).await;
        assert!(told.is_ok(), "{} does not come to rest: {:?}", nine.what, nine.team.rotation().await);
    }
}

impl Nine {
    async fn new(seed: u64) -> Self {
        let others = eight_kinds().await;
        let mut setup = Setup::new().settings(|settings| {
            settings.give_up_after = Duration::from_secs(60);
            // The sandbox counts the calls of a minute on its own clock: a busy machine must not use its budget up.
            settings.backoff = Backoff { first: Duration::from_millis(10), most: Duration::from_millis(40) };
            // Time passes quickly below, and a program may take a while to start.
            settings.lease = Duration::from_secs(4 * 3600);
        });
        for other in &others {
            other.meddle(OLD).await;
            setup = setup.also_in(other.store());
        }
        Self { team: setup.start(|_, _| {}).await, others, what: format!("seed {seed}"), abandoned: false }
    }

    async fn told(&mut self, chance: &mut StdRng) {
        self.team.open().await;
        self.team.click("alice", Action::Approve).await.unwrap();
        // The plan is compared once more before the new token is made; the stores fail right after.
        self.team.fault("POST", "*/personal_access_tokens", Fault::HoldBefore);
        let (team, others) = (&self.team, &self.others);
        let (_, drawn) = tokio::join!(self.rests(), async {
            team.stage.state.held().await;
            let drawn = trouble(team, others, chance).await;
            team.stage.state.release(true);
            drawn
        });
        self.what = format!("{}: {drawn}", self.what);
        self.holds("first").await;
        for _ in 0..6 {
            if self.team.phase().await != "stuck" {
                break;
            }
            let calm = chance.random_bool(0.7);
            if calm {
                self.calm().await;
            }
            let actions = [Action::Retry, Action::Retry, Action::Restore, Action::Restore, Action::Abandon];
            let action = *actions.choose(chance).unwrap();
            self.what = format!("{}; {action:?}{}", self.what, if calm { " once all is well" } else { "" });
            if self.team.click("alice", action).await.is_ok() {
                self.abandoned = action == Action::Abandon;
                self.rests().await;
                self.holds("then").await;
            }
        }
        eprintln!("{} -> {}", self.what, self.team.phase().await);
    }

    /// Works and lets time pass until nothing is left to do by itself.
    async fn rests(&self) {
        let team = &self.team;
        let mut changes = team.engine.ledger.changes();
        let over = async || matches!(team.phase().await, "stuck" | "closed");
        tokio::join!(
            async {
                while !over().await {
                    team.work_once().await;
                    team.stage.clock.advance(1);
                    team.stage.state.run_pipelines();
                }
                // A lane whose lease ran out meanwhile says nothing for a while.
                team.pass(30).await;
            },
            async {
                // Who holds a value that a store lacks does not let go of it: time must pass beside.
                while !over().await {
                    if team.rotation().await.waiting.is_some() {
                        team.stage.clock.advance(5);
                        tokio::task::yield_now().await;
                    } else {
                        changes.changed().await.unwrap();
                    }
                }
            }
        );
    }

    async fn calm(&self) {
        self.team.stage.state.clear_faults();
        for other in &self.others {
            other.trouble(Trouble::None).await;
        }
    }

    /// What all nine hold.
    async fn held(&self) -> Vec<String> {
        let variable = self.team.stage.state.variable(Place::Project(self.team.stage.project), "DEPLOY_TOKEN", "*");
        let mut held = vec![variable.unwrap().value];
        for other in &self.others {
            held.push(
                other.held().await.unwrap_or_else(|| unreachable!("{}: {} is empty", self.what, other.store().id())),
            );
        }
        held
    }

    async fn holds(&self, when: &str) {
        let (team, held) = (&self.team, self.held().await);
        let values: BTreeSet<&str> = held.iter().map(String::as_str).collect();
        let state = |what: &str| format!("{what} ({when}): {}; live {:?}, held {held:?}", self.what, team.live());
        let mut holders = BTreeSet::new();
        for value in &values {
            holders.insert(
                team.stage
                    .state
                    .token_of(value)
                    .unwrap_or_else(|| unreachable!("{}", state("somebody's value is held"))),
            );
        }
        assert!(holders.iter().all(|id| team.live().contains(id)), "{}", state("what is held lives"));
        let rotation = team.rotation().await;
        match &rotation.phase {
            Phase::Stuck { why, .. } => {
                assert!(team.live().contains(&team.stage.old) && team.live().len() >= 2, "{}", state("both live"));
                assert!(!why.what.is_empty() && !why.todo.is_empty(), "{why:?}");
                assert!(team.issue().contains("Stuck"), "{}", team.issue());
            }
            Phase::Closed { outcome: Outcome::Done, .. } => {
                assert!(values.len() == 1 && !values.contains(OLD), "{}", state("all new"));
                assert_eq!(team.live().len(), 1, "{}", state("one lives"));
            }
            Phase::Closed { outcome: Outcome::Abandoned, .. } if self.abandoned => {
                assert!(team.live().contains(&team.stage.old) && team.live().len() >= 2, "{}", state("both live"));
                let told = rotation.announcements.iter().any(|said| said.text.contains("both stay alive"));
                assert!(told, "{:?}", rotation.announcements);
            }
            Phase::Closed { outcome: Outcome::Abandoned, .. } => {
                assert!(values.len() == 1 && values.contains(OLD), "{}", state("all old"));
                assert_eq!(team.live(), [team.stage.old], "{}", state("one lives"));
            }
            other => unreachable!("{}", state(&format!("{other:?}"))),
        }
    }
}

/// Draws which stores fail, and makes them.
async fn trouble(team: &Team, others: &[Box<dyn Bench>], chance: &mut StdRng) -> String {
    let mut drawn = Vec::new();
    let share = *[0.1, 0.3, 0.6, 1.0].choose(chance).unwrap();
    for other in others {
        let trouble = *TROUBLES.choose(chance).unwrap();
        if chance.random_bool(share) && other.trouble(trouble).await {
            let kind = other.store().id().0.split(' ').next().unwrap_or_default().to_owned();
            drawn.push(format!("{kind} {trouble:?}"));
        }
    }
    if chance.random_bool(share) {
        let fault = if chance.random_bool(0.5) { Fault::CutAfter } else { Fault::ErrorBefore { status: 503 } };
        team.stage.state.fault(Rule::new("PUT", "*/variables/DEPLOY_TOKEN", fault).times(0));
        drawn.push("variable".to_owned());
    }
    drawn.join(", ")
}
