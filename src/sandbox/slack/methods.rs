//! The Web API: who calls, with what, and what becomes of it. Refusals are `ok: false` with status 200, as at Slack.

use super::outcome::{Outcome, refuse};
use super::params::Params;
use super::world::World;
use super::{Handle, directory, gate, limits, posting, reading, views};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

pub(super) async fn call(
    State(handle): State<Handle>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let granted = handle.with(|world| world.settings.scopes.join(","));
    let Some(params) = Params::read(query.as_deref().unwrap_or_default(), &headers, &body) else {
        return Json(json!({"ok": false, "error": "invalid_json"})).into_response();
    };
    if let Some(seconds) = handle.with(|world| limits::beyond(world, &method, &params)) {
        return gate::retry_later(seconds);
    }
    let outcome = handle.with(|world| perform(world, &method, &headers, &params));
    ([("x-oauth-scopes", granted)], Json(outcome.unwrap_or_else(|refusal| refusal))).into_response()
}

fn perform(world: &mut World, method: &str, headers: &HeaderMap, params: &Params) -> Outcome {
    authenticate(world, method, headers)?;
    let Some((scope, act)) = of(method) else { return refuse("unknown_method") };
    if !scope.is_empty() && !world.settings.scopes.iter().any(|granted| granted == scope) {
        let provided = world.settings.scopes.join(",");
        return Err(json!({"ok": false, "error": "missing_scope", "needed": scope, "provided": provided}));
    }
    act(world, params)
}

type Act = fn(&mut World, &Params) -> Outcome;

/// What a method needs and does.
fn of(method: &str) -> Option<(&'static str, Act)> {
    Some(match method {
        "api.test" => ("", |_, _| Ok(json!({"ok": true}))),
        "auth.test" => ("", |world, _| Ok(identity(world))),
        "apps.connections.open" => ("", |world, _| Ok(ticket(world))),
        "chat.postMessage" => ("chat:write", posting::post),
        "chat.update" => ("chat:write", posting::update),
        "chat.delete" => ("chat:write", posting::delete),
        "chat.postEphemeral" => ("chat:write", posting::ephemeral),
        "chat.getPermalink" => ("", reading::permalink),
        "conversations.history" => ("channels:history", reading::history),
        "conversations.replies" => ("channels:history", reading::replies),
        "conversations.info" => ("", directory::conversation),
        "conversations.open" => ("im:write", directory::open),
        "users.info" => ("users:read", directory::user),
        "usergroups.users.list" => ("usergroups:read", directory::group),
        "views.open" => ("", views::open),
        "views.update" => ("", views::update),
        "views.publish" => ("", views::publish),
        _ => return None,
    })
}

fn identity(world: &World) -> Value {
    let names = &world.settings;
    json!({
        "ok": true, "url": format!("{}/", names.url), "team": "Sandbox", "user": "rekey", "team_id": names.team,
        "user_id": names.bot_user, "bot_id": names.bot_id, "enterprise_id": names.organisation,
        "is_enterprise_install": names.organisation.is_some(),
    })
}

/// An address for one socket.
fn ticket(world: &mut World) -> Value {
    world.counter += 1;
    let ticket = format!("{:08x}-ticket", world.counter);
    let url = format!("{}/link?ticket={ticket}&app_id=A0APP00001", world.settings.url.replacen("http", "ws", 1));
    world.tickets.push(ticket);
    json!({"ok": true, "url": url})
}

fn authenticate(world: &World, method: &str, headers: &HeaderMap) -> Result<(), Value> {
    let given = headers.get("authorization").and_then(|value| value.to_str().ok());
    let (app, bot) = (world.settings.app_token.as_str(), world.settings.token.as_str());
    let wanted = if method == "apps.connections.open" { app } else { bot };
    match given.and_then(|value| value.strip_prefix("Bearer ")) {
        None => refuse("not_authed"),
        Some(token) if token == wanted => Ok(()),
        Some(token) if token == app || token == bot => refuse("not_allowed_token_type"),
        Some(_) => refuse("invalid_auth"),
    }
}
