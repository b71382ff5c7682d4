//! What keeps us from using a file.

use crate::secret::walk::Unsafe;
use std::io;

/// What keeps us from using the file.
pub(super) enum Trouble {
    /// A person must mend it: what is wrong, and how.
    Wrong(String, String),
    /// Somebody else wrote it since it was looked at.
    Changed,
    /// The system said no.
    System(io::Error),
}

impl Trouble {
    pub(super) fn wrong(why: &str, mend: &str) -> Self {
        Self::Wrong(why.to_owned(), mend.to_owned())
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<rustix::io::Errno> for Trouble {
    fn from(error: rustix::io::Errno) -> Self {
        Self::System(error.into())
    }
}

impl From<Unsafe> for Trouble {
    fn from(found: Unsafe) -> Self {
        Self::Wrong(found.why, found.mend)
    }
}
