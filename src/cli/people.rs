//! `rekey people`: who has one-time codes, and how somebody who lost them gets new ones.

use super::CliError;
use super::args::{ForgetLoginArgs, ListArgs, ResetArgs};
use super::screen::Screen;
use super::table::{Cell, Table, Tone};
use super::words::list;
use crate::engine::Engine;
use crate::engine::decide::near;
use crate::engine::directory::HELD_GROUP;
use crate::engine::step_up::GUESSES;
use crate::ledger::{Enrollment, Lock};
use crate::rotation::account::Account;
use crate::rotation::ids::PersonId;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One person, as programs read it.
#[derive(Serialize)]
struct Line {
    person: PersonId,
    name: String,
    accounts: Vec<String>,
    enrolled_at: Option<Timestamp>,
    locked_until: Option<Timestamp>,
    /// Until somebody lets them be tried again.
    locked: bool,
    readable: bool,
}

/// Everybody in the configuration, and everybody who has codes.
pub(super) async fn list_all(engine: &Engine, args: &ListArgs, screen: &mut Screen<'_>) -> Result<(), CliError> {
    let known: BTreeMap<PersonId, Enrollment> =
        engine.enrolled().await?.into_iter().map(|known| (known.person.clone(), known)).collect();
    let people: BTreeSet<&PersonId> = engine.catalog.people.keys().chain(known.keys()).collect();
    let lines: Vec<Line> = people.into_iter().map(|person| line(engine, person, known.get(person))).collect();
    if args.json {
        return screen.json(&lines);
    }
    if lines.is_empty() {
        return screen.print("Nobody is named yet; add [people.<id>] to the configuration.\n");
    }
    let mut table = Table::new(["PERSON", "NAME", "ACCOUNTS", "ONE-TIME CODES"]);
    for line in &lines {
        table.row([
            line.person.0.clone().into(),
            line.name.clone().into(),
            list(&line.accounts).into(),
            codes(line, screen),
        ]);
    }
    screen.table(&table)
}

fn line(engine: &Engine, person: &PersonId, known: Option<&Enrollment>) -> Line {
    let accounts = engine.catalog.accounts(person).into_iter();
    let now = engine.clock.now();
    let lock = known.and_then(|known| known.lock(GUESSES, now));
    Line {
        person: person.clone(),
        name: engine.catalog.people.get(person).map(|named| named.name.clone()).unwrap_or_default(),
        accounts: accounts.map(|(service, id)| Account::new(service, id).to_string()).collect(),
        enrolled_at: known.and_then(|known| known.enrolled_at),
        locked_until: match lock {
            Some(Lock::Until(until)) => Some(until),
            _ => None,
        },
        locked: lock == Some(Lock::ForGood),
        readable: known.is_none_or(|known| engine.can_open(known)),
    }
}

fn codes(line: &Line, screen: &Screen<'_>) -> Cell {
    match (line.enrolled_at, line.locked_until) {
        _ if !line.readable => Cell::toned("cannot be read: the key of [step_up] changed", Tone::Bad),
        _ if line.locked => Cell::toned("locked after too many wrong codes", Tone::Bad),
        (_, Some(until)) => Cell::toned(format!("locked until {}", screen.moment(until)), Tone::Warning),
        (Some(at), None) => Cell::toned(format!("since {}", screen.moment(at)), Tone::Good),
        (None, None) => Cell::toned("none", Tone::Faint),
    }
}

/// Forgets a person's codes; they enroll anew.
pub(super) async fn reset_code(engine: &Engine, args: &ResetArgs, screen: &mut Screen<'_>) -> Result<(), CliError> {
    let person = PersonId::from(args.person.as_str());
    if engine.reset_code(&person, "cli").await? {
        let words = format!("{person} has no one-time codes any more, and types /rekey enroll to get new ones.\n");
        return screen.print(&words);
    }
    if engine.catalog.people.contains_key(&person) {
        return screen.print(&format!("{person} had no one-time codes. Nothing was changed.\n"));
    }
    let known = engine.enrolled().await?;
    let names = engine.catalog.people.keys().chain(known.iter().map(|known| &known.person)).map(PersonId::as_str);
    let hint = near(person.as_str(), names);
    Err(CliError::failed(format!("nobody is called {:?}{hint}", args.person), "see `rekey people list`"))
}

/// Lets somebody try their codes again.
pub(super) async fn unlock_code(engine: &Engine, args: &ResetArgs, screen: &mut Screen<'_>) -> Result<(), CliError> {
    let person = PersonId::from(args.person.as_str());
    let words = match engine.unlock_code(&person, "cli").await? {
        true => format!("{person} may try one-time codes again, and was told.\n"),
        false => format!("{person} has no locked one-time codes. Nothing was changed.\n"),
    };
    screen.print(&words)
}

/// Lets a login mean whoever bears it now.
pub(super) async fn forget_login(
    engine: &Engine,
    args: &ForgetLoginArgs,
    screen: &mut Screen<'_>,
) -> Result<(), CliError> {
    let login = args.login.trim_start_matches('@');
    if engine.forget_login(login, "cli").await? {
        if login.starts_with(HELD_GROUP) {
            return screen.print(&format!("From the next look on, {login} means the group that has this path then.\n"));
        }
        return screen
            .print(&format!("From the next scan or comment on, @{login} means the account that bears it then.\n"));
    }
    let held = engine.held_logins().await?;
    let hint = near(login, held.keys().map(String::as_str));
    Err(CliError::failed(format!("no account is held to the login {login:?}{hint}"), "nothing was changed"))
}
