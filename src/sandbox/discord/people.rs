//! What people do: press buttons, type commands, fill in forms. Each becomes an interaction, which goes over the Gateway
//! if the bot is connected there, else signed to its endpoint, and must be answered within three seconds.

use super::interaction::{self, COMMAND, COMPLETE, COMPONENT, SUBMIT};
use super::model::{Interaction, Shown};
use super::refusal::Refusal;
use super::world::{User, World};
use super::{Handle, commands, guild, messages, signing};
use serde_json::{Value, json};
use std::time::Duration;

/// Discord's patience.
const DEADLINE: Duration = Duration::from_secs(3);

/// Why somebody had no answer, as they would see it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The button is not there (any more).
    #[error("there is no button {0}")]
    NoButton(String),
    /// No such command, or not all that it needs.
    #[error("there is no command {0}")]
    NoCommand(String),
    /// No form is open.
    #[error("no form is open")]
    NoForm,
    /// No such person.
    #[error("there is nobody called {0}")]
    Nobody(String),
    /// The bot did not answer in time, or not with a success.
    #[error("the application did not respond: {0}")]
    Failed(String),
    /// The bot answered what Discord refuses.
    #[error("Discord refused the answer: {0}")]
    Refused(String),
}

impl Handle {
    /// Presses the button with that id on a message, or on a line that only this person sees.
    pub async fn press(&self, user: &str, message: &str, button: &str) -> Result<Shown, NoAnswer> {
        let payload = self.click(user, message, button)?;
        self.send(&payload).await
    }

    /// The click as Discord would send it.
    pub fn click(&self, user: &str, message: &str, button: &str) -> Result<Value, NoAnswer> {
        self.with(|world| click(world, user, message, button))
    }

