//! `rekey approve|decline|retry|restore|abandon`: what a person decides where chat is not at hand. The same rules hold
//! as for a click, and the journal says that it came from the command line.

use super::CliError;
use super::args::DecisionArgs;
use super::screen::Screen;
use crate::engine::Engine;
use crate::engine::decide::{Click, near};
use crate::engine::rights::Visitor;
use crate::rotation::ids::PersonId;
use crate::rotation::record::Rotation;
use crate::rotation::view::{Action, card};

pub(super) async fn run(
    engine: &Engine,
    action: Action,
    args: &DecisionArgs,
    plan: Option<String>,
    screen: &mut Screen<'_>,
) -> Result<(), CliError> {
    let (id, name) = person(engine, &args.person)?;
    let rotation = engine.rotation(&args.rotation).await?;
    let click = Click {
        key: engine.dice.rotation_id(engine.clock.now()).0,
        rotation: rotation.id,
        action,
        by: Visitor::named(id),
        via: "cli".into(),
        plan,
        snooze_seconds: None,
        reason: None,
        stop: None,
        with_code: false,
    };
    let after = engine.decide(&click).await?;
    screen.print(&said(action, &name, &after))
}

/// The person of the configuration who is meant, and their name.
pub(super) fn person(engine: &Engine, id: &str) -> Result<(PersonId, String), CliError> {
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
        Action::Snooze => format!("put off the rotation of {token}"),
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
