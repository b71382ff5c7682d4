//! SQLite's files on disk: whoever else works on the machine reads none of them.

use super::{execute, open, opened, side_door};
use rekey::ledger::{Filter, Ledger};
use std::fs::{Permissions, metadata, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::timeout;

/// The mode of the database and of what SQLite keeps beside it.
fn modes(database: &Path) -> Vec<u32> {
    let file = |end| database.with_file_name(format!("rekey.db{end}"));
    let found = ["", "-wal", "-shm"].into_iter().filter_map(|end| metadata(file(end)).ok());
    found.map(|file| file.permissions().mode() & 0o777).collect()
}

#[tokio::test]
async fn a_database_on_disk_is_for_the_bots_own_user_alone_also_one_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("rekey.db");
    let url = format!("sqlite:{}", database.display());
    let ledger = open(&url).await;
    opened(&*ledger, 1).await;
    assert_eq!(modes(&database), [0o600; 3]);
    ledger.close().await;

    // As versions before this one left it.
    set_permissions(&database, Permissions::from_mode(0o644)).unwrap();
    let ledger = open(&url).await;
    opened(&*ledger, 2).await;
    assert_eq!(modes(&database), [0o600; 3]);
    ledger.close().await;
}

/// Asks until it says whether it could be written; an answer holds for a moment.
async fn says(ledger: &dyn Ledger, ready: bool) {
    let asked = async {
        while ledger.ping().await.is_ok() != ready {
            yield_now().await;
        }
    };
    assert!(timeout(Duration::from_secs(20), asked).await.is_ok(), "it never says that ready is {ready}");
}

#[tokio::test]
async fn a_database_that_can_be_read_and_not_written_is_not_said_to_be_ready() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("rekey.db").display());
    let ledger = open(&url).await;
    ledger.ping().await.unwrap();
    let mut side = side_door(&url).await;
    execute(&mut side, "BEGIN IMMEDIATE").await;
    says(&*ledger, false).await;
    ledger.list(Filter { open_only: true, token: None, limit: 1 }).await.expect("it can be read");
    execute(&mut side, "ROLLBACK").await;
    says(&*ledger, true).await;
    ledger.close().await;
}
