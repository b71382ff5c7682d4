//! `rekey demo --auto`: the whole story without a browser, and whether it ended as it should.

use super::watch::is_shown;
use super::{ALICE, Demo, DemoError, Held, samples};
use crate::rotation::phase::{Outcome, Phase, Why};
use crate::rotation::record::Rotation;
use crate::rotation::view::{Action, card};
use jiff::Timestamp;

/// One line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// Who says so.
    pub source: String,
    /// What.
    pub what: String,
}

/// Something that must hold in the end, as the sandbox's own books say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Whether it does.
    pub holds: bool,
    /// What.
    pub what: String,
}

/// How the story went.
#[derive(Clone, Debug)]
pub struct Report {
    /// The rotation in the end.
    pub rotation: Rotation,
    /// What was observed, oldest first.
    pub timeline: Vec<Moment>,
    /// Every store with the token that it held before, and in the end.
    pub stores: Vec<(Held, Held)>,
    /// What must hold.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether all ended as it should.
    pub fn is_good(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }
}

/// Plays it. `say` hears what happens, line by line. With `red` the pipeline fails and the old value is put back.
pub async fn play(demo: &Demo, red: bool, say: &mut dyn FnMut(&str)) -> Result<Report, DemoError> {
    let filled = demo.held().await?;
    let before = filled.first().and_then(|held| held.token);
    demo.make_pipelines_red(red);
    say("A mail arrives: a token expires in 7 days or less.");
    let answer = demo.mail("expiry", samples()[0].raw).await?;
    say(&format!("The bot answers {}.", answer.status));
    demo.until("the request for approval", is_shown, |_| {}).await?;
    let place = if demo.slack().is_some() { "Slack" } else { "Discord" };
    say(&format!("The bot has opened an issue and asks in #token-rotation. Alice approves in {place}."));
    demo.press(ALICE, Action::Approve.word()).await?;
    let mut told = String::new();
    let mut each = |rotation: &Rotation| {
        let words = format!("{}. {}", card(rotation).status.word, card(rotation).status.sentence);
        if words != told && !matches!(rotation.phase, Phase::Stuck { .. } | Phase::AwaitingApproval) {
            say(&words);
            told = words;
        }
    };
    let rests = |rotation: &Rotation| {
        matches!(rotation.phase, Phase::Stuck { .. } | Phase::Closed { .. }) && is_shown(rotation)
    };
    let mut rotation = demo.until("the end of the rotation", rests, &mut each).await?;
    if let (true, Phase::Stuck { why, .. }) = (red, &rotation.phase) {
        tell(why, say);
        say("Alice presses Restore.");
        demo.press(ALICE, Action::Restore.word()).await?;
        let closed = |rotation: &Rotation| rotation.phase.is_closed() && is_shown(rotation);
        rotation = demo.until("the end of the restoration", closed, |_| {}).await?;
        say(&card(&rotation).status.sentence);
    }
    let stores: Vec<(Held, Held)> = filled.into_iter().zip(demo.held().await?).collect();
    let mut checks = if red { restored(demo, &rotation, before) } else { done(demo, &rotation, before) };
    checks.extend(stores.iter().skip(1).map(|(_, held)| shelf(held, demo, red)));
    Ok(Report { timeline: timeline(&rotation), rotation, stores, checks })
}

fn tell(why: &Why, say: &mut dyn FnMut(&str)) {
    say(&format!("Stuck. {}", why.what));
    say(&format!("  Safe: {}", why.safe));
    say(&format!("  To do: {}", why.todo));
    if let Some(log) = &why.log {
        let end: Vec<&str> = log.lines().rev().take(4).collect();
        end.into_iter().rev().for_each(|line| say(&format!("  | {line}")));
    }
}

fn timeline(rotation: &Rotation) -> Vec<Moment> {
    let opened = Moment {
        at: rotation.opened_at,
        source: "mail".into(),
        what: format!("token {} expires soon; rotation {} opened", rotation.plan.old.id, rotation.id),
    };
    let seen = rotation.evidence.iter();
    let seen = seen.map(|seen| moment(seen.at, &seen.source, &seen.what));
    let closed = match &rotation.phase {
        Phase::Closed { at, .. } => {
            Some(Moment { at: *at, source: "rekey".into(), what: format!("closed: {}", card(rotation).status.word) })
        }
        _ => None,
    };
    std::iter::once(opened).chain(seen).chain(closed).collect()
}

/// A store names itself with all that identifies it; the column for sources takes its kind.
fn moment(at: Timestamp, source: &str, what: &str) -> Moment {
    let (source, what) = match source.split_once(' ') {
        Some((kind, place)) => (kind, format!("{place}: {what}")),
        None => (source, what.to_owned()),
    };
    Moment { at, source: source.to_owned(), what }
}

fn done(demo: &Demo, rotation: &Rotation, before: Option<u64>) -> Vec<Check> {
    let gitlab = demo.gitlab();
    let (live, held) = (demo.cast.live(&gitlab), demo.cast.held(&gitlab));
    let old_is_dead = before.and_then(|id| gitlab.token(id)).is_some_and(|token| token.revoked);
    vec![
        check(ended(rotation, Outcome::Done), "the rotation closed as done"),
        check(live.len() == 1, "exactly one token lives"),
        check(held.is_some() && held == live.first().copied() && held != before, "the variable holds the new token"),
        check(old_is_dead, "the old token is revoked"),
        check(issue_is_closed(demo, rotation), "the issue is closed"),
    ]
}

fn restored(demo: &Demo, rotation: &Rotation, before: Option<u64>) -> Vec<Check> {
    let gitlab = demo.gitlab();
    let (live, held) = (demo.cast.live(&gitlab), demo.cast.held(&gitlab));
    vec![
        check(
            ended(rotation, Outcome::Abandoned) && card(rotation).status.word == "Restored",
            "the rotation closed as restored",
        ),
        check(held.is_some() && held == before, "the variable holds the old token again"),
        check(live.len() == 1 && live.first().copied() == before, "the new token is revoked, the old one lives"),
        check(issue_is_closed(demo, rotation), "the issue is closed"),
    ]
}

/// Every other store holds what the variable holds.
fn shelf(held: &Held, demo: &Demo, red: bool) -> Check {
    let which = if red { "the old token again" } else { "the new token" };
    let same = held.token.is_some() && held.token == demo.cast.held(&demo.gitlab());
    check(same, &format!("{} holds {which}", held.store))
}

fn check(holds: bool, what: &str) -> Check {
    Check { holds, what: what.to_owned() }
}

fn ended(rotation: &Rotation, wished: Outcome) -> bool {
    matches!(rotation.phase, Phase::Closed { outcome, .. } if outcome == wished)
}

fn issue_is_closed(demo: &Demo, rotation: &Rotation) -> bool {
    let marker = rotation.id.as_str();
    demo.gitlab().issues().iter().any(|issue| issue.description.contains(marker) && !issue.open)
}
