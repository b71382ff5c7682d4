//! Project and group access tokens: every new one comes with a bot user of its own.

use super::own_tokens;
use super::people::{GUEST, Kind, MAINTAINER, OWNER, Place};
use super::reply::{Answer, Refusal, Reply};
use super::request::Ctx;
use super::token_list;
use super::tokens::Showing;

const SCOPES: &[&str] = &[
    "api",
    "read_api",
    "read_repository",
    "write_repository",
    "read_registry",
    "write_registry",
    "create_runner",
    "manage_runner",
    "ai_features",
    "k8s_proxy",
    "self_rotate",
];

/// GET …/access_tokens
pub(super) fn list(ctx: &mut Ctx) -> Answer {
    let place = readable(ctx)?;
    let is_bot = |user: u64| ctx.world.bot_of(user).is_some_and(|(of, _)| of == place);
    token_list::list(ctx, Showing::Listed, |token| is_bot(token.user))
}

/// GET …/access_tokens/:token_id and /self
pub(super) fn get(ctx: &mut Ctx) -> Answer {
    let place = if matches!(ctx.part("token_id"), "" | "self") { ctx.place()? } else { readable(ctx)? };
    let id = named(ctx, place)?;
    Ok(Reply::ok(ctx.world.tokens[&id].json(ctx.world, Showing::Single)))
}

/// POST …/access_tokens
pub(super) fn create(ctx: &mut Ctx) -> Answer {
    let place = ctx.place()?;
    let own = ctx.world.level(ctx.caller.user, place);
    let is_bot = matches!(ctx.world.users[&ctx.caller.user].kind, Kind::ProjectBot(_));
    let sort = sort(place);
    if is_bot || own < needed(place) {
        return Err(Refusal::bad_request(&format!("User does not have permission to create {sort} access token")));
    }
    let level = ctx.params.parsed::<u64>("access_level")?.unwrap_or(u64::from(MAINTAINER)) as u8;
    if ![GUEST, 15, 20, 30, MAINTAINER, OWNER].contains(&level) {
        return Err(Refusal::parameter("access_level does not have a valid value".into()));
    }
    if level > own {
        return Err(Refusal::bad_request(&format!("Access level of the token can't be greater than your {sort} role")));
    }
    let mut order = own_tokens::order(ctx, ctx.caller.user, SCOPES)?;
    order.user = ctx.world.bot(place, &order.name, level);
    let minted = ctx.world.issue(order, None);
    Ok(Reply::created(ctx.world.with_value(&minted)))
}

/// POST …/access_tokens/:token_id/rotate and /self/rotate
pub(super) fn rotate(ctx: &mut Ctx) -> Answer {
    let place = ctx.place()?;
    let wanted = ctx.params.parsed("expires_at")?;
    let own = ctx.world.level(ctx.caller.user, place);
    let itself = matches!(ctx.part("token_id"), "" | "self");
    let refused = || if ctx.caller.admin { Refusal::not_found("") } else { Refusal::unauthorized() };
    if !itself && own < needed(place) {
        return Err(refused());
    }
    let id = named(ctx, place).map_err(|_| refused())?;
    let bot = ctx.world.tokens[&id].user;
    if ctx.world.level(bot, place) > own {
        let why = "Not eligible to rotate token with access level higher than the user";
        return Err(Refusal::bad_request(why));
    }
    let minted = ctx.world.rotate(id, wanted)?;
    Ok(Reply::ok(ctx.world.with_value(&minted)))
}

/// DELETE …/access_tokens/:token_id
pub(super) fn revoke(ctx: &mut Ctx) -> Answer {
    let place = ctx.place()?;
    let id = named(ctx, place)?;
    if ctx.world.level(ctx.caller.user, place) < needed(place) {
        return Err(Refusal::bad_request(&format!("User cannot delete {} access tokens", sort(place))));
    }
    if let Some(token) = ctx.world.tokens.get_mut(&id) {
        token.revoked = true;
    }
    Ok(Reply::no_content())
}

fn sort(place: Place) -> &'static str {
    if matches!(place, Place::Project(_)) { "project" } else { "group" }
}

fn needed(place: Place) -> u8 {
    if matches!(place, Place::Project(_)) { MAINTAINER } else { OWNER }
}

fn readable(ctx: &Ctx) -> Result<Place, Refusal> {
    let place = ctx.place()?;
    let enough = ctx.world.level(ctx.caller.user, place) >= needed(place);
    if enough { Ok(place) } else { Err(Refusal::unauthorized()) }
}

fn named(ctx: &Ctx, place: Place) -> Result<u64, Refusal> {
    let unknown = || Refusal::not_found(&format!("{} Access Token", sort(place)));
    let id = match ctx.part("token_id") {
        "" | "self" => ctx.caller.token,
        id => id.parse().map_err(|_| unknown())?,
    };
    let token = ctx.world.tokens.get(&id);
    let owned = token.is_some_and(|token| ctx.world.bot_of(token.user).is_some_and(|(of, _)| of == place));
    if owned { Ok(id) } else { Err(unknown()) }
}
