//! Service accounts of groups, projects and the instance, and their tokens on the nested routes.

use super::own_tokens;
use super::page::page;
use super::people::{Kind, MAINTAINER, OWNER, Place, User};
use super::reply::{Answer, Refusal, Reply};
use super::request::Ctx;
use super::token_list;
use super::tokens::Showing;
use serde_json::{Value, json};

/// GET /groups|projects/:id/service_accounts and /service_accounts
pub(super) fn list(ctx: &mut Ctx) -> Answer {
    let place = managed(ctx)?;
    let by_name = ctx.params.word("order_by", &["id", "username"])?.as_deref() == Some("username");
    let descending = ctx.params.word("sort", &["asc", "desc"])?.as_deref() != Some("asc");
    let mut accounts: Vec<&User> =
        ctx.world.users.values().filter(|user| user.kind == Kind::ServiceAccount(place)).collect();
    accounts.sort_by(|a, b| if by_name { a.username.cmp(&b.username) } else { a.id.cmp(&b.id) });
    if descending {
        accounts.reverse();
    }
    page(ctx, &accounts, |user| shown(user))
}

/// POST /groups|projects/:id/service_accounts and /service_accounts
pub(super) fn create(ctx: &mut Ctx) -> Answer {
    let place = managed(ctx)?;
    let made = format!("service_account_{}", ctx.world.hex(24));
    let username = ctx.params.text("username").unwrap_or(made);
    ctx.params.has("email");
    if ctx.world.users.values().any(|user| user.username == username) {
        return Err(Refusal::bad_request("Username has already been taken"));
    }
    let id = ctx.world.service_account(place, &username);
    if let (Some(name), Some(user)) = (ctx.params.text("name"), ctx.world.users.get_mut(&id)) {
        user.name = name;
    }
    Ok(Reply::created(shown(&ctx.world.users[&id])))
}

/// DELETE …/service_accounts/:user_id
pub(super) fn delete(ctx: &mut Ctx) -> Answer {
    let user = account(ctx)?;
    ctx.params.has("hard_delete");
    ctx.world.users.remove(&user);
    Ok(Reply::no_content())
}

/// GET …/service_accounts/:user_id/personal_access_tokens
pub(super) fn tokens(ctx: &mut Ctx) -> Answer {
    let user = account(ctx)?;
    token_list::list(ctx, Showing::OfAccount, |token| token.user == user)
}

/// POST …/service_accounts/:user_id/personal_access_tokens
pub(super) fn create_token(ctx: &mut Ctx) -> Answer {
    let user = account(ctx)?;
    own_tokens::create_any(ctx, user)
}

/// DELETE …/personal_access_tokens/:token_id: 204 again for one that is revoked already.
pub(super) fn revoke_token(ctx: &mut Ctx) -> Answer {
    let id = token(ctx)?;
    if let Some(token) = ctx.world.tokens.get_mut(&id) {
        token.revoked = true;
    }
    Ok(Reply::no_content())
}

/// POST …/personal_access_tokens/:token_id/rotate
pub(super) fn rotate_token(ctx: &mut Ctx) -> Answer {
    let id = token(ctx)?;
    let wanted = ctx.params.parsed("expires_at")?;
    let minted = ctx.world.rotate(id, wanted)?;
    Ok(Reply::ok(ctx.world.with_value(&minted)))
}

/// The place whose service accounts the caller may manage.
fn managed(ctx: &Ctx) -> Result<Place, Refusal> {
    let place = match ctx.place()? {
        Place::Instance => ctx.place_as(OWNER)?,
        Place::Project(_) => ctx.place_as(MAINTAINER)?,
        Place::Group(_) => ctx.place_as(OWNER)?,
    };
    let settings = &ctx.world.settings;
    let allowed = match place {
        Place::Instance => !settings.gitlab_com,
        Place::Group(_) => ctx.caller.admin || settings.gitlab_com || settings.owners_manage_service_accounts,
        Place::Project(_) => true,
    };
    if allowed { Ok(place) } else { Err(Refusal::forbidden()) }
}

fn account(ctx: &Ctx) -> Result<u64, Refusal> {
    let place = managed(ctx)?;
    let id = ctx.number("user_id", "User")?;
    let user = ctx.world.users.get(&id).filter(|user| user.kind == Kind::ServiceAccount(place));
    user.map(|user| user.id).ok_or_else(|| Refusal::not_found("User"))
}

fn token(ctx: &Ctx) -> Result<u64, Refusal> {
    let user = account(ctx)?;
    let id = ctx.number("token_id", "Personal Access Token")?;
    let token = ctx.world.tokens.get(&id).filter(|token| token.user == user);
    token.map(|token| token.id).ok_or_else(|| Refusal::not_found("Personal Access Token"))
}

fn shown(user: &User) -> Value {
    json!({"id": user.id, "username": user.username, "name": user.name,
        "email": format!("{}@noreply.gitlab.example", user.username), "public_email": null})
}
