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

impl SecretFile {
    /// `value` is what the file held when the configuration was read.
    pub fn new(path: PathBuf, value: Secret) -> Self {
        Self { path, seen: Mutex::new((None, Arc::new(value))) }
    }

    /// What the file holds now. One that is gone, empty or cannot be read has not changed.
    pub fn current(&self) -> Arc<Secret> {
        let mut seen = self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Ok(metadata) = fs::metadata(&self.path) else { return seen.1.clone() };
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
