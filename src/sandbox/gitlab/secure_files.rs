//! Secure files of a project: made, read and removed, never changed; each name once.

use super::model::SecureFile;
use super::page::page;
use super::people::{DEVELOPER, MAINTAINER};
use super::reply::{Answer, Refusal, Reply, stamp};
use super::request::Ctx;
use super::world::World;
use crate::secret::Secret;
use serde_json::{Value, json};

/// Files must be smaller.
const LIMIT: usize = 5 * 1024 * 1024;
/// As many as a project may have.
const MOST: usize = 100;

impl SecureFile {
    fn json(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "checksum": Secret::new(self.content.clone()).digest().0,
            "checksum_algorithm": "sha256", "created_at": stamp(self.created_at), "expires_at": null,
            "metadata": null, "file_extension": self.name.rsplit_once('.').map(|(_, extension)| extension),
        })
    }
}

impl World {
    /// The secure files of a project by name, with their texts, the oldest first.
    pub fn secure_files(&self, project: u64) -> Vec<(String, String)> {
        let own = self.secure_files.iter().filter(|file| file.project == project);
        own.map(|file| (file.name.clone(), file.content.clone())).collect()
    }

    /// Puts a file there, as somebody does who removes the one of that name and uploads another.
    pub fn secure_file(&mut self, project: u64, name: &str, content: &str) {
        self.remove_secure_file(project, name);
        let (id, created_at) = (self.next_id("secure_file"), self.now);
        let (name, content) = (name.to_owned(), content.to_owned());
        self.secure_files.push(SecureFile { id, project, name, content, created_at });
    }

    /// Removes a file.
    pub fn remove_secure_file(&mut self, project: u64, name: &str) {
        self.secure_files.retain(|file| file.project != project || file.name != name);
    }
}

/// GET …/secure_files, the newest first
pub(super) fn list(ctx: &mut Ctx) -> Answer {
    let project = ctx.project_as(DEVELOPER)?;
    let own: Vec<&SecureFile> = ctx.world.secure_files.iter().rev().filter(|file| file.project == project).collect();
    page(ctx, &own, |file| file.json())
}

/// GET …/secure_files/:id
pub(super) fn get(ctx: &mut Ctx) -> Answer {
    let at = named(ctx, DEVELOPER)?;
    Ok(Reply::ok(ctx.world.secure_files[at].json()))
}

/// GET …/secure_files/:id/download
pub(super) fn download(ctx: &mut Ctx) -> Answer {
    let at = named(ctx, DEVELOPER)?;
    let file = &ctx.world.secure_files[at];
    let mut reply = Reply::text(file.content.clone());
    reply.headers.push(("content-type", "application/octet-stream".to_owned()));
    reply.headers.push(("content-disposition", format!("attachment; filename=\"{}\"", file.name)));
    Ok(reply)
}

/// POST …/secure_files
pub(super) fn create(ctx: &mut Ctx) -> Answer {
    let project = ctx.project_as(MAINTAINER)?;
    ctx.params.require(&["name", "file"])?;
    // Python's client adds it, empty, to every upload.
    ctx.params.has("avatar");
    let name = ctx.params.text("name").unwrap_or_default();
    let content = ctx.params.text("file").unwrap_or_default();
    if name.contains("..") {
        return Err(Refusal::bad_request("Invalid path"));
    }
    if content.len() >= LIMIT {
        return Err(Refusal::too_large());
    }
    if name.is_empty() {
        return Err(Refusal::invalid("name", "can't be blank"));
    }
    let own = || ctx.world.secure_files.iter().filter(|file| file.project == project);
    if own().any(|file| file.name == name) {
        return Err(Refusal::invalid("name", "has already been taken"));
    }
    if own().count() >= MOST {
        return Err(Refusal::invalid("base", "Maximum number of project ci secure files (100) exceeded"));
    }
    ctx.world.secure_file(project, &name, &content);
    let made = ctx.world.secure_files.last().map(SecureFile::json);
    Ok(Reply::created(made.unwrap_or_default()))
}

/// DELETE …/secure_files/:id
pub(super) fn delete(ctx: &mut Ctx) -> Answer {
    let at = named(ctx, MAINTAINER)?;
    ctx.world.secure_files.remove(at);
    Ok(Reply::no_content())
}

fn named(ctx: &Ctx, level: u8) -> Result<usize, Refusal> {
    let project = ctx.project_as(level)?;
    let id = ctx.number("file_id", "SecureFile")?;
    let found = ctx.world.secure_files.iter().position(|file| file.project == project && file.id == id);
    found.ok_or_else(|| Refusal::not_found("SecureFile"))
}
