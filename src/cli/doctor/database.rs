//! The database: whether it opens, fits this version, can be written, and lies where SQLite is safe.

use super::finding::Finding;
use crate::app::{self, StartError};
use crate::config::{Config, Database};
use crate::ledger::{self, Ledger, LedgerError, Word};
use jiff::Timestamp;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SUBJECT: &str = "database";

/// File systems of other machines, on which SQLite's locks cannot be relied upon.
const REMOTE: [&str; 12] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "fuse.sshfs",
    "fuse.glusterfs",
    "glusterfs",
    "lustre",
];

/// The database, or one in memory to go on with, and what was found.
pub(super) async fn look(config: &Config) -> (Arc<dyn Ledger>, Vec<Finding>) {
    let database = &config.database;
    let mut findings = Vec::new();
    if let Some(file) = database.file() {
        findings.extend(file_system(&file));
        if !file.exists() {
            findings.push(to_be_made(&file));
            return (in_memory().await, findings);
        }
    }
    match app::open_ledger(database, Word::Nothing).await {
        Ok(ledger) => {
            findings.push(writes(database, ledger.as_ref()).await);
            findings.extend(is_whole(ledger.as_ref()).await);
            (ledger, findings)
        }
        Err(StartError::Setup(why)) => {
            findings.push(Finding::fail(SUBJECT, why, "mend [database] key"));
            (in_memory().await, findings)
        }
        Err(StartError::Ledger(error)) => {
            findings.push(closed(database, &error));
            (in_memory().await, findings)
        }
        Err(error) => {
            findings.push(Finding::fail(SUBJECT, error.to_string(), "mend it and ask again"));
            (in_memory().await, findings)
        }
    }
}

/// Whether it is the database that the bot left.
async fn is_whole(ledger: &dyn Ledger) -> Option<Finding> {
    let mend = "`rekey audit verify` says more; restore the database, or let people look at every open rotation: `rekey \
                serve` asks anew for every approval";
    match ledger.doubt(&[]).await {
        Ok(Some(doubt)) => {
            let mend = doubt.needs().unwrap_or(mend);
            return Some(Finding::fail(SUBJECT, doubt.why, mend));
        }
        Ok(None) => {}
        Err(error) => return Some(Finding::fail(SUBJECT, error.to_string(), mend)),
    }
    match ledger.verify().await {
        Ok(audit) => audit.fault.map(|fault| Finding::fail(SUBJECT, fault.to_string(), mend)),
        Err(error) => Some(Finding::fail(SUBJECT, error.to_string(), mend)),
    }
}

async fn in_memory() -> Arc<dyn Ledger> {
    ledger::open("sqlite::memory:").await.expect("memory has room for an empty database")
}

async fn writes(database: &Database, ledger: &dyn Ledger) -> Finding {
    match ledger.take_turn("doctor", Timestamp::now(), 0).await {
        Ok(_) => Finding::ok(SUBJECT, format!("{} opens, fits this version and can be written", database.url)),
        Err(error) => closed(database, &error),
    }
}

fn closed(database: &Database, error: &LedgerError) -> Finding {
    let said = error.to_string();
    if let Some((what, mend)) = said.split_once("; as its owner ") {
        return Finding::fail(SUBJECT, what, format!("as its owner {mend}"));
    }
    let mend = match database.file() {
        Some(file) => format!("let the bot's user write {} and its folder", file.display()),
        None => "see that PostgreSQL runs, that [database] url and password are right, and that the user owns the \
                 database"
            .into(),
    };
    Finding::fail(SUBJECT, said, mend)
}

/// `doctor` makes no database: whoever runs it may not be the user whom `serve` runs as.
fn to_be_made(file: &Path) -> Finding {
    let folder = folder_of(file);
    match tempfile_in(&folder) {
        Ok(()) => Finding::ok(SUBJECT, format!("{} does not exist yet; `rekey serve` makes it", file.display())),
        Err(error) => {
            let (file, folder) = (file.display(), folder.display());
            let (why, mend) = match error.kind() {
                ErrorKind::NotFound => ("its folder does not exist", format!("make {folder} for the bot's user")),
                _ => ("its folder cannot be written", format!("let the bot's user write {folder}")),
            };
            Finding::fail(SUBJECT, format!("{file} cannot be made: {why}"), mend)
        }
    }
}

fn tempfile_in(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".rekey-doctor-{}", std::process::id()));
    std::fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
    std::fs::remove_file(path)
}

fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_path_buf()
}

fn file_system(file: &Path) -> Option<Finding> {
    let folder = std::fs::canonicalize(folder_of(file)).ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    let kind = kind_of(&mounts, &folder)?;
    REMOTE.contains(&kind).then(|| {
        let what =
            format!("{} lies on a network file system ({kind}), whose locks SQLite cannot trust", file.display());
        Finding::warn("file system", what, "put it on a local disk, or use PostgreSQL")
    })
}

/// The kind of file system that holds a folder: the mount with the longest path, the last of several on one path.
fn kind_of<'m>(mounts: &'m str, folder: &Path) -> Option<&'m str> {
    let mounted = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?.replace("\\040", " "), fields.next()?))
    });
    mounted.filter(|(at, _)| folder.starts_with(at)).max_by_key(|(at, _)| at.len()).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_others_can_read_is_told_with_the_command_that_mends_it_and_no_other() {
        let database = Database { url: "sqlite:/srv/rekey.db".into(), ..Database::default() };
        let why = "others can read /srv/rekey.db; as its owner run chmod 600 /srv/rekey.db";
        let found = closed(&database, &LedgerError::Unavailable { why: why.into() });
        assert_eq!(found.mend, "as its owner run chmod 600 /srv/rekey.db");
    }

    #[test]
    fn the_nearest_mount_says_on_what_a_folder_lies() {
        let mounts = "/dev/sda1 / ext4 rw 0 0\nfiler:/x /srv nfs4 rw 0 0\n//filer/y /srv/my\\040data cifs rw 0 0\n";
        let kind = |path: &str| kind_of(mounts, Path::new(path));
        assert_eq!(kind("/var/lib"), Some("ext4"));
        assert_eq!(kind("/srv/rekey"), Some("nfs4"));
        assert_eq!(kind("/srvother"), Some("ext4"));
        assert_eq!(kind("/srv/my data/rekey"), Some("cifs"));
    }
}