    /// The same click by somebody whose screen still showed the button, made at this moment.
    pub fn pressed_now(&self, click: &Value) -> Value {
        self.with(|world| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (user, channel) = (text(&click["member"]["user"]["id"]), text(&click["channel_id"]));
            let source = click["message"]["id"].as_str().map(str::to_owned);
            let mut now = began(world, COMPONENT, &user, &channel, source, click["data"].clone()).unwrap_or_default();
            now["message"] = click["message"].clone();
            now
        })
    }

    /// Types a whole command, such as `/rekey status`.
    pub async fn command(&self, user: &str, channel: &str, text: &str) -> Result<Shown, NoAnswer> {
        let payload = self.typed(user, channel, text, false)?;
        self.send(&payload).await
    }

    /// Types so far and looks at what is proposed.
    pub async fn complete(&self, user: &str, channel: &str, text: &str) -> Result<Vec<Value>, NoAnswer> {
        let payload = self.typed(user, channel, text, true)?;
        match self.send(&payload).await? {
            Shown::Choices(choices) => Ok(choices),
            other => Err(NoAnswer::Refused(format!("{other:?} is no list of choices"))),
        }
    }

    /// The command as Discord would send it; unfinished while its choices are asked for.
    pub fn typed(&self, user: &str, channel: &str, text: &str, unfinished: bool) -> Result<Value, NoAnswer> {
        self.with(|world| {
            let data = commands::typed(world, text, unfinished).ok_or_else(|| NoAnswer::NoCommand(text.to_owned()))?;
            began(world, if unfinished { COMPLETE } else { COMMAND }, user, channel, None, data)
        })
    }

    /// A command without subcommands, with these values, as Discord would send it.
    pub fn typed_plainly(
        &self,
        user: &str,
        channel: &str,
        name: &str,
        values: &[(&str, &str)],
    ) -> Result<Value, NoAnswer> {
        self.with(|world| {
            let known = world.commands.iter().find(|command| command["name"] == name);
            let id = known.map(|command| command["id"].clone()).ok_or_else(|| NoAnswer::NoCommand(name.to_owned()))?;
            let options: Vec<Value> =
                values.iter().map(|(name, value)| json!({"name": name, "type": 3, "value": value})).collect();
            let data = json!({"id": id, "name": name, "type": 1, "guild_id": world.settings.guild, "options": options});
            began(world, COMMAND, user, channel, None, data)
        })
    }

    /// Fills in the form that is open before somebody.
    pub async fn submit(&self, user: &str, values: &[(&str, &str)]) -> Result<Shown, NoAnswer> {
        let payload = self.filled_in(user, values)?;
        self.send(&payload).await
    }

    /// The form as Discord would send it.
    pub fn filled_in(&self, user: &str, values: &[(&str, &str)]) -> Result<Value, NoAnswer> {
        self.with(|world| {
            let modal = world.modals.remove(user).ok_or(NoAnswer::NoForm)?;
            let parts = modal.data["components"].as_array().map_or(&[][..], Vec::as_slice);
            let parts: Vec<Value> = parts.iter().map(|part| filled(part, values)).collect();
            let data = json!({"custom_id": modal.data["custom_id"], "components": parts});
            // Discord names the message whose button opened the form.
            let shown = modal.message.as_deref().and_then(|id| shown_to(world, user, id));
            let mut payload = began(world, SUBMIT, user, &modal.channel, modal.message, data)?;
            if let Some((_, shown, _)) = shown {
                payload["message"] = shown;
            }
            Ok(payload)
        })
    }

    /// Sends an interaction as it is: for those that come twice, or changed on the way. What the person then sees.
    pub async fn send(&self, payload: &Value) -> Result<Shown, NoAnswer> {
        let token = payload["token"].as_str().unwrap_or_default().to_owned();
        if self.dispatch("INTERACTION_CREATE", payload) {
            return self.answered(&token).await;
        }
        let (status, body) = self.deliver(&payload.to_string()).await?;
        if status == 200 {
            let taken = self.with(|world| {
                world.sent.push(("answer".to_owned(), body.clone()));
                interaction::answer(world, &token, &body)
            });
            self.0.changed.notify_waiters();
            taken.map_err(|refusal| NoAnswer::Refused(said(&refusal)))?;
        } else if status != 202 {
            return Err(NoAnswer::Failed(format!("status {status}")));
        }
        self.answered(&token).await
    }

    /// Sends bytes to the endpoint, signed. Status and body of the answer.
    pub async fn deliver(&self, body: &str) -> Result<(u16, Value), NoAnswer> {
        let (time, seed) = self.with(|world| (world.now.as_second().to_string(), world.settings.seed));
        self.deliver_signed(body, &time, &signing::sign(&seed, &time, body)).await
    }

    /// Sends bytes to the endpoint with any time and signature.
    pub async fn deliver_signed(&self, body: &str, time: &str, signature: &str) -> Result<(u16, Value), NoAnswer> {
        let url = self.with(|world| format!("{}/discord/interactions", world.settings.bot));
        let request = self.0.http.post(url).timeout(DEADLINE).header("content-type", "application/json");
        let request = request.header("x-signature-timestamp", time).header("x-signature-ed25519", signature);
        let failed = |error: reqwest::Error| NoAnswer::Failed(error.without_url().to_string());
        let response = request.body(body.to_owned()).send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(failed)?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    /// As Discord looks at an endpoint before it takes it: whether it answers a ping, and believes no forged one.
    pub async fn probe(&self) -> Result<bool, NoAnswer> {
        let ping = self.with(|world| {
            let (id, application) = (world.new_id(), world.settings.application.clone());
            json!({"id": id, "application_id": application, "type": 1, "token": "ping", "version": 1}).to_string()
        });
        let (status, answer) = self.deliver(&ping).await?;
        let (forged, _) = self.deliver_signed(&ping, "1728695486", &"00".repeat(64)).await?;
        Ok(status == 200 && answer["type"] == 1 && forged == 401)
    }

    /// What the person sees, once there is an answer.
    async fn answered(&self, token: &str) -> Result<Shown, NoAnswer> {
        let waiting = async {
            loop {
                let changed = self.0.changed.notified();
                let seen = self.with(|world| world.interactions.get(token).and_then(|known| known.seen.clone()));
                if let Some(seen) = seen {
                    return seen;
                }
                changed.await;
            }
        };
        tokio::time::timeout(DEADLINE, waiting).await.map_err(|_| NoAnswer::Failed("no answer in time".into()))
    }
}

