//! What people do: press buttons, type commands, fill in forms, look at the home tab. Each becomes a request as Slack
//! makes it, delivered by whichever way the app has chosen.

use super::delivery::Door;
use super::world::{Ephemeral, User, View, World};
use super::{Handle, check, views};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Why a click or a command had no answer, as the person would see it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The button is not there (any more).
    #[error("there is no button {0}")]
    NoButton(String),
    /// No form is open at this person's screen, or it cannot be sent as it is filled in.
    #[error("the form cannot be sent: {0}")]
    NoForm(String),
    /// No such person.
    #[error("there is nobody called {0}")]
    Nobody(String),
    /// The bot did not answer in time, or not with 200.
    #[error("the app did not respond: {0}")]
    Failed(String),
}

/// What became of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// It closed.
    Closed,
    /// It stays open and says what is wrong, by block.
    Errors(BTreeMap<String, String>),
    /// It shows something else now.
    Replaced,
}

impl Handle {
    /// Presses a button of a message. What the bot answers is shown to the person alone.
    pub async fn press(&self, user: &str, ts: &str, action_id: &str) -> Result<(), NoAnswer> {
        let payload = self.with(|world| click(world, user, ts, action_id))?;
        self.send_click(&payload).await
    }

    /// Sends a click as it is: for clicks that come late, twice, or forged in their content.
    pub async fn send_click(&self, payload: &Value) -> Result<(), NoAnswer> {
        self.deliver(Door::Interactions, payload).await.map(|_| ())
    }

    /// The click as Slack would send it.
    pub fn click(&self, user: &str, ts: &str, action_id: &str) -> Result<Value, NoAnswer> {
        self.with(|world| click(world, user, ts, action_id))
    }

    /// The trigger of something that a person does now, for whoever wants to open a form by hand.
    pub fn click_trigger(&self, user: &str) -> String {
        self.with(|world| world.new_trigger(user))
    }

    /// Types `/rekey <text>` in a channel. The answer, which only the person sees.
    pub async fn command(&self, user: &str, channel: &str, text: &str) -> Result<Value, NoAnswer> {
        let payload = self.with(|world| typed(world, user, channel, text))?;
        let answer = self.deliver(Door::Commands, &payload).await?;
        let (text, blocks) = (answer["text"].as_str().unwrap_or_default().to_owned(), answer["blocks"].as_array());
        let blocks = blocks.cloned().unwrap_or_default();
        if let Err(why) = check::blocks(&blocks) {
            return Err(NoAnswer::Failed(why));
        }
        if !text.is_empty() {
            let line = Ephemeral { channel: channel.to_owned(), user: user.to_owned(), text, blocks };
            self.with(|world| world.ephemerals.push(line));
        }
        Ok(answer)
    }

    /// The form at a person's screen.
    pub fn form(&self, user: &str) -> Option<View> {
        self.with(|world| open_form(world, user))
    }

    /// The home tab that a person sees.
    pub fn home(&self, user: &str) -> Option<View> {
        self.with(|world| world.views.get(&format!("VHOME{user}")).cloned())
    }

    /// Fills in the open form, by block, and sends it.
    pub async fn submit(&self, user: &str, values: &[(&str, &str)]) -> Result<Submitted, NoAnswer> {
        let view = self.form(user).ok_or_else(|| NoAnswer::NoForm("none is open".into()))?;
        let payload = self.with(|world| submission(world, user, &view, values))?;
        let answer = self.deliver(Door::Interactions, &payload).await?;
        self.with(|world| react(world, view, &answer))
    }

    /// Closes the open form without sending it.
    pub fn close_form(&self, user: &str) {
        self.with(|world| {
            let open = open_form(world, user).map(|view| view.id);
            open.and_then(|id| world.views.remove(&id));
        });
    }

    /// Opens the app's home tab, of which the bot hears.
    pub async fn open_home(&self, user: &str) -> Result<(), NoAnswer> {
        let payload = self.with(|world| {
            let known = world.views.get(&format!("VHOME{user}")).cloned();
            let shown = known.map(|view| views::shown(world, &view, &json!({"values": {}})));
            let mut event = json!({"type": "app_home_opened", "user": user, "channel": "D0HOME0001", "tab": "home"});
            event["event_ts"] = world.next_ts().into();
            if let Some(shown) = shown {
                event["view"] = shown;
            }
            event_of(world, event)
        });
        self.deliver_event(&payload).await
    }

    /// Presses a button of the home tab.
    pub async fn press_home(&self, user: &str, action_id: &str) -> Result<(), NoAnswer> {
        let payload = self.with(|world| {
            let no_button = || NoAnswer::NoButton(action_id.to_owned());
            let view = world.views.get(&format!("VHOME{user}")).cloned().ok_or_else(no_button)?;
            let pressed = button(&view.content["blocks"], action_id).ok_or_else(no_button)?;
            let mut payload = payload(world, user, "block_actions")?;
            payload["view"] = views::shown(world, &view, &json!({"values": {}}));
            payload["container"] = json!({"type": "view", "view_id": view.id});
            payload["actions"] = json!([pressed]);
            Ok(payload)
        })?;
        self.send_click(&payload).await
    }
}

fn person(world: &World, user: &str) -> Result<User, NoAnswer> {
    world.users.get(user).cloned().ok_or_else(|| NoAnswer::Nobody(user.to_owned()))
}

