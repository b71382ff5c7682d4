//! Reactions to comments. Each touches the comment's `updated_at`, as GitLab's do.

use super::model::Reaction;
use super::notes::named;
use super::page::page;
use super::reply::{Answer, Refusal, Reply, stamp};
use super::request::Ctx;
use super::users;
use super::world::World;
use serde_json::{Value, json};

/// GET /projects/:id/issues/:iid/notes/:note_id/award_emoji
pub(super) fn list(ctx: &mut Ctx) -> Answer {
    let note = named(ctx)?;
    let found: Vec<Reaction> = ctx.world.notes[&note].reactions.clone();
    page(ctx, &found, |reaction| shown(ctx.world, note, reaction))
}

/// POST /projects/:id/issues/:iid/notes/:note_id/award_emoji
pub(super) fn create(ctx: &mut Ctx) -> Answer {
    let note = named(ctx)?;
    ctx.params.require(&["name"])?;
    let name = ctx.params.text("name").unwrap_or_default();
    let user = ctx.caller.user;
    match ctx.world.react(note, user, &name) {
        Some(reaction) => Ok(Reply::created(shown(ctx.world, note, &reaction))),
        None => Err(Refusal::not_found("Award Emoji Name has already been taken")),
    }
}

fn shown(world: &World, note: u64, reaction: &Reaction) -> Value {
    json!({"id": reaction.id, "name": reaction.name, "user": users::brief(world, reaction.user),
        "created_at": stamp(world.now), "updated_at": stamp(world.now), "awardable_id": note, "awardable_type": "Note"})
}

impl World {
    /// Somebody reacts to a comment; `None` if they did so before.
    pub fn react(&mut self, note: u64, user: u64, name: &str) -> Option<Reaction> {
        let id = self.next_id("reaction");
        let now = self.now;
        let note = self.notes.get_mut(&note)?;
        if note.reactions.iter().any(|known| known.user == user && known.name == name) {
            return None;
        }
        let reaction = Reaction { id, user, name: name.to_owned() };
        note.updated_at = now;
        note.reactions.push(reaction.clone());
        Some(reaction)
    }
}
