//! The way to a file, gone once and held by descriptors: who may change any folder on it could put another file there.
//! Links on the way are followed only where they lie, so that the folder of each is looked at as well.

mod list;

use list::Writer;
use rustix::fs::{AtFlags, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use rustix::process::{getegid, geteuid, getgroups};
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

/// More links than any honest path has.
const MOST_LINKS: u32 = 40;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// The folder of a file, open, and every folder above it.
pub struct Walk {
    above: Vec<Above>,
    /// The file's name in the last of them.
    pub name: OsString,
}

struct Above {
    fd: OwnedFd,
    path: PathBuf,
    stat: Stat,
}

/// What is wrong with the way, and the command that mends it.
pub struct Unsafe {
    /// In words.
    pub why: String,
    /// The command.
    pub mend: String,
}

impl Walk {
    /// Goes to the folder of `path`, which is absolute or begins where we are.
    pub fn to(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?.to_owned();
        let root = rustix::fs::open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let stat = fstat(&root)?;
        let mut walk = Self { above: vec![Above { fd: root, path: PathBuf::from("/"), stat }], name };
        let mut ahead = steps(path.parent().unwrap_or(Path::new("/")));
        let mut links = 0;
        while let Some(step) = ahead.pop_front() {
            if let Some(target) = walk.step(&step)? {
                links += 1;
                if links > MOST_LINKS {
                    return Err(rustix::io::Errno::LOOP.into());
                }
                if target.is_absolute() {
                    walk.above.truncate(1);
                }
                ahead = steps(&target).into_iter().chain(ahead).collect();
            }
        }
        Ok(walk)
    }

    /// One folder on; the target, if it is a link.
    fn step(&mut self, step: &OsStr) -> io::Result<Option<PathBuf>> {
        if step == ".." {
            if self.above.len() > 1 {
                self.above.pop();
            }
            return Ok(None);
        }
        let here = self.last();
        let fd = openat(&here.fd, step, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        let stat = fstat(&fd)?;
        if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_symlink() {
            let target = readlinkat(&here.fd, step, Vec::new())?;
            return Ok(Some(PathBuf::from(OsString::from_vec(target.into_bytes()))));
        }
        if !rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        let path = here.path.join(step);
        self.above.push(Above { fd, path, stat });
        Ok(None)
    }

    fn last(&self) -> &Above {
        self.above.last().expect("the root is never left")
    }

    /// The folder of the file.
    pub fn folder(&self) -> &OwnedFd {
        &self.last().fd
    }

    /// The folder by number, and whose it is.
    pub fn folder_identity(&self) -> String {
        let stat = &self.last().stat;
        format!("in folder {} of user {}", stat.st_ino, stat.st_uid)
    }

    /// What is there under a name in the folder; links are not followed.
    pub fn look(&self, name: &OsStr) -> io::Result<Stat> {
        Ok(statat(self.folder(), name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// The path of a name in the folder, for a command that a person gives.
    pub fn path_of(&self, name: &OsStr) -> PathBuf {
        self.last().path.join(name)
    }

    /// Whether nobody but root, ourselves and `owner` could put another file there.
    pub fn check(&self, owner: u32) -> Result<(), Unsafe> {
        self.above.iter().try_for_each(|above| above.check(owner))
    }
}

impl Above {
    fn check(&self, owner: u32) -> Result<(), Unsafe> {
        let trusted = [0, geteuid().as_raw(), owner];
        let (path, mode) = (self.path.display(), self.stat.st_mode);
        if !trusted.contains(&self.stat.st_uid) {
            let why = format!("user {} owns the folder {path} and can put another file there", self.stat.st_uid);
            return Err(Unsafe { why, mend: format!("chown root {path}, or keep it elsewhere") });
        }
        if mode & STICKY != 0 {
            return Ok(());
        }
        if mode & OTHERS_WRITE != 0 {
            let why = format!("everybody may write the folder {path} and put another file there");
            return Err(Unsafe { why, mend: format!("chmod o-w {path}") });
        }
        for writer in self.writers()? {
            let (who, mend) = match writer {
                Writer::User(user) if !trusted.contains(&user) => {
                    (format!("user {user}"), format!("setfacl -x u:{user}"))
                }
                Writer::Group(group) if !is_our_group(group) => {
                    (format!("group {group}"), format!("setfacl -x g:{group}"))
                }
                Writer::OwnGroup if !is_our_group(self.stat.st_gid) => {
                    (format!("group {}", self.stat.st_gid), "chmod g-w".to_owned())
                }
                _ => continue,
            };
            let why = format!("{who} may write the folder {path} and put another file there");
            return Err(Unsafe { why, mend: format!("{mend} {path}") });
        }
        Ok(())
    }

    /// Who may write besides the owner and everybody: by the folder's list, or by its mode if it has none.
    fn writers(&self) -> Result<Vec<Writer>, Unsafe> {
        let by_mode = || (self.stat.st_mode & GROUP_WRITES != 0).then_some(Writer::OwnGroup).into_iter().collect();
        let path = self.path.display();
        match list::writers(&self.fd, &self.path) {
            Ok(listed) => Ok(listed.unwrap_or_else(by_mode)),
            Err(error) => Err(Unsafe {
                why: format!("the access list of the folder {path} cannot be read: {error}"),
                mend: format!("getfacl {path} as the bot's user shows what is in the way"),
            }),
        }
    }
}

/// Who besides root and ourselves could change a file or put another one there, with the command that ends that.
pub fn exposure(path: &Path) -> Option<String> {
    let us = geteuid().as_raw();
    let owner = rustix::fs::stat(path).ok()?.st_uid;
    if ![0, us].contains(&owner) {
        let path = path.display();
        return Some(format!("user {owner} owns {path} and can change it; run chown root {path}, as root"));
    }
    let found = Walk::to(path).ok()?.check(us).err()?;
    Some(format!("{}; run {}", found.why, found.mend))
}

/// Root's group and those that the bot was put into.
pub fn is_our_group(group: u32) -> bool {
    let ours = getgroups().unwrap_or_default();
    group == 0 || group == getegid().as_raw() || ours.iter().any(|gid| gid.as_raw() == group)
}

fn steps(path: &Path) -> VecDeque<OsString> {
    let step = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsStr::from_bytes(b"..").to_owned()),
        _ => None,
    };
    path.components().filter_map(step).collect()
}
