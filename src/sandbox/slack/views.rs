//! Modals and home tabs: a modal needs the trigger of something that its person did within three seconds, once.

use super::check;
use super::outcome::{Outcome, refuse};
use super::params::Params;
use super::world::{View, World};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// How long a trigger holds.
const TRIGGER: SignedDuration = SignedDuration::from_secs(3);

pub(super) fn open(world: &mut World, params: &Params) -> Outcome {
    let content = content(params, "modal")?;
    let now = world.now;
    let user = match world.triggers.get_mut(params.text("trigger_id")) {
        None => return refuse("invalid_trigger_id"),
        Some(trigger) if trigger.used => return refuse("exchanged_trigger_id"),
        Some(trigger) if now.duration_since(trigger.at) > TRIGGER => return refuse("expired_trigger_id"),
        Some(trigger) => {
            trigger.used = true;
            trigger.user.clone()
        }
    };
    world.counter += 1;
    let id = format!("V{:09}", world.counter);
    Ok(put(world, id, user, content))
}

pub(super) fn update(world: &mut World, params: &Params) -> Outcome {
    let content = content(params, "modal")?;
    let Some(known) = world.views.get(params.text("view_id")) else { return refuse("not_found") };
    if params.has("hash") && params.text("hash") != known.hash {
        return refuse("hash_conflict");
    }
    let (id, user) = (known.id.clone(), known.user.clone());
    Ok(put(world, id, user, content))
}

pub(super) fn publish(world: &mut World, params: &Params) -> Outcome {
    let content = content(params, "home")?;
    let user = params.text("user_id").to_owned();
    if !world.users.contains_key(&user) {
        return refuse("invalid_arguments");
    }
    let id = format!("VHOME{user}");
    let known = world.views.get(&id).map(|view| view.hash.clone());
    if params.has("hash") && known.is_some_and(|hash| hash != params.text("hash")) {
        return refuse("hash_conflict");
    }
    Ok(put(world, id, user, content))
}

/// Shows a view, as the bot or the answer to a form wants it.
pub(super) fn put(world: &mut World, id: String, user: String, content: Value) -> Value {
    world.counter += 1;
    let hash = format!("{}.{:08x}", world.now.as_second(), world.counter);
    let view = View { id: id.clone(), user, hash, content };
    let shown = shown(world, &view, &json!({"values": {}}));
    world.views.insert(id, view);
    json!({"ok": true, "view": shown})
}

/// A view as Slack sends it.
pub(super) fn shown(world: &World, view: &View, state: &Value) -> Value {
    let mut shown = view.content.clone();
    let root = view.id.clone();
    let more = json!({
        "id": view.id, "team_id": world.settings.team, "app_id": "A0APP00001", "bot_id": world.settings.bot_id,
        "app_installed_team_id": world.settings.team, "hash": view.hash, "state": state, "root_view_id": root,
        "previous_view_id": null,
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        shown[name] = value.clone();
    }
    for (name, usual) in [("private_metadata", json!("")), ("callback_id", json!("")), ("external_id", json!(""))] {
        if shown[name].is_null() {
            shown[name] = usual;
        }
    }
    shown
}

fn content(params: &Params, kind: &str) -> Outcome {
    let Some(view) = params.json("view") else { return refuse("invalid_arguments") };
    match check::view(&view, kind) {
        Ok(()) => Ok(view),
        Err(why) => Err(json!({
            "ok": false, "error": "invalid_arguments",
            "response_metadata": {"messages": [format!("[ERROR] {why}")]},
        })),
    }
}
