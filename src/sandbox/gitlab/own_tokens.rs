//! `/personal_access_tokens`, and tokens that an administrator or a user makes for a user.

use super::people::Kind;
use super::reply::{Answer, Refusal, Reply};
use super::request::Ctx;
use super::token_list;
use super::tokens::{Order, Showing};
use serde_json::{Value, json};

/// Scopes that exist for personal access tokens.
const SCOPES: &[&str] = &[
    "api",
    "read_api",
    "read_user",
    "read_repository",
    "write_repository",
    "read_registry",
    "write_registry",
    "read_virtual_registry",
    "write_virtual_registry",
    "create_runner",
    "manage_runner",
    "admin_mode",
    "ai_features",
    "k8s_proxy",
    "self_rotate",
    "read_service_ping",
    "sudo",
];

/// GET /personal_access_tokens
pub(super) fn list(ctx: &mut Ctx) -> Answer {
    let wanted = ctx.params.parsed::<u64>("user_id")?;
    if !ctx.caller.admin && wanted.is_some_and(|user| user != ctx.caller.user) {
        return Err(Refusal::unauthorized());
    }
    if ctx.caller.admin && ctx.params.has("user_id") && !wanted.is_some_and(|id| ctx.world.users.contains_key(&id)) {
        return Err(Refusal::not_found("User"));
    }
    let user = if ctx.caller.admin { wanted } else { Some(ctx.caller.user) };
    token_list::list(ctx, Showing::Listed, |token| user.is_none_or(|user| token.user == user))
}

/// GET /personal_access_tokens/:id and /self
pub(super) fn get(ctx: &mut Ctx) -> Answer {
    let id = named(ctx)?;
    Ok(Reply::ok(ctx.world.tokens[&id].json(ctx.world, Showing::Single)))
}

/// POST /admin/token: whose value that is, without using it
pub(super) fn identify(ctx: &mut Ctx) -> Answer {
    if !ctx.caller.admin || ctx.world.settings.gitlab_com {
        return Err(Refusal::forbidden());
    }
    let value = ctx.params.text("token").unwrap_or_default();
    match ctx.world.token_with(&value) {
        Some(token) => Ok(Reply::ok(token.json(ctx.world, Showing::Single))),
        None => Err(Refusal::not_found("")),
    }
}

/// DELETE /personal_access_tokens/:id and /self
pub(super) fn revoke(ctx: &mut Ctx) -> Answer {
    let id = named(ctx)?;
    match ctx.world.tokens.get_mut(&id) {
        Some(token) => token.revoked = true,
        None => return Err(Refusal::not_found("Personal Access Token")),
    }
    Ok(Reply::no_content())
}

/// POST /personal_access_tokens/:id/rotate and /self/rotate
pub(super) fn rotate(ctx: &mut Ctx) -> Answer {
    let id = named(ctx)?;
    let wanted = ctx.params.parsed("expires_at")?;
    let minted = ctx.world.rotate(id, wanted)?;
    Ok(Reply::ok(ctx.world.with_value(&minted)))
}

/// POST /users/:user_id/personal_access_tokens
pub(super) fn create_for_user(ctx: &mut Ctx) -> Answer {
    if !ctx.caller.admin || ctx.world.settings.gitlab_com {
        return Err(Refusal::forbidden());
    }
    let user = ctx.number("user_id", "User")?;
    let kind = ctx.world.users.get(&user).map(|user| user.kind).ok_or_else(|| Refusal::not_found("User"))?;
    if matches!(kind, Kind::ProjectBot(_)) {
        return Err(Refusal::bad_request("Not permitted to create"));
    }
    if ctx.world.is_at_least("19.6") && ctx.params.has("granular_scopes") {
        return create_granular(ctx, user);
    }
    create(ctx, user, SCOPES)
}

