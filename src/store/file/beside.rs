//! What stands beside the text of a file: lists of who else may read it, labels, notes of other programs. A file that
//! takes another's place has none of it unless it is given.

use super::Trouble;
use rustix::fd::OwnedFd;
use rustix::fs::XattrFlags;
use rustix::io::Errno;
use std::ffi::CString;
use std::fs;

/// Names and values; more than this nobody writes beside a token.
const MOST: usize = 64 << 10;

/// The kernel itself gives labels of this kind, and lets few programs do so.
const LABELS: &[u8] = b"security.";

/// Extended attributes, access lists among them.
pub(super) struct Beside(Vec<(CString, Vec<u8>)>);

impl Beside {
    /// What stands beside it now. A disk that knows no such thing has none.
    pub(super) fn of(file: &OwnedFd) -> Result<Self, Trouble> {
        let mut names = vec![0; MOST];
        let names = match rustix::fs::flistxattr(file, names.as_mut_slice()) {
            Ok(length) => names.get(..length).unwrap_or_default(),
            Err(Errno::NOTSUP | Errno::NOSYS) => &[],
            Err(error) => return Err(error.into()),
        };
        let mut found = Vec::new();
        for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            let Ok(name) = CString::new(name) else { continue };
            let mut value = vec![0; MOST];
            match rustix::fs::fgetxattr(file, name.as_c_str(), value.as_mut_slice()) {
                Ok(length) => value.truncate(length),
                // Taken away meanwhile, or not for us to see.
                Err(Errno::NODATA | Errno::PERM | Errno::ACCESS) => continue,
                Err(error) => return Err(error.into()),
            }
            found.push((name, value));
        }
        Ok(Self(found))
    }

    /// Gives a file the same, or says what it would lose.
    pub(super) fn give_to(&self, file: &fs::File) -> Result<(), Trouble> {
        for (name, value) in &self.0 {
            let given = rustix::fs::fsetxattr(file, name.as_c_str(), value, XattrFlags::empty());
            // A new file has the label of its folder already.
            if given.is_err() && !name.as_bytes().starts_with(LABELS) {
                let name = name.to_string_lossy();
                let why = format!("the bot may not give a new file the attribute {name} of the old one");
                return Err(Trouble::Wrong(why, format!("setfattr -x {name} FILE, or setfacl -b FILE for a list")));
            }
        }
        Ok(())
    }
}
