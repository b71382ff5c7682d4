//! The REST API: who calls, which route, and what becomes of it.

use super::call::{Call, Reply};
use super::refusal::{NO_ROUTE, Outcome, Refusal, UNAUTHORIZED, invalid, refuse};
use super::world::World;
use super::{Handle, commands, guild, interaction, limits, messages};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::Value;

/// Below this path lies the API.
const BASE: &str = "/api/v10/";

pub(super) async fn serve(State(handle): State<Handle>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let path = parts.uri.path().strip_prefix(BASE).unwrap_or_default().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let (mut response, standing) = handle.with(|world| {
        let standing = limits::count(world, &bucket(parts.method.as_str(), &path));
        if standing.is_over() {
            return (standing.refusal(), standing);
        }
        let outcome = answer(world, parts.method.as_str(), &path, &query, &parts.headers, &body);
        (outcome.map_or_else(IntoResponse::into_response, IntoResponse::into_response), standing)
    });
    standing.tell(response.headers_mut());
    handle.0.changed.notify_waiters();
    response
}

fn answer(
    world: &mut World,
    method: &str,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Outcome<Reply> {
    let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path: Vec<&str> = path.split('/').collect();
    let carries_its_own_proof = matches!(path.first(), Some(&("webhooks" | "interactions")));
    // Discord's own libraries name themselves on the bot's calls alone; who says nothing at all is always turned away.
    if agent.is_empty() || !carries_its_own_proof && !agent.starts_with("DiscordBot (") {
        return Err(Refusal { status: 403, body: Value::from("error code: 1010") });
    }
    if !carries_its_own_proof && !is_bot(world, headers) {
        return refuse(UNAUTHORIZED);
    }
    let body = match body.is_empty() {
        true => Value::Null,
        false => match serde_json::from_slice(body) {
            Ok(body) => body,
            Err(_) => return invalid("_", "The request body contains invalid JSON."),
        },
    };
    if !body.is_null() {
        world.sent.push((format!("{method} /{}", path.join("/")), body.clone()));
    }
    let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    route(world, &Call { method, path, query, body })
}

fn is_bot(world: &World, headers: &HeaderMap) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    given.and_then(|given| given.strip_prefix("Bot ")) == Some(&world.settings.token)
}

fn route(world: &mut World, call: &Call<'_>) -> Outcome<Reply> {
    match (call.method, call.path.as_slice()) {
        ("GET", ["users", "@me"]) => guild::me(world),
        ("POST", ["users", "@me", "channels"]) => messages::direct(world, &call.body),
        ("GET", ["applications", "@me"] | ["oauth2", "applications", "@me"]) => guild::application(world),
        ("GET", ["gateway", "bot"] | ["gateway"]) => guild::gateway(world),
        ("GET", ["guilds", guild]) => guild::guild(world, guild),
        ("GET", ["guilds", guild, "roles"]) => guild::roles(world, guild),
        ("GET", ["guilds", guild, "members", user]) => guild::member(world, guild, user),
        ("GET", ["channels", channel]) => guild::channel(world, channel),
        ("GET", ["channels", channel, "messages"]) => messages::list(world, channel, call),
        ("POST", ["channels", channel, "messages"]) => messages::create(world, channel, &call.body),
        ("GET", ["channels", channel, "messages", id]) => messages::get(world, channel, id),
        ("PATCH", ["channels", channel, "messages", id]) => messages::edit(world, channel, id, &call.body),
        ("DELETE", ["channels", channel, "messages", id]) => messages::delete(world, channel, id),
        ("POST", ["channels", channel, "messages", id, "threads"]) => messages::thread(world, channel, id, &call.body),
        ("GET", ["applications", app, "guilds", guild, "commands"]) => commands::list(world, app, guild),
        ("PUT", ["applications", app, "guilds", guild, "commands"]) => commands::put(world, app, guild, &call.body),
        ("POST", ["interactions", id, token, "callback"]) => interaction::callback(world, id, token, call),
        ("POST", ["webhooks", app, token]) => interaction::follow_up(world, app, token, &call.body),
        ("GET", ["webhooks", app, token, "messages", "@original"]) => interaction::original(world, app, token),
        ("PATCH", ["webhooks", app, token, "messages", "@original"]) => {
            interaction::edit_original(world, app, token, &call.body)
        }
        _ => refuse(NO_ROUTE),
    }
}

/// The route, with the id by which Discord counts apart: the first one of the path.
fn bucket(method: &str, path: &str) -> String {
    let mut ids = 0;
    let parts = path.split('/').map(|part| {
        let is_id = part.len() >= 15 && part.bytes().all(|byte| byte.is_ascii_digit());
        ids += usize::from(is_id);
        if is_id && ids > 1 { "*" } else { part }
    });
    format!("{method} {}", parts.collect::<Vec<_>>().join("/"))
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response<Body> {
        match self {
            Self::Body(body) => axum::Json(body).into_response(),
            Self::Nothing => StatusCode::NO_CONTENT.into_response(),
        }
    }
}
