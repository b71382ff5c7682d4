//! SQLite's files on disk: for the bot's own user and nobody else. SQLite makes its log and its index with the mode of
//! the database, so that one mode decides for all of them.

use super::error::LedgerError;
use std::fs::{self, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

const OURS: u32 = 0o600;
const NOT_OURS: u32 = 0o077;

/// Makes the database if it is missing, and takes from others what they may do with what is there.
pub(super) fn keep_to_ourselves(url: &str) -> Result<(), LedgerError> {
    let Some(path) = path_of(url) else { return Ok(()) };
    if !url.contains("mode=ro") {
        let made = OpenOptions::new().write(true).create_new(true).mode(OURS).open(&path);
        match made {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                // Whoever opens it next says more.
                return Ok(());
            }
            _ => {}
        }
    }
    for end in ["", "-wal", "-shm", "-journal"] {
        let mut file = path.clone().into_os_string();
        file.push(end);
        let Ok(found) = fs::metadata(&file) else { continue };
        if found.permissions().mode() & NOT_OURS != 0
            && fs::set_permissions(&file, Permissions::from_mode(OURS)).is_err()
        {
            let file = file.display();
            return Err(LedgerError::unavailable(format!("others can read {file}; as its owner run chmod 600 {file}")));
        }
    }
    Ok(())
}

fn path_of(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path).split('?').next()?;
    (!path.is_empty()).then(|| PathBuf::from(path))
}
