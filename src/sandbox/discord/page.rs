//! What a page of the demo needs: the whole state as JSON.

use super::Handle;
use super::world::World;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

pub(super) fn router() -> Router<Handle> {
    Router::new().route("/sandbox/discord/state", get(state))
}

async fn state(State(handle): State<Handle>) -> Json<Value> {
    let faults = handle.faults().rules();
    let mut state = handle.with(|world| picture(world));
    state["faults"] = json!(faults);
    Json(state)
}

/// Everything that people see.
pub(super) fn picture(world: &World) -> Value {
    json!({
        "guild": world.settings.guild,
        "bot": world.settings.bot_user,
        "users": world.users,
        "roles": world.roles,
        "channels": world.channels,
        "ephemerals": world.ephemerals,
        "modals": world.modals,
        "commands": world.commands,
    })
}
