//! `rekey rotations`: the cases that are open, or all of them, newest first.

use super::CliError;
use super::args::RotationsArgs;
use super::screen::Screen;
use super::table::{Cell, Table, Tone};
use crate::engine::{Engine, EngineError};
use crate::ledger::Filter;
use crate::rotation::phase::Phase;
use crate::rotation::record::Rotation;
use crate::rotation::view::card;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;

/// More than anybody reads.
const MOST: u32 = 1_000;

/// One of them, as programs read it.
#[derive(Serialize)]
struct Line {
    rotation: String,
    token: String,
    phase: &'static str,
    status: &'static str,
    opened_at: Timestamp,
    expires_at: Option<Date>,
    /// Who snoozed the reminders until when.
    snoozed: BTreeMap<String, Timestamp>,
}

pub(super) async fn run(engine: &Engine, args: &RotationsArgs, screen: &mut Screen<'_>) -> Result<(), CliError> {
    let filter = Filter { open_only: !args.all, token: None, limit: MOST };
    let rows = engine.ledger.list(filter).await.map_err(EngineError::from)?;
    let lines: Vec<Line> = rows.iter().map(line).collect();
    if args.json {
        return screen.json(&lines);
    }
    if lines.is_empty() {
        let none = if args.all { "There was no rotation yet.\n" } else { "No rotation is open.\n" };
        return screen.print(none);
    }
    let mut table = Table::new(["ROTATION", "TOKEN", "STATE", "OPENED", "EXPIRES", "SNOOZED BY"]);
    for (line, row) in lines.iter().zip(&rows) {
        table.row(cells(line, row, screen));
    }
    screen.table(&table)
}

fn line(row: &Rotation) -> Line {
    Line {
        rotation: row.id.0.clone(),
        token: row.plan.token.0.clone(),
        phase: row.phase.name(),
        status: card(row).status.word,
        opened_at: row.opened_at,
        expires_at: row.plan.old.expires_at,
        snoozed: row.snoozed.iter().map(|(person, until)| (person.0.clone(), *until)).collect(),
    }
}

fn cells(line: &Line, row: &Rotation, screen: &Screen<'_>) -> [Cell; 6] {
    let tone = match row.phase {
        Phase::Stuck { .. } => Tone::Bad,
        Phase::AwaitingApproval => Tone::Warning,
        Phase::Closed { .. } => Tone::Faint,
        _ => Tone::Plain,
    };
    let snoozed = line.snoozed.iter().map(|(person, until)| format!("{person} until {}", screen.moment(*until)));
    [
        line.rotation.clone().into(),
        line.token.clone().into(),
        Cell::toned(line.status, tone),
        screen.moment(line.opened_at).into(),
        line.expires_at.map_or_else(|| "never".to_owned(), |date| date.to_string()).into(),
        snoozed.collect::<Vec<_>>().join(", ").into(),
    ]
}
