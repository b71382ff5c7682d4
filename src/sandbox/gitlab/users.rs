//! Users over the API, and how a user is shown inside other things.

use super::page::page;
use super::people::{Kind, User};
use super::reply::{Answer, Refusal, Reply};
use super::request::Ctx;
use super::world::World;
use serde_json::{Value, json};

/// GET /user
pub(super) fn current(ctx: &mut Ctx) -> Answer {
    let user = &ctx.world.users[&ctx.caller.user];
    let mut shown = public(ctx.world, user);
    shown["email"] = json!(format!("{}@gitlab.example", user.username));
    if user.admin {
        shown["is_admin"] = json!(true);
    }
    Ok(Reply::ok(shown))
}

/// GET /users, with `username`, `search` or `id` to find somebody.
pub(super) fn list(ctx: &mut Ctx) -> Answer {
    let username = ctx.params.text("username").map(|name| name.to_lowercase());
    let search = ctx.params.text("search").map(|text| text.to_lowercase());
    let passes = |user: &&User| {
        username.as_ref().is_none_or(|name| user.username.to_lowercase() == *name)
            && search.as_ref().is_none_or(|text| user.username.contains(text) || user.name.contains(text))
    };
    let mut found: Vec<&User> = ctx.world.users.values().filter(passes).collect();
    found.reverse();
    page(ctx, &found, |user| seen_by(ctx, user, false))
}

/// GET /users/:user_id
pub(super) fn get(ctx: &mut Ctx) -> Answer {
    let id = ctx.number("user_id", "User")?;
    let user = ctx.world.users.get(&id).ok_or_else(|| Refusal::not_found("User"))?;
    Ok(Reply::ok(seen_by(ctx, user, true)))
}

/// DELETE /users/:user_id
pub(super) fn delete(ctx: &mut Ctx) -> Answer {
    let id = ctx.number("user_id", "User")?;
    if !ctx.caller.admin {
        return Err(Refusal::forbidden());
    }
    ctx.params.has("hard_delete");
    ctx.world.users.remove(&id).map(|_| Reply::no_content()).ok_or_else(|| Refusal::not_found("User"))
}

/// A user as the caller sees them, in a list or alone.
fn seen_by(ctx: &Ctx, user: &User, alone: bool) -> Value {
    let itself = user.id == ctx.caller.user;
    let mut reasons = Vec::new();
    reasons.extend((!itself && ctx.caller.admin).then_some("others"));
    reasons.extend((alone || ctx.caller.admin).then_some("profile"));
    reasons.extend(ctx.caller.admin.then_some("admin"));
    reasons.extend((alone && ctx.caller.admin).then_some("alone"));
    let mut own = public(ctx.world, user);
    own["is_admin"] = json!(user.admin);
    let mut shown = ctx.world.shown("user", &reasons, &own);
    if let (false, Some(fields)) =
        (reasons.contains(&"profile") || ctx.world.is_at_least("18.11"), shown.as_object_mut())
    {
        fields.remove("public_email");
    }
    shown
}

/// A user as others show them.
pub(super) fn brief(world: &World, id: u64) -> Value {
    let Some(user) = world.users.get(&id) else { return Value::Null };
    json!({"id": user.id, "username": user.username, "name": user.name, "avatar_url": null, "locked": false,
        "state": if user.blocked { "blocked" } else { "active" },
        "web_url": format!("{}/{}", world.settings.url, user.username)})
}

fn public(world: &World, user: &User) -> Value {
    let mut shown = brief(world, user.id);
    shown["bot"] = json!(matches!(user.kind, Kind::ProjectBot(_) | Kind::ServiceAccount(_)));
    shown
}
