//! Where a secret that a connection needs comes from. A file is read anew each time: sidecars and operators replace it.

use super::session::NoLogin;
use crate::secret::Secret;
use std::fmt;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// More than any token or key file.
const LONGEST: u64 = 1 << 20;

/// A secret, or the file that holds the present one.
pub enum Source {
    /// Known since the start, from the environment.
    Fixed(Secret),
    /// Read each time.
    File(PathBuf),
}

impl Source {
    /// The present value, without a line end.
    pub fn read(&self) -> Result<Secret, NoLogin> {
        let path = match self {
            Self::Fixed(secret) => return Ok(secret.duplicate()),
            Self::File(path) => path,
        };
        let bad = |why: String| NoLogin::Refused {
            why: format!("the file {} {why}", path.display()),
            mend: "create it, readable by the user that runs rekey".to_owned(),
        };
        match std::fs::metadata(path).map(|found| found.len()) {
            Ok(length) if length > LONGEST => return Err(bad("is too long for a secret".into())),
            Ok(_) => {}
            Err(error) => return Err(bad(format!("cannot be read ({})", error.kind()))),
        }
        let text = std::fs::read_to_string(path).map_err(|error| bad(format!("cannot be read ({})", error.kind())))?;
        let text = Zeroizing::new(text);
        match text.trim_end_matches(['\n', '\r']) {
            "" => Err(bad("is empty".into())),
            value => Ok(Secret::new(value.to_owned())),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(_) => f.write_str("Fixed"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}
