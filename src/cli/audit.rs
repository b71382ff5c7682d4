//! `rekey audit verify`: the first edited or missing line of the journal, or that there is none.

use super::CliError;
use super::args::VerifyArgs;
use super::screen::Screen;
use super::serve;
use super::words::count;
use crate::app;
use crate::config::Database;
use crate::ledger::{self, Audit, Word};
use serde_json::json;
use std::process::ExitCode;

pub(super) async fn verify(
    database: &Database,
    args: &VerifyArgs,
    screen: &mut Screen<'_>,
) -> Result<ExitCode, CliError> {
    // Opening would make a new one, in which nothing is wrong.
    if let Some(file) = database.file().filter(|file| !file.exists()) {
        let what = format!("there is no database at {}", file.display());
        return Err(CliError::failed(what, "correct [database] url, or start in the folder that it is relative to"));
    }
    let failed = |error: ledger::LedgerError| CliError::failed(error.to_string(), "mend the database and try again");
    let ledger = app::open_ledger(database, Word::New).await.map_err(serve::not_started)?;
    let audit = ledger.verify_against(&args.head).await;
    ledger.close().await;
    let audit = audit.map_err(failed)?;
    let verdict = if audit.fault.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    match args.json {
        true => screen.json(&machine(&audit))?,
        false => screen.print(&told(&audit))?,
    }
    Ok(verdict)
}

fn told(audit: &Audit) -> String {
    let (lines, rotations) = (count(audit.lines, "line"), count(audit.rotations, "rotation"));
    match &audit.fault {
        None if audit.lines == 0 => "The journal is empty.\n".to_owned(),
        None => format!("The journal is whole: {lines}, {rotations}.\nHead: {}\n", audit.head),
        Some(fault) => format!("FAULT: {fault}.\nChecked and good before it: {lines}, {rotations}.\n"),
    }
}

/// What was good before the fault, if there is one.
fn machine(audit: &Audit) -> serde_json::Value {
    json!({
        "whole": audit.fault.is_none(), "lines": audit.lines, "rotations": audit.rotations,
        "head": audit.head.to_string(), "fault": audit.fault.as_ref().map(ToString::to_string),
    })
}
