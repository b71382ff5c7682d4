//! A file that holds the value, or the document around it, and nothing else: replaced as a whole, so that a reader sees
//! the old text or the new one and never a part. It keeps its owner, its group, its mode and who else may read it. Everything is done through
//! descriptors of the folder and the file, so that a name that changes hands meanwhile leads nowhere else.

mod beside;
pub(super) mod config;
mod fresh;
mod trouble;

use super::adapter::Adapter;
use super::place::Place;
use super::{Base, Seen, StoreError, Written};
use crate::rotation::identity::Identity;
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Tag};
use crate::secret::Secret;
use crate::secret::walk::{Walk, is_our_group};
use beside::Beside;
use fresh::Fresh;
use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags, Stat, StatxAttributes, StatxFlags};
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use trouble::Trouble;
use zeroize::Zeroizing;

/// More than any token; a bigger file is not one that holds a token.
const LONGEST: u64 = 64 << 10;
const OTHERS_READ: u32 = 0o004;

/// A file as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spec {
    /// Its absolute path.
    pub path: PathBuf,
}

impl Spec {
    pub(super) fn id(&self) -> String {
        format!("file {}", self.path.display())
    }

    pub(super) fn place(&self) -> Place {
        Place::whole(self.id())
    }
}

/// One file.
pub(super) struct File {
    id: StoreId,
    path: PathBuf,
}

#[async_trait::async_trait]
impl Adapter for File {
    fn id(&self) -> &StoreId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { max_bytes: Some(LONGEST - 1), ..Capabilities::plain() }
    }

    async fn preflight(&self) -> Result<(), StoreError> {
        self.apart(|path| Held::open(path)?.may_be_replaced()).await
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        let held = self.apart(Held::open).await?;
        let (base, identity) = (held.base(), held.identity());
        let seen = Seen::new(Some(held.value), base, None).at(identity);
        let open = held.stat.st_mode & OTHERS_READ != 0;
        Ok(Seen {
            note: open.then(|| format!("{} can be read by every user of its machine, and stays so", self.id)),
            ..seen
        })
    }

    async fn write(&self, value: &Secret, base: &Base, _tag: &Tag) -> Result<Written, StoreError> {
        if value.expose().is_empty() || value.expose().len() as u64 >= LONGEST {
            return Err(StoreError::refused(&self.id, "the value is empty or too long", "store it elsewhere"));
        }
        let (value, base) = (value.duplicate(), base.clone());
        self.apart(move |path| replace(path, &value, &base)).await
    }
}

impl File {
    pub(super) fn new(id: StoreId, spec: &Spec) -> Self {
        Self { id, path: spec.path.clone() }
    }

    /// Runs file work where waiting for the disk does no harm.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = self.path.clone();
        match tokio::task::spawn_blocking(move || work(&path)).await {
            Ok(outcome) => outcome.map_err(|trouble| self.explain(&trouble)),
            Err(_) => Err(StoreError::Unknown { store: self.id.clone(), why: "the work on it was cut short".into() }),
        }
    }

    fn explain(&self, trouble: &Trouble) -> StoreError {
        let refused = |why: &str, mend: &str| StoreError::refused(&self.id, why, mend);
        match trouble {
            Trouble::Wrong(why, mend) => refused(why, mend),
            Trouble::Changed => StoreError::conflict(&self.id, "the file holds something else than before"),
            // The system says EPERM of what nobody may change, and EACCES of what this user may not.
            Trouble::System(error) if error.raw_os_error() == Some(rustix::io::Errno::PERM.raw_os_error()) => {
                refused(FIXED.0, FIXED.1)
            }
            Trouble::System(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                    refused("there is no such file", "create it empty, or correct the path")
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    refused("the bot may not write there", "let the bot's user write the file's directory")
                }
                io::ErrorKind::ResourceBusy => refused(MOUNT.0, MOUNT.1),
                _ => StoreError::unavailable(&self.id, error),
            },
        }
    }
}

const MOUNT: (&str, &str) =
    ("it is a mount of its own, which nothing can take the place of", "mount its directory instead");

const FIXED: (&str, &str) =
    ("its attributes forbid that it or its folder is changed", "chattr -i -a FILE, and the same for its folder");

/// The file, what it holds, and the way to it.
struct Held {
    walk: Walk,
    beside: Beside,
    value: Secret,
    line_end: &'static str,
    stat: Stat,
}

