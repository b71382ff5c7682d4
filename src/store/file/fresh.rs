//! The new file beside the old one, until it takes its place.

use super::Trouble;
use super::beside::Beside;
use crate::secret::walk::Walk;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::process::geteuid;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};

const PERMISSIONS: u32 = 0o777;

/// Its name is always the same, so that what a crash leaves behind is used up by the next write. Whoever holds its lock
/// is the only writer; the lock goes with the process. Removed on drop unless it took the old one's place.
pub(super) struct Fresh<'a> {
    walk: &'a Walk,
    name: OsString,
    file: fs::File,
    placed: bool,
}

/// Its name.
pub(super) fn name_beside(name: &OsStr) -> OsString {
    let mut beside = OsString::from(".");
    beside.push(name);
    beside.push(".rekey");
    beside
}

/// Whose a file is that lies under the name.
pub(super) enum Left {
    /// The bot's own, which is written over.
    Ours,
    /// The bot's, given already to the owner of the file whose place it was to take: it ended just then. It is removed,
    /// for it may carry rights of the one before.
    GivenAway,
}

/// Whose it is; refused if it is not certain that it is ours. Only root gives files away, and into the folder itself
/// nobody but root and that owner may put one.
pub(super) fn check(found: &Stat, walk: &Walk, owner: u32) -> Result<Left, Trouble> {
    let us = geteuid();
    let is_alone = found.st_nlink == 1 && FileType::from_raw_mode(found.st_mode).is_file();
    if is_alone && found.st_uid == us.as_raw() {
        return Ok(Left::Ours);
    }
    if is_alone && us.is_root() && found.st_uid == owner {
        return Ok(Left::GivenAway);
    }
    let beside = name_beside(&walk.name);
    let why = format!("{} in its folder is not the bot's own file", beside.to_string_lossy());
    Err(Trouble::Wrong(why, format!("rm {}", walk.path_of(&beside).display())))
}

impl<'a> Fresh<'a> {
    /// Nothing that lies there is touched before it is certain that it is ours.
    pub(super) fn beside(walk: &'a Walk, owner: u32) -> Result<Self, Trouble> {
        let name = name_beside(&walk.name);
        if let Ok(there) = walk.look(&name)
            && matches!(check(&there, walk, owner)?, Left::GivenAway)
        {
            remove(walk, &name, &there)?;
        }
        let how = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = fs::File::from(rustix::fs::openat(walk.folder(), &name, how, Mode::RUSR | Mode::WUSR)?);
        let ours = rustix::fs::fstat(&file)?;
        if !matches!(check(&ours, walk, owner)?, Left::Ours) {
            return Err(on_the_way().into());
        }
        file.try_lock().map_err(|_| on_the_way())?;
        let there = walk.look(&name)?;
        if (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino) {
            return Err(io::Error::other("another write came between").into());
        }
        let fresh = Self { walk, name, file, placed: false };
        fresh.file.set_len(0)?;
        rustix::fs::fchmod(&fresh.file, Mode::RUSR | Mode::WUSR)?;
        // A folder may give its files a list, which the old one need not have.
        let _none = rustix::fs::fremovexattr(&fresh.file, "system.posix_acl_access");
        Ok(fresh)
    }

    /// Writes it whole, and gives it the old one's owner, group and mode, and what else stood beside its text.
    pub(super) fn fill(&self, parts: &[&str], old: &Stat, beside: &Beside) -> Result<(), Trouble> {
        for part in parts {
            (&self.file).write_all(part.as_bytes())?;
        }
        let ours = rustix::fs::fstat(&self.file)?;
        if (ours.st_uid, ours.st_gid) != (old.st_uid, old.st_gid) {
            let (user, group) = (Uid::from_raw(old.st_uid), Gid::from_raw(old.st_gid));
            rustix::fs::fchown(&self.file, Some(user), Some(group)).map_err(|_| {
                Trouble::wrong("it belongs to another user", "run the bot as that user, or give the file to the bot's")
            })?;
        }
        rustix::fs::fchmod(&self.file, Mode::from_raw_mode(old.st_mode & PERMISSIONS))?;
        // Last: with a list the mode's bits of the group are only the most that the list may give.
        beside.give_to(&self.file)?;
        self.file.sync_all()?;
        Ok(())
    }

    /// From now on whoever opens the name reads the new text.
    pub(super) fn take_the_place_of(mut self, name: &OsStr) -> Result<(), Trouble> {
        rustix::fs::renameat(self.walk.folder(), &self.name, self.walk.folder(), name)?;
        self.placed = true;
        let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(self.walk.folder(), ".", how, Mode::empty())?;
        rustix::fs::fsync(&folder)?;
        Ok(())
    }
}

/// Removes what was left behind, unless somebody holds its lock and is about to put it in its place.
fn remove(walk: &Walk, name: &OsStr, left: &Stat) -> Result<(), Trouble> {
    let how = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = fs::File::from(rustix::fs::openat(walk.folder(), name, how, Mode::empty())?);
    file.try_lock().map_err(|_| on_the_way())?;
    let (opened, there) = (rustix::fs::fstat(&file)?, walk.look(name)?);
    if [opened, there].iter().any(|now| (now.st_dev, now.st_ino) != (left.st_dev, left.st_ino)) {
        return Err(on_the_way().into());
    }
    rustix::fs::unlinkat(walk.folder(), name, AtFlags::empty())?;
    Ok(())
}

fn on_the_way() -> io::Error {
    io::Error::other("another write is on the way")
}

impl Drop for Fresh<'_> {
    fn drop(&mut self) {
        if !self.placed {
            // If it stays, the next write uses it up.
            let _gone = rustix::fs::unlinkat(self.walk.folder(), &self.name, AtFlags::empty());
        }
    }
}
