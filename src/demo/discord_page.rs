//! Discord on the page and in the story: buttons, what is typed, forms, and what is proposed while somebody types.

use super::shared::Shared;
use super::{DISCORD_CHANNEL, Demo, DemoError, Person};
use crate::sandbox::discord::{Ephemeral, Handle, NoAnswer, Shown};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
struct Press {
    user: String,
    message: String,
    button: String,
}

#[derive(Deserialize)]
struct Line {
    user: String,
    text: String,
}

#[derive(Deserialize)]
struct Filled {
    user: String,
    /// `None`: it was closed.
    values: Option<Vec<(String, String)>>,
}

impl Demo {
    fn in_discord(&self) -> Result<Handle, DemoError> {
        self.discord().ok_or_else(|| DemoError::Call("there is no Discord in this demo".into()))
    }

    /// Somebody presses a button of the newest card that has it, and says yes if they are asked whether they mean it.
    pub(super) async fn press_in_discord(&self, person: Person, action: &str) -> Result<(), DemoError> {
        let discord = self.in_discord()?;
        let means = format!("rekey:{action}:");
        let messages = discord.messages(DISCORD_CHANNEL);
        let mut cards = messages.iter().rev().map(|card| (&card.id, button(&card.components, &means)));
        let found = cards.find_map(|(card, id)| Some((card.clone(), id?)));
        let (card, id) = found.ok_or_else(|| NoAnswer::NoButton(action.to_owned()))?;
        if let Shown::Private(Ephemeral { id: line, components, .. }) =
            discord.press(person.discord, &card, &id).await?
            && let Some(yes) = button(&components, &means)
        {
            discord.press(person.discord, &line, &yes).await?;
        }
        Ok(())
    }
}

/// The button that means this, or asks whether it is meant.
fn button(rows: &[Value], means: &str) -> Option<String> {
    let buttons = rows.iter().filter_map(|row| row["components"].as_array()).flatten();
    let ids = buttons.filter_map(|button| button["custom_id"].as_str());
    ids.into_iter().find(|id| id.trim_start_matches("ask:").starts_with(means)).map(str::to_owned)
}

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/discord/press", post(press))
        .route("/discord/say", post(say))
        .route("/discord/submit", post(submit))
        .route("/discord/complete", post(complete))
}

async fn press(State(shared): State<Arc<Shared>>, Json(press): Json<Press>) -> Result<StatusCode, DemoError> {
    let pressed = async |demo: &Demo| Ok(demo.in_discord()?.press(&press.user, &press.message, &press.button).await?);
    shared.with(pressed).await.map(|_| StatusCode::NO_CONTENT)
}

/// A command goes to the bot; anything else is small talk.
async fn say(State(shared): State<Arc<Shared>>, Json(line): Json<Line>) -> Result<StatusCode, DemoError> {
    let said = async |demo: &Demo| {
        let (discord, text) = (demo.in_discord()?, line.text.trim());
        match text.starts_with("/rekey") {
            true => drop(discord.command(&line.user, DISCORD_CHANNEL, text).await?),
            false => drop(discord.with(|world| world.say(DISCORD_CHANNEL, &line.user, text, Vec::new()))),
        }
        Ok(StatusCode::NO_CONTENT)
    };
    shared.with(said).await
}

async fn submit(State(shared): State<Arc<Shared>>, Json(filled): Json<Filled>) -> Result<StatusCode, DemoError> {
    let submitted = async |demo: &Demo| {
        let discord = demo.in_discord()?;
        match &filled.values {
            Some(values) => {
                let values: Vec<(&str, &str)> =
                    values.iter().map(|(id, value)| (id.as_str(), value.as_str())).collect();
                drop(discord.submit(&filled.user, &values).await?);
            }
            None => drop(discord.with(|world| world.modals.remove(&filled.user))),
        }
        Ok(StatusCode::NO_CONTENT)
    };
    shared.with(submitted).await
}

/// Nothing is proposed for what is no command yet.
async fn complete(State(shared): State<Arc<Shared>>, Json(line): Json<Line>) -> Result<Json<Value>, DemoError> {
    let proposed = async |demo: &Demo| {
        let proposed = demo.in_discord()?.complete(&line.user, DISCORD_CHANNEL, &line.text).await;
        Ok(Json(json!(proposed.unwrap_or_default())))
    };
    shared.with(proposed).await
}
