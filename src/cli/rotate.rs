//! `rekey rotate`: opens a rotation by hand, or an incident. Whoever asks cannot approve it, unless the value leaked.

use super::CliError;
use super::args::RotateArgs;
use super::decision::person;
use super::screen::Screen;
use super::words::{approver, count};
use crate::engine::rights::Visitor;
use crate::engine::{Engine, OpenedRotation};
use crate::rotation::group::Approver;
use crate::rotation::record::{Origin, Rotation};
use crate::rotation::token::ManagedToken;
use crate::rotation::view::card;
use crate::rotation::wish;
use std::io::{self, BufRead, IsTerminal};

/// What the issue says of a leak that nobody described.
const NO_REASON: &str = "reported on the command line without a reason";

pub(super) async fn run(engine: &Engine, args: &RotateArgs, screen: &mut Screen<'_>) -> Result<(), CliError> {
    let managed = engine.managed(&args.token)?;
    let who = args.person.as_deref().map(|id| person(engine, id)).transpose()?;
    if args.leaked && !args.yes {
        confirm(managed, screen)?;
    }
    let name = who.as_ref().map_or("the command line", |(_, name)| name.as_str()).to_owned();
    let opened = match who {
        Some((id, _)) if args.leaked => {
            let reason = args.reason.as_deref().and_then(wish::said).unwrap_or_else(|| NO_REASON.to_owned());
            engine.open_incident(&args.token, &Visitor::named(id), "cli", &reason).await?
        }
        Some((person, _)) => engine.rotate(&args.token, Origin::Person { person }).await?,
        None => engine.rotate(&args.token, Origin::Cli).await?,
    };
    match opened {
        OpenedRotation::New(rotation) if args.leaked && !rotation.is_incident() => screen.print(&told(&rotation)),
        OpenedRotation::New(rotation) => screen.print(&new(engine, &rotation, &name)),
        OpenedRotation::Existing(rotation) if args.leaked && rotation.is_incident() && !rotation.phase.is_closed() => {
            screen.print(&new(engine, &rotation, &name))
        }
        OpenedRotation::Existing(rotation) if args.leaked && !rotation.phase.is_closed() => {
            screen.print(&told(&rotation))
        }
        OpenedRotation::Existing(rotation) => existing(&rotation, screen),
        OpenedRotation::NotDue(_) => Err(CliError::failed("the token is not near its expiry", "nothing was opened")),
    }
}

/// The outage must be meant: the person types what it will hit.
fn confirm(managed: &ManagedToken, screen: &mut Screen<'_>) -> Result<(), CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::failed("--leaked means an outage and wants to be confirmed", "type --yes too"));
    }
    screen.print(&format!(
        "{}: once approved, the old token is revoked first. What uses it fails until the new one is stored.\n\
         Type {} to go on: ",
        managed.id, managed.id
    ))?;
    let mut typed = String::new();
    io::stdin()
        .lock()
        .read_line(&mut typed)
        .map_err(|source| CliError::Io { what: "the answer cannot be read".into(), source })?;
    match typed.trim() == managed.id.as_str() {
        true => Ok(()),
        false => Err(CliError::failed("that is not the token's id", "nothing was opened")),
    }
}

fn new(engine: &Engine, rotation: &Rotation, name: &str) -> String {
    let (id, card) = (&rotation.id, card(rotation));
    let asked = if rotation.is_incident() { "reported an incident" } else { "asked for it" };
    let mut text = format!("Rotation {id} of {} is open; {name} {asked}.\n", rotation.plan.token);
    text.push_str(&format!("{}\n{}\n", card.safety, who_may(engine, rotation, name)));
    if !card.blockers.is_empty() {
        text.push_str(&format!("{}\n", card.status.sentence));
    }
    text.push_str(&format!("\n  rekey show {id}\n"));
    text.push_str(&format!("  rekey approve {id} --plan {} --as <person>\n", rotation.plan.hash().short()));
    text
}

/// Whose turn it is now. Whoever asked cannot approve.
fn who_may(engine: &Engine, rotation: &Rotation, name: &str) -> String {
    let approvers = engine.catalog.approvers(&rotation.plan.token);
    let others = approvers.iter().filter(|one| match one {
        Approver::Person(person) => rotation.requester() != Some(person),
        Approver::Group(_) => true,
    });
    let names: Vec<String> = others.map(approver).collect();
    let needed = engine.catalog.tokens.get(&rotation.plan.token).map_or(1, |managed| managed.quorum.max(1) as usize);
    let any_group = approvers.iter().any(|one| matches!(one, Approver::Group(_)));
    if names.len() < needed && !any_group {
        let missing = count(needed as u64, "approver");
        let way_out = "Decline it and let somebody else ask, or name another approver for this token";
        return format!("It cannot be approved: it needs {missing} besides {name}. {way_out}.");
    }
    match needed {
        1 => format!("It waits for {}, in chat or here:", names.join(" or ")),
        needed => format!("It waits for {needed} of {}, in chat or here:", names.join(", ")),
    }
}

/// Whoever may not decide has told those who may.
fn told(rotation: &Rotation) -> String {
    let (token, plan) = (&rotation.plan.token, rotation.plan.hash());
    format!(
        "The approvers of {token} were told of the leak. Plan {} stays as it is until one of them confirms that it should be \
         revoked first:\n\n  rekey rotate {token} --leaked --as <person>\n",
        plan.short()
    )
}

fn existing(rotation: &Rotation, screen: &mut Screen<'_>) -> Result<(), CliError> {
    let (id, card) = (&rotation.id, card(rotation));
    let stands = format!("{}. {}", card.status.word, card.status.sentence);
    if rotation.phase.is_closed() {
        let what = format!("rotation {id} of {} is closed. {stands}", rotation.plan.token);
        return Err(CliError::failed(what.trim_end_matches('.'), "nothing was opened"));
    }
    screen.print(&format!("Rotation {id} of {} was open already.\n{stands}\n", rotation.plan.token))
}
