//! Clicks of the wrong people, from the wrong place, for the wrong plan, too late, twice, without the right code.

use super::town::{GUILD, ROLE, TEAM, Town};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rekey::engine::desk::{Answer, Ask, Caller, Desk};
use rekey::rotation::view::{Action, actions};
use rekey::rotation::wish::{Decision, Wish};
use rekey::secret::Secret;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Clicks that must not count.
const CLICKS: u64 = 30_000;
/// Among so many one is right.
const ONE_IN: u32 = 200;

/// A click before it is sent.
struct Shot {
    caller: Caller,
    decision: Decision,
    key: String,
    code: Option<String>,
    /// Whose codes would be right.
    person: &'static str,
}

struct Campaign {
    town: Arc<Town>,
    desk: Arc<Desk>,
    dice: StdRng,
    count: u64,
    /// Plans that were replaced.
    stale: Vec<String>,
    /// Keys and codes of clicks that counted.
    counted: Vec<(String, String)>,
    /// How often what was refused, by what was wrong and what was wished for.
    refused: BTreeMap<(&'static str, &'static str), u64>,
}

type Spoil = fn(&mut Shot, &mut Campaign);

/// Somebody wrong, whatever they decide.
const PEOPLE: &[(&str, Spoil)] = &[
    ("of another workspace or server", |shot, _| shot.caller.place = "T0OTHER001".into()),
    ("of no workspace at all", |shot, _| shot.caller.place = String::new()),
    ("a guest by the request itself", |shot, _| shot.caller.guest = true),
    ("somebody whom nobody knows", |shot, _| shot.caller = slack("UEVE")),
    ("somebody with a role, but in Slack", |shot, _| shot.caller = with_role(slack("UEVE"))),
    ("known, and no approver", |shot, _| shot.caller = slack("UBOB")),
    ("known, and no approver, on Discord", |shot, _| shot.caller = discord("2", &[])),
    ("deactivated", |shot, _| shot.caller = slack("UGONE")),
    ("a guest in the group", |shot, _| shot.caller = slack("UGUEST")),
    ("of another workspace in the group", |shot, _| shot.caller = slack("UFAR")),
    ("of whom nothing can be learned", |shot, _| shot.caller = slack("UDOWN")),
    ("an account that is none", |shot, _| shot.caller = slack("UGHOST")),
    ("without the role", |shot, _| shot.caller = discord("9", &[])),
    ("with another role", |shot, _| shot.caller = discord("9", &["778", "77", "7777"])),
    ("on a surface without authority", |shot, _| shot.caller.surface = "issue".into()),
    ("on a surface that does not exist", |shot, _| shot.caller.surface = "irc".into()),
];

/// Something else wrong with an approval.
const WRONGS: &[(&str, Spoil)] = &[
    ("who asked for it", |shot, _| own(shot, slack("UCAROL"))),
    ("who asked for it, on Discord", |shot, _| own(shot, discord("3", &[ROLE]))),
    ("who may be the one that asked", |shot, campaign| {
        campaign.town.asked_by("slack:UDAN");
        *shot = Shot { caller: discord("9", &[ROLE]), person: "discord:9", ..campaign.right() };
        shot.code = Some(campaign.fresh_code("discord:9"));
    }),
    ("for another rotation", |shot, campaign| shot.decision.rotation = campaign.hex(26)),
    ("for no rotation", |shot, _| shot.decision.rotation = String::new()),
    ("for a plan that nobody made", |shot, campaign| shot.decision.plan = Some(campaign.hex(64))),
    ("for a plan that was replaced", |shot, campaign| shot.decision.plan = campaign.stale_plan()),
    ("for too few digits of the plan", |shot, _| {
        shot.decision.plan = shot.decision.plan.as_ref().map(|p| p[..7].into())
    }),
    ("for no plan", |shot, _| shot.decision.plan = None),
    ("without a code", |shot, _| shot.code = None),
    ("with a wrong code", |shot, campaign| shot.code = Some(campaign.hex(6))),
    ("with somebody else's code", |shot, campaign| shot.code = Some(campaign.fresh_code("bob"))),
    ("with a code that was used", |shot, campaign| {
        let person = shot.person;
        let used = campaign.counted.iter().rev().find(|(_, code)| code.starts_with(&format!("{person}/")));
        shot.code = used.map(|(_, code)| code.clone());
    }),
    ("with a garbled button", |shot, campaign| campaign.garble(shot)),
];

