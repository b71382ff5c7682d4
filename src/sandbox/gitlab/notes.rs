//! Comments on issues.

use super::issues;
use super::model::Note;
use super::page::page;
use super::quick;
use super::reply::{Answer, Refusal, Reply, stamp};
use super::request::Ctx;
use super::users;
use super::world::World;
use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

/// GET /projects/:id/issues/:iid/notes, newest first unless told otherwise.
pub(super) fn list(ctx: &mut Ctx) -> Answer {
    let issue = issues::named(ctx)?;
    let oldest_first = ctx.params.word("sort", &["asc", "desc"])?.as_deref() == Some("asc");
    ctx.params.word("order_by", &["created_at", "updated_at"])?;
    let mut notes: Vec<&Note> = ctx.world.notes.values().filter(|note| note.issue == issue).collect();
    if !oldest_first {
        notes.reverse();
    }
    page(ctx, &notes, |note| shown(ctx.world, note))
}

/// GET /projects/:id/issues/:iid/notes/:note_id
pub(super) fn get(ctx: &mut Ctx) -> Answer {
    let id = named(ctx)?;
    Ok(Reply::ok(shown(ctx.world, &ctx.world.notes[&id])))
}

/// POST /projects/:id/issues/:iid/notes. A body of nothing but commands makes no comment and answers 202.
pub(super) fn create(ctx: &mut Ctx) -> Answer {
    let issue = issues::named(ctx)?;
    ctx.params.require(&["body"])?;
    let internal = ctx.params.flag("internal")?.unwrap_or(false);
    let (body, actions) = quick::split(&ctx.params.text("body").unwrap_or_default());
    let now = ctx.world.now;
    if let Some(issue) = ctx.world.issues.get_mut(&issue) {
        actions.iter().for_each(|action| quick::apply(action, issue, now));
        if !actions.is_empty() {
            issue.updated_at = now;
        }
    }
    if body.trim().is_empty() {
        if actions.is_empty() {
            return Err(Refusal::bad_request("(Note can't be blank)"));
        }
        let said = json!({"commands_changes": {}, "summary": actions});
        return Ok(Reply { status: StatusCode::ACCEPTED, ..Reply::ok(said) });
    }
    let id = ctx.world.add_note(issue, ctx.caller.user, body, internal);
    Ok(Reply::created(shown(ctx.world, &ctx.world.notes[&id])))
}

/// PUT /projects/:id/issues/:iid/notes/:note_id
pub(super) fn update(ctx: &mut Ctx) -> Answer {
    let id = named(ctx)?;
    ctx.params.require(&["body"])?;
    if ctx.world.notes[&id].author != ctx.caller.user && !ctx.caller.admin {
        return Err(Refusal::forbidden());
    }
    let body = ctx.params.text("body").unwrap_or_default();
    ctx.world.edit_note(id, body);
    Ok(Reply::ok(shown(ctx.world, &ctx.world.notes[&id])))
}

/// The comment that the path means.
pub(super) fn named(ctx: &Ctx) -> Result<u64, Refusal> {
    let issue = issues::named(ctx)?;
    let id = ctx.number("note_id", "Note")?;
    let known = ctx.world.notes.get(&id).filter(|note| note.issue == issue);
    known.map(|note| note.id).ok_or_else(|| Refusal::not_found("Note"))
}

fn shown(world: &World, note: &Note) -> Value {
    let iid = world.issues.get(&note.issue).map(|issue| issue.iid);
    json!({
        "id": note.id, "type": null, "body": note.body, "attachment": null,
        "author": users::brief(world, note.author), "created_at": stamp(note.created_at),
        "updated_at": stamp(note.updated_at), "system": note.system, "noteable_id": note.issue,
        "noteable_type": "Issue", "noteable_iid": iid, "resolvable": false, "internal": note.internal,
        "confidential": note.internal, "commands_changes": {},
    })
}

impl World {
    /// Writes a comment and tells the webhooks; tests use it for a person's comment.
    pub fn add_note(&mut self, issue: u64, author: u64, body: String, internal: bool) -> u64 {
        let id = self.next_id("note");
        let (created_at, updated_at) = (self.now, self.now);
        let reactions = Vec::new();
        let note = Note { id, issue, body, author, internal, system: false, created_at, updated_at, reactions };
        self.notes.insert(id, note);
        self.stir(issue);
        self.note_changed(id, author, "create");
        id
    }

    /// Its author, or somebody who may, writes a comment anew and the webhooks are told.
    pub fn edit_note(&mut self, id: u64, body: String) {
        let now = self.now;
        let Some(note) = self.notes.get_mut(&id) else { return };
        note.body = body;
        note.updated_at = now;
        let (issue, author) = (note.issue, note.author);
        self.stir(issue);
        self.note_changed(id, author, "update");
    }

    /// A comment touches its issue, but not again within a minute of any change.
    fn stir(&mut self, issue: u64) {
        let now = self.now;
        if let Some(issue) = self.issues.get_mut(&issue)
            && now.duration_since(issue.updated_at) >= SignedDuration::from_mins(1)
        {
            issue.updated_at = now;
        }
    }
}
