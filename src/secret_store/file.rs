//! A file that holds the value, or the document around it, and nothing else: replaced as a whole, so that a reader sees
//! the old text or the new one and never a part; readable by its owner only.

use super::registry::Place;
use super::{Base, SecretStore, Seen, StoreError, Written};
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Tag};
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// More than any token; a bigger file is not one that holds a token.
const LONGEST: u64 = 64 << 10;

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

/// What keeps us from using the file.
enum Trouble {
    /// A person must mend it: what is wrong, and how.
    Wrong(&'static str, &'static str),
    /// Somebody else wrote it since it was looked at.
    Changed,
    /// The system said no.
    System(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

#[async_trait::async_trait]
impl SecretStore for File {
    fn id(&self) -> &StoreId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { max_bytes: Some(LONGEST - 1), ..Capabilities::plain() }
    }

    async fn preflight(&self) -> Result<(), StoreError> {
        self.apart(|path| {
            let old = held(path)?;
            Fresh::beside(path, &old.metadata).map(drop)
        })
        .await
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        let value = self.apart(|path| Ok(held(path)?.value)).await?;
        Ok(Seen { base: Base::of(&value), value: Some(value), undo: None })
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
            Trouble::System(error) => match error.kind() {
                io::ErrorKind::NotFound => refused("there is no such file", "create it empty, or correct the path"),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    refused("the bot may not write there", "let the bot's user write the file's directory")
                }
                _ => StoreError::unavailable(&self.id, error),
            },
        }
    }
}

/// What the file holds now.
struct Held {
    value: Secret,
    line_end: &'static str,
    metadata: fs::Metadata,
}

/// Reads the file, without the line end that editors add.
fn held(path: &Path) -> Result<Held, Trouble> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_symlink() {
        return Err(Trouble::Wrong("it is a symbolic link", "name the file that the link points to"));
    }
    if !metadata.is_file() || metadata.len() > LONGEST {
        return Err(Trouble::Wrong("it is not a file that holds one value", "correct the path"));
    }
    let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize + 1));
    fs::File::open(path)?.take(LONGEST + 1).read_to_string(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => Trouble::Wrong("it does not hold text", "correct the path"),
        _ => Trouble::System(error),
    })?;
    let line_end = ["\r\n", "\n"].into_iter().find(|end| text.ends_with(end)).unwrap_or("");
    let value = text.strip_suffix(line_end).unwrap_or(&text).to_owned();
    Ok(Held { value: Secret::new(value), line_end, metadata })
}

/// The file is compared under the lock, so that of two writers of ours the second sees what the first did.
fn replace(path: &Path, value: &Secret, base: &Base) -> Result<Written, Trouble> {
    let mut fresh = Fresh::beside(path, &held(path)?.metadata)?;
    let old = held(path)?;
    if old.value.digest() == value.digest() {
        return Ok(Written::Done);
    }
    if Base::of(&old.value) != *base {
        return Err(Trouble::Changed);
    }
    fresh.file.write_all(value.expose().as_bytes())?;
    fresh.file.write_all(old.line_end.as_bytes())?;
    fresh.file.sync_all()?;
    fs::rename(&fresh.path, path)?;
    fresh.renamed = true;
    fs::File::open(directory_of(path))?.sync_all()?;
    Ok(Written::Done)
}

/// A new file beside the old one, of the same owner, removed on drop unless it was renamed.
struct Fresh {
    path: PathBuf,
    file: fs::File,
    renamed: bool,
}

impl Fresh {
    /// Its name is always the same, so that what a crash leaves behind is used up by the next write. Whoever holds its
    /// lock is the only writer; the lock goes with the process.
    fn beside(path: &Path, old: &fs::Metadata) -> Result<Self, Trouble> {
        let name = path.file_name().ok_or(Trouble::Wrong("it has no file name", "correct the path"))?;
        let path = directory_of(path).join(format!(".{}.rekey", name.to_string_lossy()));
        let file = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        file.try_lock().map_err(|_| io::Error::other("another write is on the way"))?;
        let ours = file.metadata()?;
        if fs::symlink_metadata(&path)?.ino() != ours.ino() {
            return Err(io::Error::other("another write came between").into());
        }
        let fresh = Self { path, file, renamed: false };
        fresh.file.set_len(0)?;
        fresh.file.set_permissions(fs::Permissions::from_mode(0o600))?;
        if (ours.uid(), ours.gid()) != (old.uid(), old.gid()) {
            fchown(&fresh.file, Some(old.uid()), Some(old.gid())).map_err(|_| {
                Trouble::Wrong("it belongs to another user", "run the bot as that user, or give the file to the bot's")
            })?;
        }
        Ok(fresh)
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.renamed {
            // If it stays, the next write uses it up.
            let _gone = fs::remove_file(&self.path);
        }
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
