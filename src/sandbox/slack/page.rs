//! What a page of the demo needs: the whole state as JSON, pressing, typing, and faults.

use super::{Handle, Rule};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Press {
    user: String,
    ts: String,
    action_id: String,
}

#[derive(Deserialize)]
struct Typed {
    user: String,
    channel: String,
    text: String,
}

pub(super) fn router() -> Router<Handle> {
    Router::new()
        .route("/sandbox/slack/state", get(state))
        .route("/sandbox/slack/press", post(press))
        .route("/sandbox/slack/command", post(command))
        .route("/sandbox/slack/faults", post(add_fault).delete(clear_faults))
}

async fn state(State(handle): State<Handle>) -> Json<Value> {
    let faults = handle.0.faults.rules();
    Json(handle.with(|world| {
        json!({
            "team": world.settings.team,
            "bot": world.settings.bot_user,
            "users": world.users,
            "channels": world.channels,
            "ephemerals": world.ephemerals,
            "views": world.views,
            "faults": faults,
        })
    }))
}

async fn press(State(handle): State<Handle>, Json(press): Json<Press>) -> Response {
    match handle.press(&press.user, &press.ts, &press.action_id).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => (StatusCode::CONFLICT, error.to_string()).into_response(),
    }
}

async fn command(State(handle): State<Handle>, Json(typed): Json<Typed>) -> Response {
    match handle.command(&typed.user, &typed.channel, &typed.text).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => (StatusCode::CONFLICT, error.to_string()).into_response(),
    }
}

async fn add_fault(State(handle): State<Handle>, Json(rule): Json<Rule>) -> StatusCode {
    handle.fault(rule);
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(handle): State<Handle>) -> StatusCode {
    handle.clear_faults();
    StatusCode::NO_CONTENT
}
