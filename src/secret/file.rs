//! A secret in a file that somebody, perhaps rekey itself, replaces while we run.

use super::Secret;
use std::fs::{self, Metadata};
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
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self { inode: metadata.ino(), seconds: metadata.mtime(), nanoseconds: metadata.mtime_nsec() }
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
            if let Some(value) = self.read() {
                seen.1 = Arc::new(value);
            }
            seen.0 = Some(stamp);
        }
        seen.1.clone()
    }

    fn read(&self) -> Option<Secret> {
        let mut text = fs::read_to_string(&self.path).ok()?;
        let value = text.trim_end_matches(['\r', '\n']);
        let value = (!value.is_empty()).then(|| Secret::new(value.to_owned()));
        text.zeroize();
        value
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
}
