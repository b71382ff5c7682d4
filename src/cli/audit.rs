//! `rekey audit verify`: the first edited or missing line of the journal, or that there is none.

use super::CliError;
use super::screen::Screen;
use super::serve;
use super::words::count;
use crate::app;
use crate::config::Database;
use crate::ledger::{self, Head, Word};
use std::process::ExitCode;

pub(super) async fn verify(
    database: &Database,
    heads: Vec<Head>,
    screen: &mut Screen<'_>,
) -> Result<ExitCode, CliError> {
    // Opening would make a new one, in which nothing is wrong.
    if let Some(file) = database.file().filter(|file| !file.exists()) {
        let what = format!("there is no database at {}", file.display());
        return Err(CliError::failed(what, "correct [database] url, or start in the folder that it is relative to"));
    }
    let failed = |error: ledger::LedgerError| CliError::failed(error.to_string(), "mend the database and try again");
    let ledger = app::open_ledger(database, Word::New).await.map_err(serve::not_started)?;
    let audit = ledger.verify_against(&heads).await;
    ledger.close().await;
    let audit = audit.map_err(failed)?;
    let (lines, rotations) = (count(audit.lines, "line"), count(audit.rotations, "rotation"));
    match audit.fault {
        None if audit.lines == 0 => {
            screen.print("The journal is empty.\n")?;
            Ok(ExitCode::SUCCESS)
        }
        None => {
            screen.print(&format!("The journal is whole: {lines}, {rotations}.\nHead: {}\n", audit.head))?;
            Ok(ExitCode::SUCCESS)
        }
        Some(fault) => {
            screen.print(&format!("FAULT: {fault}.\nChecked and good before it: {lines}, {rotations}.\n"))?;
            Ok(ExitCode::FAILURE)
        }
    }
}