fn said(refusal: &Refusal) -> String {
    format!("{} {}", refusal.status, refusal.body)
}

fn filled(part: &Value, values: &[(&str, &str)]) -> Value {
    let input = |input: &Value| {
        let id = input["custom_id"].as_str().unwrap_or_default();
        let value = values.iter().find(|(name, _)| *name == id).map_or("", |(_, value)| value);
        json!({"type": 4, "id": 2, "custom_id": id, "value": value})
    };
    match part["type"].as_u64() {
        Some(10) => json!({"type": 10, "id": 3}),
        Some(18) => json!({"type": 18, "id": 1, "component": input(&part["component"])}),
        _ => json!({"type": 1, "id": 1, "components": [input(&part["components"][0])]}),
    }
}

/// A message before somebody, private or not: its channel, how Discord shows it, its rows of buttons.
fn shown_to(world: &mut World, user: &str, message: &str) -> Option<(String, Value, Vec<Value>)> {
    let line = world.ephemerals.iter().find(|line| line.id == message && line.user == user);
    if let Some(line) = line {
        let shown = json!({"id": line.id, "channel_id": line.channel, "content": line.content, "flags": 64});
        return Some((line.channel.clone(), shown, line.components.clone()));
    }
    let channel = world.place_of(message)?;
    let found = world.message(&channel, message).cloned()?;
    Some((channel.clone(), messages::shown(world, &channel, &found), found.components))
}

fn click(world: &mut World, user: &str, message: &str, button: &str) -> Result<Value, NoAnswer> {
    let no_button = || NoAnswer::NoButton(button.to_owned());
    let (channel, shown, rows) = shown_to(world, user, message).ok_or_else(no_button)?;
    let buttons = rows.iter().filter_map(|row| row["components"].as_array()).flatten();
    buttons.into_iter().find(|one| one["custom_id"] == button && one["disabled"] != true).ok_or_else(no_button)?;
    let data = json!({"id": 2, "component_type": 2, "custom_id": button});
    let mut payload = began(world, COMPONENT, user, &channel, Some(message.to_owned()), data)?;
    payload["message"] = shown;
    Ok(payload)
}

/// An interaction that waits for its answer.
fn began(
    world: &mut World,
    kind: u64,
    user: &str,
    channel: &str,
    source: Option<String>,
    data: Value,
) -> Result<Value, NoAnswer> {
    let user: User = world.users.get(user).cloned().ok_or_else(|| NoAnswer::Nobody(user.to_owned()))?;
    let id = world.new_id();
    let token = format!("aW50ZXJhY3Rpb24-{id}-{:016x}", rand::random::<u64>());
    let known = Interaction::new(id.clone(), kind, &user.id, channel, source, world.now);
    world.interactions.insert(token.clone(), known);
    let place = world.channels.get(channel).cloned().unwrap_or_default();
    let (guild, application) = (world.settings.guild.clone(), world.settings.application.clone());
    Ok(json!({
        "id": id, "application_id": application, "type": kind, "token": token, "version": 1,
        "guild": {"id": guild, "locale": "en-US", "features": []}, "guild_id": guild, "guild_locale": "en-US",
        "locale": "fr", "channel": guild::shown_channel(world, channel, &place), "channel_id": channel,
        "app_permissions": "562949953601536", "entitlements": [], "context": 0,
        "authorizing_integration_owners": {"0": guild}, "attachment_size_limit": 10_485_760,
        "member": guild::shown_member(world, &user), "data": data,
    }))
}
