//! The environment and the file system as the configuration sees them: an argument, so that tests own them.

use std::io;
use std::path::{Path, PathBuf};

/// What a configuration may read.
pub trait Surroundings {
    /// The value of an environment variable, if it is set and is text.
    fn variable(&self, name: &str) -> Option<String>;

    /// The text of a file of the configuration itself.
    fn text(&self, path: &Path) -> io::Result<String>;

    /// The text of a file that holds a secret.
    fn secret_file(&self, path: &Path) -> io::Result<String>;

    /// The permission bits of a file, where the system has such bits.
    fn mode(&self, path: &Path) -> Option<u32>;

    /// Whether a file lies on a mount of its own that nobody can write, as Kubernetes and Docker hand secrets to a
    /// container. Who may read there is decided outside of it.
    fn is_sealed(&self, path: &Path) -> bool;

    /// Who else could put another file there, and the command that ends that; `None` where nobody can, or nobody can tell.
    fn exposure(&self, _path: &Path) -> Option<String> {
        None
    }

    /// The files directly in a folder, in any order.
    fn files(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;
}

/// The machine that the process runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl Surroundings for Machine {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn text(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn secret_file(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }

    #[cfg(unix)]
    fn mode(&self, path: &Path) -> Option<u32> {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).ok().map(|found| found.permissions().mode())
    }

    #[cfg(not(unix))]
    fn mode(&self, _path: &Path) -> Option<u32> {
        None
    }

    fn is_sealed(&self, path: &Path) -> bool {
        use rustix::fs::{StatVfsMountFlags, stat, statvfs};
        let read_only = statvfs(path).is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY));
        let device = |path: &Path| stat(path).ok().map(|found| found.st_dev);
        read_only && device(path) != device(Path::new("/"))
    }

    fn exposure(&self, path: &Path) -> Option<String> {
        crate::secret::walk::exposure(path)
    }

    fn files(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        std::fs::read_dir(folder)?.map(|entry| entry.map(|found| found.path())).collect()
    }
}

/// A machine whose secrets are not looked at: for checking a configuration where they are not at hand.
#[derive(Clone, Copy, Debug)]
pub struct WithoutSecrets<S>(pub S);

const UNSEEN: &str = "not-looked-at-by-anybody";

impl<S: Surroundings> Surroundings for WithoutSecrets<S> {
    fn variable(&self, _name: &str) -> Option<String> {
        Some(UNSEEN.into())
    }

    fn text(&self, path: &Path) -> io::Result<String> {
        self.0.text(path)
    }

    fn secret_file(&self, _path: &Path) -> io::Result<String> {
        Ok(UNSEEN.into())
    }

    fn mode(&self, _path: &Path) -> Option<u32> {
        None
    }

    fn is_sealed(&self, _path: &Path) -> bool {
        false
    }

    fn files(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        self.0.files(folder)
    }
}
