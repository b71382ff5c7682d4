//! The end of the journal as it is known outside the database: how many lines, and what they say.

use super::apart;
use super::keys::Keys;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Size and root of the Merkle tree over the lines, and how often the journal had to begin again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Head {
    /// How often a gap was written down: after it, a smaller size may be the later one.
    pub gaps: u64,
    /// Lines.
    pub size: u64,
    /// Root, in hex.
    pub root: String,
    /// Our seal; empty if somebody typed size and root only.
    pub seal: String,
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.size, self.root)?;
        if self.seal.is_empty() { Ok(()) } else { write!(f, ":{}:{}", self.gaps, self.seal) }
    }
}

impl std::str::FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a head is the number of lines and a root of 64 hex digits, as in 1234:ab12…".to_owned();
        let parts: Vec<&str> = text.trim().split(':').collect();
        let (size, root, gaps, seal) = match parts[..] {
            [size, root] => (size, root, "0", ""),
            [size, root, gaps, seal] => (size, root, gaps, seal),
            _ => return Err(wrong()),
        };
        let number = |text: &str| text.parse().map_err(|_| wrong());
        if root.len() != 64 || !root.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        Ok(Self { gaps: number(gaps)?, size: number(size)?, root: root.to_ascii_lowercase(), seal: seal.to_owned() })
    }
}

impl Head {
    pub(super) fn sealed(keys: &Keys, gaps: u64, size: u64, root: String) -> Self {
        let mut head = Self { gaps, size, root, seal: String::new() };
        head.seal = keys.seal("head", &head.fields().each_ref().map(String::as_str));
        head
    }

    /// Whether we wrote it.
    pub(super) fn is_ours(&self, keys: &Keys) -> bool {
        keys.fits(&self.seal, "head", &self.fields().each_ref().map(String::as_str))
    }

    fn fields(&self) -> [String; 3] {
        [self.gaps.to_string(), self.size.to_string(), self.root.clone()]
    }

    /// What is in this file.
    pub(super) fn read(path: &Path, keys: &Keys) -> io::Result<Found> {
        match fs::read_to_string(path) {
            Ok(text) => {
                let head = text.parse().ok().filter(|head: &Self| head.is_ours(keys));
                Ok(head.map_or(Found::Strange, Found::Ours))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Found::Nothing),
            Err(error) if error.kind() == ErrorKind::InvalidData => Ok(Found::Strange),
            Err(error) => Err(error),
        }
    }

    /// Puts it into the file, unless a later one is there: another process may be ahead.
    pub(super) fn write(&self, path: &Path, keys: &Keys) -> io::Result<()> {
        if matches!(Self::read(path, keys)?, Found::Ours(there) if there >= *self) {
            return Ok(());
        }
        apart::write(path, format!("{self}\n").as_bytes(), |apart| fs::rename(apart, path))
    }
}

/// What is in the file that should know the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There is no file.
    Nothing,
    /// A head of ours.
    Ours(Head),
    /// Nothing that we wrote whole: it was emptied or cut, or is somebody else's.
    Strange,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written_and_believed_only_with_our_seal() {
        let keys = Keys::passing();
        let head = Head::sealed(&keys, 1, 12, "ab".repeat(32));
        assert_eq!(head.to_string().parse(), Ok(head.clone()));
        assert!(head.is_ours(&keys));
        assert!(!Head { size: 13, ..head.clone() }.is_ours(&keys));
        assert!(!head.is_ours(&Keys::passing()));
        let typed: Head = format!("12:{}", "AB".repeat(32)).parse().unwrap();
        assert_eq!((typed.size, typed.root.as_str()), (12, head.root.as_str()));
        for wrong in ["", "12", "12:ab", "x:".to_owned().as_str(), &format!("x:{}", "ab".repeat(32))] {
            assert!(wrong.parse::<Head>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_never_goes_back_except_behind_a_gap() {
        let (keys, folder) = (Keys::passing(), tempfile::tempdir().unwrap());
        let path = folder.path().join("head");
        let head = |gaps, size| Head::sealed(&keys, gaps, size, "ab".repeat(32));
        for (written, there) in [(head(0, 5), 5), (head(0, 4), 5), (head(0, 6), 6), (head(1, 2), 2), (head(0, 9), 2)] {
            written.write(&path, &keys).unwrap();
            assert!(matches!(Head::read(&path, &keys), Ok(Found::Ours(head)) if head.size == there));
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        }
        assert_eq!(Head::read(&path, &Keys::passing()).unwrap(), Found::Strange);
        fs::write(&path, "").unwrap();
        assert_eq!(Head::read(&path, &keys).unwrap(), Found::Strange, "a power cut may leave it empty");
        head(0, 7).write(&path, &keys).unwrap();
        assert!(matches!(Head::read(&path, &keys), Ok(Found::Ours(head)) if head.size == 7));
        assert_eq!(Head::read(&folder.path().join("none"), &keys).unwrap(), Found::Nothing);
    }
}