fn own(shot: &mut Shot, caller: Caller) {
    let number = shot.code.as_deref().and_then(|code| code.rsplit('/').next()).unwrap_or_default().to_owned();
    *shot = Shot { caller, person: "carol", code: Some(format!("carol/{number}")), ..std::mem::replace(shot, blank()) };
}

fn blank() -> Shot {
    let decision = Decision {
        action: Action::Approve,
        rotation: String::new(),
        plan: None,
        snooze_seconds: None,
        reason: None,
        stop: None,
    };
    Shot { caller: slack(""), decision, key: String::new(), code: None, person: "" }
}

fn slack(account: &str) -> Caller {
    caller("slack", TEAM, account)
}

fn discord(account: &str, roles: &[&str]) -> Caller {
    Caller { roles: roles.iter().map(|role| (*role).to_owned()).collect(), ..caller("discord", GUILD, account) }
}

fn with_role(caller: Caller) -> Caller {
    Caller { roles: [ROLE.to_owned()].into(), ..caller }
}

fn caller(surface: &str, place: &str, account: &str) -> Caller {
    let (surface, place, account) = (surface.into(), place.into(), account.into());
    Caller { surface, place, account, guest: false, roles: [].into(), channel: None }
}

impl Campaign {
    fn new(seed: u64) -> Self {
        let town = Town::new();
        let (desk, dice) = (town.desk(), StdRng::seed_from_u64(seed));
        Self { town, desk, dice, count: 0, stale: Vec::new(), counted: Vec::new(), refused: BTreeMap::new() }
    }

    fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| char::from_digit(self.dice.random_range(0..16), 16).unwrap()).collect()
    }

    fn fresh_code(&mut self, person: &str) -> String {
        self.count += 1;
        Town::code(person, self.count)
    }

    fn stale_plan(&mut self) -> Option<String> {
        self.stale.choose(&mut self.dice).cloned()
    }

    /// A click in which nothing is wrong, of one of those who may.
    fn right(&mut self) -> Shot {
        let row = self.town.row();
        let who = [
            ("alice", slack("UALICE")),
            ("alice", discord("1", &[])),
            ("slack:UDAN", slack("UDAN")),
            ("discord:9", discord("9", &[ROLE])),
        ];
        let (person, caller) = who.choose(&mut self.dice).unwrap().clone();
        // As a button says it: whoever types fewer is paced.
        let digits = *[32, 64].choose(&mut self.dice).unwrap();
        let plan = Some(row.plan.hash().0[..digits].to_owned());
        let rotation = row.id.0[..self.dice.random_range(8..=row.id.0.len())].to_owned();
        let decision =
            Decision { action: Action::Approve, rotation, plan, snooze_seconds: None, reason: None, stop: None };
        let code = Some(self.fresh_code(person));
        Shot { caller, decision, key: format!("key-{}", self.count), code, person }
    }

    /// One sign of what the button says is another.
    fn garble(&mut self, shot: &mut Shot) {
        let id = Wish::Decide(shot.decision.clone()).to_id().unwrap();
        let at = self.dice.random_range("rekey:approve:".len()..id.len());
        let other = if &id[at..=at] == "z" { "y" } else { "z" };
        let garbled = format!("{}{other}{}", &id[..at], &id[at + 1..]);
        if let Some(Wish::Decide(decision)) = Wish::from_id(&garbled) {
            shot.decision = decision;
        } else {
            shot.decision.plan = None;
        }
    }

    async fn send(&self, shot: Shot) -> Answer {
        let code = shot.code.map(Secret::new);
        self.desk.ask(&Ask { code, ..Ask::new(shot.key, shot.caller, Wish::Decide(shot.decision)) }).await
    }

    async fn must_count(&mut self) {
        let (shot, before) = (self.right(), self.town.version());
        let (key, code, who) = (shot.key.clone(), shot.code.clone().unwrap(), shot.person);
        let answer = self.send(shot).await;
        assert!(matches!(answer, Answer::Done(_)), "a right click of {who} was refused: {answer:?}");
        assert_eq!(self.town.version(), before + 1, "a right click of {who} changed nothing");
        self.counted.push((key.clone(), code.clone()));
        self.must_not_count_again(key, code).await;
        self.stale.push(self.town.row().plan.hash().0);
        self.town.renew();
    }

    /// The same request once more is no second decision, whatever is decided by then.
    async fn must_not_count_again(&mut self, key: String, code: String) {
        let before = self.town.version();
        let replay = Shot { key, code: Some(code), ..self.right() };
        let _done_before = self.send(replay).await;
        assert_eq!(self.town.version(), before, "a replay had an effect");
    }

    /// What may be decided now, or what could be if it were stuck; without a code where one would have to be right.
    fn decide_anything(&mut self, shot: &mut Shot) {
        if self.dice.random_bool(0.5) {
            self.town.get_stuck();
        }
        let row = self.town.row();
        shot.decision.action = *actions(&row).choose(&mut self.dice).unwrap();
        shot.decision.rotation = row.id.0.clone();
        shot.decision.plan = Some(row.plan.hash().0);
        shot.decision.stop = Some(row.stops);
    }

    async fn must_not_count(&mut self, name: &'static str, spoil: Spoil) {
        let mut shot = self.right();
        let is_somebody_wrong = PEOPLE.iter().any(|(wrong, _)| *wrong == name);
        if is_somebody_wrong {
            self.decide_anything(&mut shot);
        }
        spoil(&mut shot, self);
        let what = shot.decision.action;
        let (before, code) = (self.town.version(), shot.code.clone());
        let answer = self.send(shot).await;
        assert_eq!(self.town.version(), before, "{what:?} of a click {name} counted, with {code:?}: {answer:?}");
        assert!(!matches!(answer, Answer::Done(_)), "a click {name} was told that it counted");
        *self.refused.entry((name, what.word())).or_default() += 1;
        if is_somebody_wrong {
            self.town.renew();
        }
        self.town.asked_by("carol");
    }
}

#[tokio::test]
async fn of_thousands_of_clicks_with_one_thing_wrong_none_counts_and_the_right_ones_do() {
    let mut campaign = Campaign::new(20_261_122);
    let mut right = 4;
    for _ in 0..right {
        campaign.must_count().await;
    }
    let wrongs = || PEOPLE.iter().chain(WRONGS);
    let mut shots = 0;
    while shots < CLICKS {
        if campaign.dice.random_ratio(1, ONE_IN) {
            campaign.must_count().await;
            right += 1;
        }
        let at = campaign.dice.random_range(0..PEOPLE.len() + WRONGS.len());
        let (name, spoil) = *wrongs().nth(at).unwrap();
        campaign.must_not_count(name, spoil).await;
        shots += 1;
    }
    assert!(right > 50, "{right} right ones");
    let refused = &campaign.refused;
    for (name, _) in PEOPLE {
        for action in Action::ALL {
            let times = refused.get(&(*name, action.word())).copied().unwrap_or_default();
            assert!(times > CLICKS / 1000, "{} {name}: {times} times", action.word());
        }
    }
    for (name, _) in WRONGS {
        let times = refused.get(&(*name, "approve")).copied().unwrap_or_default();
        assert!(times > CLICKS / 100, "{name}: {times} times");
    }
}