/// With fine-grained permissions instead of scopes: ids come in lists, and are told one by one.
fn create_granular(ctx: &mut Ctx, user: u64) -> Answer {
    if ctx.params.list("scopes").is_some_and(|scopes| !scopes.is_empty()) {
        return Err(Refusal::parameter("scopes, granular_scopes are mutually exclusive".into()));
    }
    ctx.params.require(&["name"])?;
    let asked = ctx.params.raw("granular_scopes").unwrap_or_default();
    let grants: Vec<Value> = asked.as_array().into_iter().flatten().flat_map(told).collect();
    if grants.is_empty() {
        return Err(Refusal::bad_request("At least one granular scope must be provided"));
    }
    let order = Order { granular: true, grants, ..order_of(ctx, user, vec!["granular".to_owned()])? };
    let minted = ctx.world.issue(order, None);
    Ok(Reply::created(ctx.world.with_value(&minted)))
}

/// One entry of a request as answers tell it.
fn told(entry: &Value) -> Vec<Value> {
    let ids = |key: &str| entry[key].as_array().cloned().unwrap_or_default();
    let one = |project: &Value, group: &Value| json!({"access": entry["access"], "permissions": entry["permissions"], "project_id": project, "group_id": group});
    let (projects, groups) = (ids("project_ids"), ids("group_ids"));
    if projects.is_empty() && groups.is_empty() {
        return vec![one(&Value::Null, &Value::Null)];
    }
    let projects = projects.iter().map(|id| one(id, &Value::Null));
    projects.chain(groups.iter().map(|id| one(&Value::Null, id))).collect()
}

/// POST /user/personal_access_tokens
pub(super) fn create_own(ctx: &mut Ctx) -> Answer {
    create(ctx, ctx.caller.user, &["k8s_proxy", "self_rotate"])
}

/// Creates a token of a user from the call's parameters; scopes only from among `allowed`.
pub(super) fn create(ctx: &mut Ctx, user: u64, allowed: &[&str]) -> Answer {
    let order = order(ctx, user, allowed)?;
    let minted = ctx.world.issue(order, None);
    Ok(Reply::created(ctx.world.with_value(&minted)))
}

/// All scopes, for service accounts.
pub(super) fn create_any(ctx: &mut Ctx, user: u64) -> Answer {
    create(ctx, user, SCOPES)
}

/// Reads and checks what a new token shall be.
pub(super) fn order(ctx: &Ctx, user: u64, allowed: &[&str]) -> Result<Order, Refusal> {
    ctx.params.require(&["name", "scopes"])?;
    let scopes = ctx.params.list("scopes").unwrap_or_default();
    if scopes.is_empty() || scopes.iter().any(|scope| !allowed.contains(&scope.as_str())) {
        return Err(Refusal::parameter("scopes does not have a valid value".into()));
    }
    order_of(ctx, user, scopes)
}

fn order_of(ctx: &Ctx, user: u64, scopes: Vec<String>) -> Result<Order, Refusal> {
    let name = ctx.params.text("name").unwrap_or_default();
    if name.is_empty() {
        return Err(Refusal::bad_request("Name can't be blank"));
    }
    let description = ctx.params.text("description");
    if description.as_ref().is_some_and(|text| text.chars().count() > 255) {
        return Err(Refusal::bad_request("Description is too long (maximum is 255 characters)"));
    }
    let wanted = ctx.params.parsed("expires_at")?.or_else(|| ctx.world.default_expiry(user));
    let expires_at = ctx.world.checked_expiry(wanted, user)?;
    Ok(Order { user, name, description, scopes, expires_at, granular: false, grants: Vec::new() })
}

/// The token that the path means. One that is not the caller's own looks as if it did not exist, except to admins.
fn named(ctx: &Ctx) -> Result<u64, Refusal> {
    if matches!(ctx.part("id"), "" | "self") {
        return Ok(ctx.caller.token);
    }
    let id = ctx.part("id").parse::<u64>().map_err(|_| Refusal::parameter("id is invalid".into()))?;
    match ctx.world.tokens.get(&id) {
        Some(token) if ctx.caller.admin || token.user == ctx.caller.user => Ok(id),
        None if ctx.caller.admin => Err(Refusal::not_found_at_all()),
        _ => Err(Refusal::unauthorized()),
    }
}
