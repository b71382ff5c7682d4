//! Response addresses: up to five answers to something that a person did.

use super::Handle;
use super::world::Ephemeral;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;

/// What Slack allows.
const MOST_USES: u32 = 5;

pub(super) fn router() -> Router<Handle> {
    Router::new().route("/hooks/actions/{team}/{id}", post(respond))
}

async fn respond(
    State(handle): State<Handle>,
    Path((_, id)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> StatusCode {
    handle.with(|world| {
        let Some(hook) = world.hooks.get_mut(&id).filter(|hook| hook.uses < MOST_USES) else {
            return StatusCode::NOT_FOUND;
        };
        hook.uses += 1;
        let line = Ephemeral {
            channel: hook.channel.clone(),
            user: hook.user.clone(),
            text: body["text"].as_str().unwrap_or_default().to_owned(),
            blocks: body["blocks"].as_array().cloned().unwrap_or_default(),
        };
        world.ephemerals.push(line);
        StatusCode::OK
    })
}