/// What all interactions have in common.
fn payload(world: &mut World, user: &str, kind: &str) -> Result<Value, NoAnswer> {
    let user = person(world, user)?;
    let trigger = world.new_trigger(&user.id);
    Ok(json!({
        "type": kind,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team,
                 "is_stranger": user.is_stranger},
        "api_app_id": "A0APP00001",
        "token": "legacy-verification-token",
        "trigger_id": trigger,
        "team": {"id": world.settings.team, "domain": "sandbox"},
        "enterprise": null,
        "is_enterprise_install": false,
    }))
}

fn click(world: &mut World, user: &str, ts: &str, action_id: &str) -> Result<Value, NoAnswer> {
    let no_button = || NoAnswer::NoButton(action_id.to_owned());
    let mut payload = payload(world, user, "block_actions")?;
    let place = world.channels.iter().find(|(_, place)| place.messages.iter().any(|message| message.ts == ts));
    let channel = place.map(|(id, _)| id.clone()).ok_or_else(no_button)?;
    let message = world.message(&channel, ts).cloned().ok_or_else(no_button)?;
    let pressed = button(&Value::Array(message.blocks.clone()), action_id).ok_or_else(no_button)?;
    let shown = super::reading::shown(&message, true);
    let more = json!({
        "container": {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": false},
        "channel": {"id": channel, "name": "sandbox"},
        "message": shown,
        "state": {"values": {}},
        "response_url": world.new_hook(&channel, user),
        "actions": [pressed],
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        payload[name] = value.clone();
    }
    Ok(payload)
}

fn button(blocks: &Value, action_id: &str) -> Option<Value> {
    let named = |one: &&Value| one["action_id"] == action_id;
    let (block, element) = blocks.as_array()?.iter().find_map(|block| {
        let inside = block["elements"].as_array().into_iter().flatten().chain(block.get("accessory"));
        inside.into_iter().find(named).map(|element| (block, element))
    })?;
    let mut pressed = element.clone();
    pressed["block_id"] = block["block_id"].clone();
    pressed["action_ts"] = "1763712060.123456".into();
    Some(pressed)
}

fn typed(world: &mut World, user: &str, channel: &str, text: &str) -> Result<Value, NoAnswer> {
    let user = person(world, user)?;
    Ok(json!({
        "token": "legacy-verification-token",
        "team_id": user.team,
        "team_domain": "sandbox",
        "channel_id": channel,
        "channel_name": "sandbox",
        "user_id": user.id,
        "user_name": user.name,
        "command": "/rekey",
        "text": text,
        "api_app_id": "A0APP00001",
        "is_enterprise_install": "false",
        "response_url": world.new_hook(channel, &user.id),
        "trigger_id": world.new_trigger(&user.id),
    }))
}

fn event_of(world: &mut World, event: Value) -> Value {
    world.counter += 1;
    json!({
        "token": "legacy-verification-token", "team_id": world.settings.team, "api_app_id": "A0APP00001",
        "event": event, "type": "event_callback", "event_id": format!("Ev{:09}", world.counter),
        "event_time": world.now.as_second(), "authorizations": [], "is_ext_shared_channel": false,
    })
}

fn open_form(world: &World, user: &str) -> Option<View> {
    let mut open = world.views.values().filter(|view| view.user == user && view.content["type"] == "modal");
    open.next_back().cloned()
}

/// As far as Slack's own client lets a form go.
fn submission(world: &mut World, user: &str, view: &View, values: &[(&str, &str)]) -> Result<Value, NoAnswer> {
    let mut state = json!({});
    for block in view.content["blocks"].as_array().into_iter().flatten().filter(|block| block["type"] == "input") {
        let (name, element) = (block["block_id"].as_str().unwrap_or_default(), &block["element"]);
        let given = values.iter().find(|(block, _)| *block == name).map(|(_, value)| *value).filter(|v| !v.is_empty());
        let length = given.map_or(0, |value| value.chars().count() as u64);
        let wrong = |why: &str| NoAnswer::NoForm(format!("{name}: {why}"));
        if given.is_none() && block["optional"] != true {
            return Err(wrong("must be filled in"));
        }
        if given.is_some() && length < element["min_length"].as_u64().unwrap_or(0) {
            return Err(wrong("is too short"));
        }
        if length > element["max_length"].as_u64().unwrap_or(3_000) {
            return Err(wrong("is too long"));
        }
        let action = element["action_id"].as_str().unwrap_or_default();
        state[name] = json!({action: {"type": element["type"], "value": given}});
    }
    let mut payload = payload(world, user, "view_submission")?;
    payload["view"] = views::shown(world, view, &json!({"values": state}));
    payload["response_urls"] = json!([]);
    Ok(payload)
}

fn react(world: &mut World, view: View, answer: &Value) -> Result<Submitted, NoAnswer> {
    let wrong = |why: &str| NoAnswer::Failed(format!("the answer to the form is wrong: {why}"));
    match answer["response_action"].as_str() {
        None | Some("clear") => {
            world.views.remove(&view.id);
            Ok(Submitted::Closed)
        }
        Some("errors") => {
            let inputs: Vec<&str> = view.content["blocks"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|block| block["type"] == "input")
                .filter_map(|block| block["block_id"].as_str())
                .collect();
            let errors: BTreeMap<String, String> =
                serde_json::from_value(answer["errors"].clone()).map_err(|_| wrong("errors are texts by block"))?;
            if errors.is_empty() || !errors.keys().all(|block| inputs.contains(&block.as_str())) {
                return Err(wrong("errors must name input blocks"));
            }
            Ok(Submitted::Errors(errors))
        }
        Some("update") => {
            check::view(&answer["view"], "modal").map_err(|why| wrong(&why))?;
            views::put(world, view.id, view.user, answer["view"].clone());
            Ok(Submitted::Replaced)
        }
        Some(_) => Err(wrong("unknown response_action")),
    }
}
