//! A secure file of a project. GitLab can neither change nor rename one, and a name is taken only once: so a copy of the
//! file of before is uploaded under a name of the rotation's, the file is removed and made anew, and the copy goes at the
//! very end. What is removed is named by its number, which nothing else ever gets, so nobody's change is lost.

pub(super) mod config;
mod upload;

use super::adapter::Adapter;
use super::gitlab_holder::{Found as At, Holder};
use super::gitlab_pages::{self, End};
use super::gitlab_rights::Rights;
use super::place::Place;
use super::{Base, Seen, StoreError, Written};
use crate::http::{Api, Call, CallError};
use crate::rotation::identity::Identity;
use crate::rotation::ids::{RotationId, StoreId};
use crate::rotation::store::{Capabilities, Rollback, Tag, Undo};
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// GitLab takes files below 5 MiB.
const LONGEST: u64 = 5 * 1024 * 1024 - 1;
/// A project has 100 at most, unless an administrator allows more.
const PAGES: u32 = 10;
const MAINTAINER: u8 = 40;
/// How often the new file is sent before the write is given up for this time.
const UPLOADS: u32 = 3;

/// A secure file as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spec {
    /// Full path of the project.
    pub project: String,
    /// Its name.
    pub name: String,
}

impl Spec {
    pub(super) fn id(&self) -> String {
        format!("gitlab-secure-file {} {}", self.project, self.name)
    }

    pub(super) fn place(&self) -> Place {
        Place::whole(self.id())
    }
}

/// One secure file.
pub(super) struct GitlabSecureFile {
    id: StoreId,
    api: Arc<Api>,
    spec: Spec,
    holder: Holder,
}

/// A file as GitLab lists it.
#[derive(Clone, Deserialize)]
struct Entry {
    id: u64,
    name: String,
    /// SHA-256 in hex.
    checksum: String,
}

/// What is there under the name, and what was kept of it.
struct Found {
    at: At,
    file: Option<Entry>,
    kept: Vec<Entry>,
}

impl Entry {
    fn base(&self) -> Base {
        Base::version(format!("file {}", self.id))
    }

    fn holds(&self, value: &Secret) -> bool {
        self.checksum.eq_ignore_ascii_case(&value.digest().0)
    }
}

#[async_trait::async_trait]
impl Adapter for GitlabSecureFile {
    fn id(&self) -> &StoreId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            versions: true,
            compare_and_set: true,
            rollback: Rollback::Native,
            max_bytes: Some(LONGEST),
            gap: true,
            ..Capabilities::plain()
        }
    }

    async fn preflight(&self) -> Result<(), StoreError> {
        let found = self.found().await?;
        self.seen(&found).await?;
        let rights = Rights { api: &self.api, id: &self.id, mend: &mend };
        rights.credential_may_write().await?;
        rights.role_may_write(&found.at.route, MAINTAINER).await
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        let found = self.found().await?;
        let seen = self.seen(&found).await?;
        Ok(Seen { note: found.at.renamed, ..seen.at(found.at.identity) })
    }

    fn held_to(&self, identity: &Identity) -> Option<Arc<dyn Adapter>> {
        let holder = self.holder.held_to(identity)?;
        Some(Arc::new(Self { id: self.id.clone(), api: self.api.clone(), spec: self.spec.clone(), holder }))
    }

    async fn write(&self, value: &Secret, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        let found = self.found().await?;
        if value.expose().len() as u64 > LONGEST {
            return Err(StoreError::refused(&self.id, "the value is 5 MiB or longer", "store it elsewhere"));
        }
        let kept = found.kept.iter().find(|kept| kept.name == self.kept_name(&tag.rotation));
        match (&found.file, kept) {
            (Some(file), _) if file.holds(value) => return Ok(Written::Done),
            (Some(file), kept) => {
                self.unchanged(file, base)?;
                if kept.is_none() {
                    self.upload(&found.at, &self.kept_name(&tag.rotation), &self.download(&found.at, file).await?)
                        .await?;
                }
            }
            // Removed by this rotation, and not yet made again.
            (None, Some(_)) => {}
            (None, None) => return Err(self.gone()),
        }
        self.replace(&found, value).await
    }

    async fn roll_back(&self, undo: &Undo, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        let found = self.found().await?;
        let kept = found.kept.iter().find(|kept| kept.name == self.kept_name(&tag.rotation));
        let kept = match (kept, &found.file) {
            (Some(kept), _) => kept,
            (None, Some(file)) if undo.0 == format!("file {}", file.id) => return Ok(Written::Done),
            (None, _) => {
                let why = "the copy of the file of before is gone";
                return Err(StoreError::refused(&self.id, why, "upload the previous value by hand"));
            }
        };
        if let Some(file) = &found.file {
            if file.checksum == kept.checksum {
                return Ok(Written::Done);
            }
            self.unchanged(file, base)?;
        }
        let before = self.download(&found.at, kept).await?;
        self.replace(&found, &before).await
    }

    async fn finish(&self, tag: &Tag, _undo: Option<&Undo>) -> Result<(), StoreError> {
        let found = self.found().await?;
        let kept = found.kept.iter().find(|kept| kept.name == self.kept_name(&tag.rotation));
        match (&found.file, kept) {
            (Some(_), Some(kept)) => match self.api.call(&Call::delete(path(&found.at, kept))).await {
                Ok(_) => Ok(()),
                Err(CallError::Status { status: 404, .. }) if !self.lists(kept).await? => Ok(()),
                Err(error) => Err(StoreError::of_write(&self.id, &error, mend)),
            },
            _ => Ok(()),
        }
    }
}

