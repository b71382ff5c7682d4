//! A folder's access list (POSIX ACL): who else may write it, which its mode does not tell. Where there is a list, the
//! mode's bits of the group are only the most that the list may give.

use rustix::fs::getxattr;
use rustix::io::Errno;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// The kernel's name of it.
const NAME: &str = "system.posix_acl_access";
/// More entries than this no honest folder has.
const LONGEST: usize = 64 << 10;
const WRITE: u16 = 2;

/// Who may write by a list, besides the owner and everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    User(u32),
    OwnGroup,
    Group(u32),
}

/// Those who may write a folder by its list; `None` if it has none.
pub fn writers(folder: &OwnedFd, path: &Path) -> rustix::io::Result<Option<Vec<Writer>>> {
    let mut list = vec![0; LONGEST];
    // A descriptor that only names the folder gives no attributes, but the way through it does.
    let by_descriptor = getxattr(format!("/proc/self/fd/{}", folder.as_raw_fd()), NAME, list.as_mut_slice());
    let found = match by_descriptor {
        Err(Errno::NOENT) => getxattr(path, NAME, list.as_mut_slice()),
        found => found,
    };
    match found {
        Ok(length) => Ok(Some(read(list.get(..length).unwrap_or_default()))),
        Err(Errno::NODATA | Errno::NOTSUP | Errno::NOSYS) => Ok(None),
        Err(error) => Err(error),
    }
}

/// After four bytes of version come entries of a tag, rights and an id.
fn read(list: &[u8]) -> Vec<Writer> {
    let entries = list.get(4..).unwrap_or_default().as_chunks::<8>().0.iter();
    let entries = entries.map(|[t0, t1, r0, r1, id @ ..]| {
        (u16::from_le_bytes([*t0, *t1]), u16::from_le_bytes([*r0, *r1]), u32::from_le_bytes(*id))
    });
    let mask = entries.clone().find(|(tag, ..)| *tag == 0x10).map_or(WRITE, |(_, rights, _)| rights);
    let writer = |(tag, rights, id): (u16, u16, u32)| match tag {
        _ if rights & mask & WRITE == 0 => None,
        0x02 => Some(Writer::User(id)),
        0x04 => Some(Writer::OwnGroup),
        0x08 => Some(Writer::Group(id)),
        _ => None,
    };
    entries.filter_map(writer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let bytes = |(tag, rights, id): &(u16, u16, u32)| {
            [tag.to_le_bytes().as_slice(), &rights.to_le_bytes(), &id.to_le_bytes()].concat()
        };
        [2u32.to_le_bytes().to_vec()].into_iter().chain(entries.iter().map(bytes)).flatten().collect()
    }

    #[test]
    fn a_right_counts_only_as_far_as_the_mask_lets_it() {
        let no_id = u32::MAX;
        let entries = [(1, 7, no_id), (2, 7, 12), (2, 5, 13), (4, 7, no_id), (8, 6, 14), (32, 0, no_id)];
        let all = vec![Writer::User(12), Writer::OwnGroup, Writer::Group(14)];
        assert_eq!(read(&list(&entries)), all);
        assert_eq!(read(&list(&[entries.as_slice(), &[(16, 7, no_id)]].concat())), all);
        assert!(read(&list(&[entries.as_slice(), &[(16, 5, no_id)]].concat())).is_empty());
        assert!(read(b"").is_empty());
    }
}
