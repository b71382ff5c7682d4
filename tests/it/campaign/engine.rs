//! Clicks that counted already, and clicks that never may, on a real engine and its ledger: by the inbox, by the desk, by
//! comments, again and again.

use crate::databases::on_each;
use crate::flow::counter::{Counter, discord, gitlab, slack};
use crate::flow::setup::Setup;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rekey::engine::desk::{Ask, Caller};
use rekey::rotation::ids::PersonId;
use rekey::rotation::phase::Phase;
use rekey::rotation::view::Action;
use rekey::rotation::wish::{Decision, Wish};
use std::collections::BTreeMap;

/// On each database.
const CLICKS: u64 = 1_500;

struct Campaign {
    counter: Counter,
    dice: StdRng,
    /// The click that counted.
    counted: Ask,
}

type Shot = fn(&mut Campaign, Decision) -> Ask;

const WRONGS: &[(&str, Shot)] = &[
    ("replayed", |campaign, _| again(&campaign.counted)),
    ("of who said yes already", |campaign, decision| campaign.ask(slack("UALICE"), decision)),
    ("of who said yes already, elsewhere", |campaign, decision| campaign.ask(gitlab("alice"), decision)),
    ("of who asked", |campaign, decision| campaign.ask(slack("UBOB"), decision)),
    ("of who may not decide", |campaign, decision| campaign.ask(slack("UDAN"), campaign.any(decision))),
    ("of a stranger", |campaign, decision| campaign.ask(discord("4711", &["77"]), campaign.any(decision))),
    ("of another place", |campaign, decision| {
        let from = Caller { place: "T0OTHER001".into(), ..slack("UCAROL") };
        campaign.ask(from, campaign.any(decision))
    }),
    ("for another plan", |campaign, decision| {
        let plan = format!("{:032x}{:032x}", campaign.dice.random::<u128>(), campaign.dice.random::<u128>());
        campaign.ask(slack("UCAROL"), Decision { plan: Some(plan), ..decision })
    }),
    ("for no plan", |campaign, decision| campaign.ask(slack("UCAROL"), Decision { plan: None, ..decision })),
    ("on a stop that there is not", |campaign, decision| {
        let action = *[Action::Retry, Action::Restore, Action::Abandon].choose(&mut campaign.dice).unwrap();
        campaign.ask(slack("UCAROL"), Decision { action, stop: Some(0), ..decision })
    }),
];

fn again(ask: &Ask) -> Ask {
    Ask::new(ask.key.clone(), ask.caller.clone(), ask.wish.clone())
}

impl Campaign {
    fn ask(&self, caller: Caller, decision: Decision) -> Ask {
        Ask::new(self.counter.key(), caller, Wish::Decide(decision))
    }

    /// The same, for any decision.
    fn any(&self, decision: Decision) -> Decision {
        let action = Action::ALL.choose(&mut self.dice.clone()).copied().unwrap();
        Decision { action, ..decision }
    }

    async fn send(&mut self, ask: &Ask) {
        match self.dice.random_bool(0.5) {
            true => drop(self.counter.send(ask).await),
            false => drop(self.counter.desk.ask(ask).await),
        }
    }
}

#[tokio::test]
async fn of_a_thousand_clicks_that_counted_already_or_never_may_none_counts() {
    on_each(|url| Box::pin(fire(url))).await;
}

async fn fire(url: String) {
    let two = |token: &mut rekey::rotation::token::ManagedToken| {
        token.quorum = 2;
        token.approvers.insert(PersonId::from("carol"));
    };
    let counter = Counter::open(Setup::new().database(url).token(two)).await;
    counter.ask(slack("UBOB"), Wish::parse("rotate deploy")).await;
    counter.team.work().await;
    let rotation = counter.team.rotation().await;
    let right = Decision {
        action: Action::Approve,
        rotation: rotation.id.0.clone(),
        plan: Some(rotation.plan.hash().0),
        snooze_seconds: None,
        reason: None,
        stop: None,
    };
    let counted = Ask::new("the-first", slack("UALICE"), Wish::Decide(right.clone()));
    counter.send(&counted).await;
    let before = counter.team.rotation().await;
    assert_eq!(before.approvals.len(), 1);
    let mut campaign = Campaign { counter, dice: StdRng::seed_from_u64(20_261_122), counted };
    let mut times: BTreeMap<&str, u64> = BTreeMap::new();
    for _ in 0..CLICKS {
        let (name, shot) = *WRONGS.choose(&mut campaign.dice).unwrap();
        let ask = shot(&mut campaign, right.clone());
        campaign.send(&ask).await;
        assert_eq!(campaign.counter.team.rotation().await, before, "a click {name} changed something: {:?}", ask.wish);
        *times.entry(name).or_default() += 1;
    }
    assert!(times.len() == WRONGS.len() && times.values().all(|times| *times > CLICKS / 50), "{times:?}");
    assert_eq!(campaign.counter.team.engine.ledger.verify().await.unwrap().fault, None);
    let last = campaign.ask(slack("UCAROL"), right);
    campaign.send(&last).await;
    assert_ne!(campaign.counter.team.rotation().await.phase, Phase::AwaitingApproval, "and a right one counts");
}