impl GitlabSecureFile {
    pub(super) fn new(id: StoreId, api: Arc<Api>, spec: &Spec) -> Self {
        Self { id, api, spec: spec.clone(), holder: Holder::project(&spec.project) }
    }

    async fn seen(&self, found: &Found) -> Result<Seen, StoreError> {
        // A process that died between removing and making left only the copy; it is what jobs had before.
        let entry = match (&found.file, found.kept.as_slice()) {
            (Some(file), _) => file,
            (None, [kept]) => kept,
            (None, _) => return Err(self.gone()),
        };
        let undo = Some(Undo(format!("file {}", entry.id)));
        Ok(Seen::new(Some(self.download(&found.at, entry).await?), entry.base(), undo))
    }

    /// Whether a copy is still there. A fine-grained token is told of what it may not remove that it is not there.
    async fn lists(&self, kept: &Entry) -> Result<bool, StoreError> {
        Ok(self.found().await?.kept.iter().any(|other| other.id == kept.id))
    }

    /// The name under which this rotation keeps what was there before it.
    fn kept_name(&self, rotation: &RotationId) -> String {
        format!("{}.rekey-{rotation}", self.spec.name)
    }

    async fn found(&self) -> Result<Found, StoreError> {
        let prefix = format!("{}.rekey-", self.spec.name);
        let at = self.holder.find(&self.api, &self.id, &mend).await?;
        let mut found = Found { at, file: None, kept: Vec::new() };
        let all = all(&found.at);
        let end = gitlab_pages::each(&self.api, &all, PAGES, |entry: Entry| {
            if entry.name == self.spec.name {
                found.file = Some(entry);
            } else if entry.name.starts_with(&prefix) {
                found.kept.push(entry);
            }
            false
        });
        let end = end.await.map_err(|error| StoreError::of_read(&self.id, &error, mend))?;
        if end == End::TooLong && found.file.is_none() {
            let why = "there are too many secure files to see whether it is among them";
            return Err(StoreError::refused(&self.id, why, "remove those that nobody needs"));
        }
        Ok(found)
    }

