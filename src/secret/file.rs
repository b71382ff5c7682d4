//! A secret in a file that somebody, perhaps rekey itself, replaces while we run.

use super::Secret;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use zeroize::Zeroize;

/// More than any token.
const LONGEST: u64 = 64 << 10;

/// The file and the value that it was last seen to hold.
pub struct SecretFile {
    path: PathBuf,
    access: Option<Access>,
    seen: Mutex<(Option<Stamp>, Arc<Secret>)>,
}

/// By what a replaced file is told from the one before.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    seconds: i64,
    nanoseconds: i64,
    length: u64,
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
        Self { inode: metadata.ino(), seconds, nanoseconds, length: metadata.len() }
    }
}

/// Who may change it: its owner, and bits that let others read or write.
#[derive(Clone, Copy)]
struct Access {
    owner: u32,
    open: u32,
}

impl From<&Metadata> for Access {
    fn from(metadata: &Metadata) -> Self {
        Self { owner: metadata.uid(), open: metadata.mode() & 0o026 }
    }
}

impl Access {
    /// Whether what was seen at the start still holds: nobody else owns it, and it is no more open.
    fn is_kept_by(self, now: Self) -> bool {
        let us = rustix::process::geteuid().as_raw();
        [0, us, self.owner].contains(&now.owner) && now.open & !self.open == 0
    }
}

impl SecretFile {
    /// `value` is what the file held when the configuration was read, which looked at who may change it.
    pub fn new(path: PathBuf, value: Secret) -> Self {
        let access = fs::metadata(&path).ok().map(|found| Access::from(&found));
        Self { path, access, seen: Mutex::new((None, Arc::new(value))) }
    }

    /// What the file holds now. One that is gone, empty, cannot be read or came to belong to others has not changed.
    pub fn current(&self) -> Arc<Secret> {
        let mut seen = self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Ok(metadata) = fs::metadata(&self.path) else { return seen.1.clone() };
        if self.access.is_some_and(|before| !before.is_kept_by(Access::from(&metadata))) {
            if seen.0.take().is_some() {
                tracing::warn!(path = %self.path.display(), "others may change the file of a secret by now, so it is not read");
            }
            return seen.1.clone();
        }
        let stamp = Stamp::from(&metadata);
        if seen.0 != Some(stamp) && metadata.len() <= LONGEST {
            // What could not be read is read when it is next asked for, though the file stays as it is.
            let Ok(read) = self.read() else { return seen.1.clone() };
            if let Some(value) = read {
                seen.1 = Arc::new(value);
            }
            seen.0 = Some(stamp);
        }
        seen.1.clone()
    }

    fn read(&self) -> io::Result<Option<Secret>> {
        let mut text = fs::read_to_string(&self.path)?;
        let value = text.trim_end_matches(['\r', '\n']);
        let value = (!value.is_empty()).then(|| Secret::new(value.to_owned()));
        text.zeroize();
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_is_read_again_and_a_missing_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let file = SecretFile::new(path.clone(), Secret::new("first".into()));
        assert_eq!(file.current().expose(), "first");
        for (held, expected) in [("second\n", "second"), ("", "second"), ("third", "third")] {
            let fresh = folder.path().join("fresh");
            fs::write(&fresh, held).unwrap();
            fs::rename(&fresh, &path).unwrap();
            assert_eq!(file.current().expose(), expected);
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(file.current().expose(), "third");
    }

    #[test]
    fn a_file_that_others_may_change_by_now_is_not_read() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "first").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let file = SecretFile::new(path.clone(), Secret::new("first".into()));
        fs::write(&path, "second").unwrap();
        assert_eq!(file.current().expose(), "second");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        fs::write(&path, "third").unwrap();
        assert_eq!(file.current().expose(), "second");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(file.current().expose(), "third");
    }

    #[test]
    fn a_file_that_could_not_be_read_is_read_once_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("token"), folder.path().join("target"));
        let file = SecretFile::new(path.clone(), Secret::new("first".into()));
        fs::write(&target, [0xff, 0xfe]).unwrap();
        let made = fs::metadata(&target).unwrap().modified().unwrap();
        std::os::unix::fs::symlink(&target, &path).unwrap();
        assert_eq!(file.current().expose(), "first", "half written");
        // As long, at the same place and in the same instant, as far as the file system tells.
        fs::write(&target, "ok").unwrap();
        fs::File::options().write(true).open(&target).unwrap().set_modified(made).unwrap();
        assert_eq!(file.current().expose(), "ok");
    }
}
