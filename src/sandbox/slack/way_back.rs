//! Response addresses: up to five answers within half an hour to something that a person did.

use super::world::{Ephemeral, Hook, World};
use super::{Handle, check};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use jiff::SignedDuration;
use serde_json::Value;

/// What Slack allows.
const MOST_USES: u32 = 5;

/// How long the address holds.
const HOLDS: SignedDuration = SignedDuration::from_mins(30);

impl World {
    /// All addresses hold no more, as if their half hours were over.
    pub fn close_ways_back(&mut self) {
        self.hooks.clear();
    }
}

pub(super) fn router() -> Router<Handle> {
    Router::new().route("/hooks/actions/{team}/{id}", post(respond))
}

async fn respond(
    State(handle): State<Handle>,
    Path((_, id)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> StatusCode {
    handle.with(|world| {
        let now = world.now;
        let holds = |hook: &&mut Hook| hook.uses < MOST_USES && now.duration_since(hook.since) <= HOLDS;
        let Some(hook) = world.hooks.get_mut(&id).filter(holds) else { return StatusCode::NOT_FOUND };
        let blocks = body["blocks"].as_array().cloned().unwrap_or_default();
        if check::blocks(&blocks).is_err() || body["response_type"] == "in_channel" {
            return StatusCode::BAD_REQUEST;
        }
        hook.uses += 1;
        let (channel, user) = (hook.channel.clone(), hook.user.clone());
        if body["replace_original"] == true {
            let on = hook.on.clone();
            world.ephemerals.retain(|line| Some(&line.ts) != on.as_ref());
        }
        let line = Ephemeral {
            ts: world.next_ts(),
            channel,
            user,
            text: body["text"].as_str().unwrap_or_default().to_owned(),
            blocks,
        };
        world.ephemerals.push(line);
        StatusCode::OK
    })
}