    async fn download(&self, at: &At, entry: &Entry) -> Result<Secret, StoreError> {
        let answer = self.api.read(&Call::get(format!("{}/download", path(at, entry)))).await;
        let answer = answer.map_err(|error| StoreError::of_read(&self.id, &error, mend))?;
        match std::str::from_utf8(answer.body()) {
            Ok(text) => Ok(Secret::new(text.to_owned())),
            Err(_) => Err(StoreError::refused(&self.id, "the file is no text", "name a file that holds the value")),
        }
    }

    fn unchanged(&self, file: &Entry, base: &Base) -> Result<(), StoreError> {
        if file.base() == *base {
            return Ok(());
        }
        Err(StoreError::conflict(&self.id, "another file has the name since"))
    }

    /// Removes the file and makes it anew. Between the two there is none, so lost answers are looked into at once: each
    /// of both steps either happened or did not, and neither can happen to somebody else's file.
    async fn replace(&self, found: &Found, value: &Secret) -> Result<Written, StoreError> {
        if let Some(file) = &found.file
            && let Err(error) = self.remove(&found.at, file).await
            && (!may_have_landed(&error) || self.found().await?.file.is_some())
        {
            return Err(error);
        }
        let mut last = None;
        for _ in 0..UPLOADS {
            let error = match self.upload(&found.at, &self.spec.name, value).await {
                Ok(()) => return Ok(Written::Done),
                Err(error) => error,
            };
            if !may_have_landed(&error) {
                return Err(error);
            }
            match self.found().await.map(|found| found.file) {
                Ok(Some(made)) if made.holds(value) => return Ok(Written::Done),
                Ok(Some(_)) => {
                    return Err(StoreError::conflict(&self.id, "somebody made the file in the same instant"));
                }
                _ => last = Some(error),
            }
        }
        let why = last.map(|error| error.to_string()).unwrap_or_default();
        let why = format!("the old file is removed, and the new one is not there yet: {why}");
        Err(StoreError::Unknown { store: self.id.clone(), why })
    }

    /// Removes exactly this file. Somebody who replaced it meanwhile made one with another number.
    async fn remove(&self, at: &At, file: &Entry) -> Result<(), StoreError> {
        match self.api.call(&Call::delete(path(at, file))).await {
            Ok(_) => Ok(()),
            Err(CallError::Status { status: 404, .. }) => {
                Err(StoreError::conflict(&self.id, "somebody removed the file in the same instant"))
            }
            Err(error) => Err(StoreError::of_write(&self.id, &error, mend)),
        }
    }

    async fn upload(&self, at: &At, name: &str, value: &Secret) -> Result<(), StoreError> {
        let (content_type, body) = upload::form(name, value);
        let call = Call::post(all(at)).bytes(&content_type, body);
        match self.api.call(&call).await.and_then(|reply| reply.json::<Entry>()) {
            Ok(made) if made.holds(value) => Ok(()),
            Ok(_) => Err(StoreError::conflict(&self.id, "GitLab kept another text than it was sent")),
            Err(CallError::Status { status: 400, message, .. }) if message.contains("taken") => {
                Err(StoreError::conflict(&self.id, format!("somebody made {name} in the same instant")))
            }
            Err(error) => Err(StoreError::of_write(&self.id, &error, mend)),
        }
    }

    fn gone(&self) -> StoreError {
        StoreError::refused(&self.id, "there is no such file", "upload it once by hand, or correct its name")
    }
}

fn all(at: &At) -> String {
    format!("{}/secure_files", at.route)
}

fn path(at: &At, entry: &Entry) -> String {
    format!("{}/{}", all(at), entry.id)
}

/// Whether nobody knows what became of it, or nothing did and it may be tried again.
fn may_have_landed(error: &StoreError) -> bool {
    matches!(error, StoreError::Unknown { .. } | StoreError::Unavailable { .. })
}

fn mend(status: u16) -> String {
    match status {
        401 => "give the bot a token that GitLab accepts",
        403 | 404 => "give the bot the role Maintainer in the project, and allow secure files there",
        _ => "upload the file once by hand to see what GitLab objects to",
    }
    .to_owned()
}
