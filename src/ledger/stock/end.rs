//! The end of the journal as it is known outside the database, and keeping it there.

use crate::ledger::database::Database;
use crate::ledger::error::LedgerError;
use crate::ledger::head::{Found, Head};
use crate::ledger::{apart, trail, walk};
use std::sync::Arc;
use std::time::Duration;

/// What is known outside follows the journal after this at the latest.
const BEHIND: Duration = Duration::from_millis(100);

/// What is known outside.
#[derive(Default)]
pub(in crate::ledger) struct Known {
    /// Ends of ours.
    pub(in crate::ledger) heads: Vec<Head>,
    /// The file that should know one holds something else, in words.
    pub(in crate::ledger) strange: Option<String>,
}

impl Known {
    /// What the file outside says.
    pub(in crate::ledger) fn read(database: &Database) -> Result<Self, LedgerError> {
        let Some(path) = &database.end else { return Ok(Self::default()) };
        let found = Head::read(path, &database.keys).map_err(|error| {
            LedgerError::unavailable(format!("the file that knows the end of its journal cannot be read: {error}"))
        })?;
        Ok(match found {
            Found::Nothing => Self::default(),
            Found::Ours(head) => Self { heads: vec![head], strange: None },
            Found::Strange => {
                let what = format!("{} does not hold the end of its journal that rekey wrote there", path.display());
                Self { heads: Vec::new(), strange: Some(what) }
            }
        })
    }
}

/// Writes the end of the journal where the database's owner cannot, whenever it grew.
pub(in crate::ledger) async fn keep(database: Arc<Database>) {
    let mut changes = database.changes();
    loop {
        if trail::catch_up(&database).await.is_ok() {
            let database = database.clone();
            // Waiting for a disk is nothing for those who serve others.
            let written = tokio::task::spawn_blocking(move || write(&database)).await;
            if written.is_err() {
                return;
            }
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        tokio::time::sleep(BEHIND).await;
    }
}

/// Writes it now.
pub(in crate::ledger) fn write(database: &Database) {
    let head = {
        let state = database.memory.lock();
        if database.end.is_none() || state.doubt.is_some() || !state.trail.is_sealed {
            return;
        }
        state.trail.head(&database.keys)
    };
    write_head(database, &head);
}

/// The journal has begun again, so its end is what is known from now on.
pub(super) async fn begin(database: &Database) -> Result<(), LedgerError> {
    if database.end.is_none() {
        return Ok(());
    }
    let mut tx = database.snapshot().await?;
    let walked = walk::walk(&mut tx, &database.keys, &[]).await?;
    tx.rollback().await?;
    if walked.flaw.is_none() && walked.trail.is_sealed {
        write_head(database, &walked.trail.head(&database.keys));
    }
    Ok(())
}

/// Whether the file could be written.
pub(super) fn may_write(database: &Database) -> Result<(), LedgerError> {
    let Some(path) = &database.end else { return Ok(()) };
    apart::write(path, b"", |apart| std::fs::remove_file(apart)).map_err(|error| {
        let path = path.display();
        LedgerError::unavailable(format!(
            "{path}, which should know the end of its journal, cannot be written: {error}"
        ))
    })
}

fn write_head(database: &Database, head: &Head) {
    let Some(path) = &database.end else { return };
    if let Err(error) = head.write(path, &database.keys) {
        tracing::error!(%error, file = %path.display(), "the end of the journal cannot be written where it is known outside");
    }
}
