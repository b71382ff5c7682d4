//! `rekey approve|decline|retry|restore|abandon`: what a person decides where chat is not at hand. The same rules hold
//! as for a click, and the journal says that it came from the command line.

use super::CliError;
use super::args::{DecisionArgs, DeclineArgs, SnoozeArgs};
use super::screen::Screen;
use crate::engine::decide::{Click, near};
use crate::engine::rights::Visitor;
use crate::engine::{Engine, EngineError};
use crate::rotation::ids::PersonId;
use crate::rotation::record::Rotation;
use crate::rotation::refusal::Refusal;
use crate::rotation::view::{Action, card};
use crate::rotation::wish;
use std::io::{self, BufRead, IsTerminal};

/// What a decision says beside itself.
#[derive(Default)]
pub(super) struct Given {
    plan: Option<String>,
    snooze_seconds: Option<u64>,
    reason: Option<String>,
}

impl Given {
    pub(super) fn plan(hash: String) -> Self {
        Self { plan: Some(hash), ..Self::default() }
    }
}

pub(super) async fn run(
    engine: &Engine,
    action: Action,
    args: &DecisionArgs,
    given: Given,
    screen: &mut Screen<'_>,
) -> Result<(), CliError> {
    let (id, name) = person(engine, &args.person)?;
    let rotation = engine.rotation(&args.rotation).await?;
    let click = Click {
        key: engine.dice.rotation_id(engine.clock.now()).0,
        rotation: rotation.id,
        action,
        by: Visitor { shell: engine.settings.shell.clone(), ..Visitor::named(id) },
        via: "cli".into(),
        plan: given.plan,
        snooze_seconds: given.snooze_seconds,
        reason: given.reason,
        stop: None,
        with_code: false,
    };
    let after = engine.decide(&click).await?;
    screen.print(&said(action, &name, &after))
}

/// A no is confirmed by the reason that goes with it.
pub(super) async fn decline(engine: &Engine, args: &DeclineArgs, screen: &mut Screen<'_>) -> Result<(), CliError> {
    let typed = match &args.reason {
        Some(reason) => reason.clone(),
        None if io::stdin().is_terminal() => ask_why(screen)?,
        None => String::new(),
    };
    let reason = wish::said(&typed).ok_or_else(|| {
        let way_out = "add --reason \"<why>\"; whoever is asked about the token next reads it";
        CliError::failed("a rotation is not declined without a word", way_out)
    })?;
    let given = Given { reason: Some(reason), ..Given::default() };
    run(engine, Action::Decline, &args.decision, given, screen).await
}

pub(super) async fn snooze(engine: &Engine, args: &SnoozeArgs, screen: &mut Screen<'_>) -> Result<(), CliError> {
    let seconds = wish::seconds(&args.time)
        .ok_or_else(|| CliError::failed(format!("{:?} is no length of time", args.time), "write 30m, 12h or 3d"))?;
    let given = Given { snooze_seconds: Some(seconds), ..Given::default() };
    run(engine, Action::Snooze, &args.decision, given, screen).await
}

fn ask_why(screen: &mut Screen<'_>) -> Result<String, CliError> {
    screen.print("Why not? ")?;
    let mut typed = String::new();
    let read = io::stdin().lock().read_line(&mut typed);
    read.map_err(|source| CliError::Io { what: "the answer cannot be read".into(), source })?;
    Ok(typed)
}

/// The person of the configuration who is meant, and their name.
pub(super) fn person(engine: &Engine, id: &str) -> Result<(PersonId, String), CliError> {
    if !engine.settings.decide_as {
        return Err(EngineError::from(Refusal::ShellsMayNot).into());
    }
    let people = &engine.catalog.people;
    let found = people.get_key_value(&PersonId::from(id));
    found.map(|(id, person)| (id.clone(), person.name.clone())).ok_or_else(|| {
        let hint = near(id, people.keys().map(PersonId::as_str));
        CliError::failed(format!("there is no [people.{id}] in the configuration{hint}"), "see `rekey people list`")
    })
}

fn said(action: Action, name: &str, after: &Rotation) -> String {
    let (id, card) = (&after.id, card(after));
    let token = &after.plan.token;
    let deed = match action {
        Action::Approve => format!("approved plan {} of {token}", after.plan.hash().short()),
        Action::Decline => format!("declined the rotation of {token}"),
        Action::Snooze => format!("snoozed the reminders about {token}"),
        Action::Retry => format!("asked to try the rotation of {token} again"),
        Action::Restore => format!("asked to put the previous value of {token} back"),
        Action::Abandon => format!("abandoned the rotation of {token}"),
    };
    let mut text = format!("{name} {deed}.\n{}. {}\n", card.status.word, card.status.sentence);
    if !after.phase.is_closed() {
        text.push_str(&format!("`rekey serve` does the rest; `rekey show {id}` tells how far it is.\n"));
    }
    text
}
