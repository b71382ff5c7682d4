//! The end of the journal as it is known outside the database: how many lines, and what they say.

use super::keys::Keys;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
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

    /// The head of ours in this file; `None` if there is no such file, or something else is in it.
    pub(super) fn read(path: &Path, keys: &Keys) -> io::Result<Option<Self>> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(text.parse().ok().filter(|head: &Self| head.is_ours(keys))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts it into the file, unless a later one is there: another process may be ahead.
    pub(super) fn write(&self, path: &Path, keys: &Keys) -> io::Result<()> {
        if Self::read(path, keys)?.is_some_and(|there| there >= *self) {
            return Ok(());
        }
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}", std::process::id()));
        let apart = Path::new(&name);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(apart)?;
        writeln!(file, "{self}")?;
        fs::rename(apart, path)
    }
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
            assert_eq!(Head::read(&path, &keys).unwrap().unwrap().size, there);
        }
        assert_eq!(Head::read(&path, &Keys::passing()).unwrap(), None);
    }
}