impl Held {
    /// Opens the file, once, and reads it, without the line end that editors add.
    fn open(path: &Path) -> Result<Self, Trouble> {
        let walk = Walk::to(path)?;
        let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(walk.folder(), &walk.name, how, Mode::empty()).map_err(|error| match error {
            rustix::io::Errno::LOOP => Trouble::wrong("it is a symbolic link", "name the file that the link points to"),
            error => error.into(),
        })?;
        let stat = rustix::fs::fstat(&file)?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() || stat.st_size.cast_unsigned() > LONGEST {
            return Err(Trouble::wrong("it is not a file that holds one value", "correct the path"));
        }
        if stat.st_nlink > 1 {
            let why = "it has other names (hard links), which would keep the old value";
            return Err(Trouble::wrong(why, "remove the other names: find / -xdev -samefile FILE"));
        }
        walk.check(stat.st_uid)?;
        let beside = Beside::of(&file)?;
        let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize + 1));
        fs::File::from(file).take(LONGEST + 1).read_to_string(&mut text).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => Trouble::wrong("it does not hold text", "correct the path"),
            _ => Trouble::System(error),
        })?;
        let line_end = ["\r\n", "\n"].into_iter().find(|end| text.ends_with(end)).unwrap_or("");
        let value = text.strip_suffix(line_end).unwrap_or(&text).to_owned();
        Ok(Self { walk, beside, value: Secret::new(value), line_end, stat })
    }

    /// Which file that is. Ours takes its place with another number; whoever holds us to it knows what we wrote.
    fn identity(&self) -> Identity {
        let Stat { st_dev, st_ino, st_uid, .. } = self.stat;
        Identity(format!("inode {st_ino} of user {st_uid} on device {st_dev} {}", self.walk.folder_identity()))
    }

    fn base(&self) -> Base {
        let version = Some(format!("{}:{}", self.stat.st_dev, self.stat.st_ino));
        Base { version, digest: Some(self.value.digest()) }
    }

    /// Proves that another file could take its place, with its owner, group and mode. Changes nothing.
    fn may_be_replaced(&self) -> Result<(), Trouble> {
        let has = self.attributes();
        if has.contains(StatxAttributes::MOUNT_ROOT) {
            return Err(Trouble::wrong(MOUNT.0, MOUNT.1));
        }
        if has.intersects(StatxAttributes::IMMUTABLE | StatxAttributes::APPEND) {
            return Err(Trouble::wrong(FIXED.0, FIXED.1));
        }
        let us = geteuid().as_raw();
        if us != 0 && (self.stat.st_uid != us || !is_our_group(self.stat.st_gid)) {
            let mend = "run the bot as that user, or give the file to the bot's";
            return Err(Trouble::wrong("it belongs to another user", mend));
        }
        rustix::fs::accessat(self.walk.folder(), ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)?;
        match self.walk.look(&fresh::name_beside(&self.walk.name)) {
            Ok(left) => fresh::check(&left, &self.walk, self.stat.st_uid).map(|_| ()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the file itself is mounted there, as containers do with a single file, or may not be changed by anybody.
    fn attributes(&self) -> StatxAttributes {
        let found = rustix::fs::statx(
            self.walk.folder(),
            &self.walk.name,
            AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT,
            StatxFlags::BASIC_STATS,
        );
        found.map_or(StatxAttributes::empty(), |found| found.stx_attributes)
    }
}

/// The file is compared under the lock, so that of two writers of ours the second sees what the first did.
fn replace(path: &Path, value: &Secret, base: &Base) -> Result<Written, Trouble> {
    let before = Held::open(path)?;
    before.may_be_replaced()?;
    let fresh = Fresh::beside(&before.walk, before.stat.st_uid)?;
    let held = Held::open(path)?;
    if held.value.digest() == value.digest() {
        return Ok(Written::Done);
    }
    if held.base() != *base {
        return Err(Trouble::Changed);
    }
    fresh.fill(&[value.expose(), held.line_end], &held.stat, &held.beside)?;
    // The last look: the name must lead to the file that was read.
    let now = held.walk.look(&held.walk.name)?;
    if (now.st_dev, now.st_ino) != (held.stat.st_dev, held.stat.st_ino) {
        return Err(Trouble::Changed);
    }
    fresh.take_the_place_of(&held.walk.name)?;
    Ok(Written::Done)
}
