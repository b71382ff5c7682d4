//! Files that are whole or not there, whatever happens meanwhile: written beside their place, and put there once they are
//! on the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// `place` is told where the bytes are, and moves or links them. No name is used twice: another process may do the same
/// at this moment, and be process 1 of its container too.
pub(super) fn write(path: &Path, bytes: &[u8], place: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{:016x}", rand::random::<u64>()));
    let apart = Path::new(&name);
    let written = write_whole(apart, bytes).and_then(|()| place(apart));
    // A rename took it away; whatever else is there is of no use.
    let _gone = fs::remove_file(apart);
    written?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn write_whole(apart: &Path, bytes: &[u8]) -> io::Result<()> {
    // Makes it, or fails: a link that somebody put there is not followed.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(apart)?;
    file.write_all(bytes)?;
    file.sync_all()
}
