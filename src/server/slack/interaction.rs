//! A click on a card, on a private answer or on the home tab, and a form that was filled in. Only our own buttons and
//! forms count; each carries the wish with the rotation and the plan that was seen.

use super::{Answer, Door, caller, modal, reply};
use crate::chat::slack::client::Opened;
use crate::chat::slack::inbound::{Interaction, Pressed};
use crate::engine::desk::{self, Ask, Field, Form, WayBack as _};
use crate::rotation::view::prose::Prose;
use crate::rotation::wish::Wish;
use crate::server::patience::in_time;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// What is said of a decision on a message that is no card of ours.
const ELSEWHERE: &str = "rekey's cards are not in this channel, so what is pressed here decides nothing.";

/// Slack applies an acknowledgement before this is over; an update of the same form that comes earlier would be lost.
const ACKNOWLEDGED: Duration = Duration::from_millis(500);

pub async fn answer(door: &Arc<Door>, interaction: Interaction) -> Answer {
    if !door.is_ours(&interaction.api_app_id, "slack_interaction") {
        return Answer::nothing();
    }
    match interaction.kind.as_str() {
        "block_actions" => click(door, interaction).await,
        "view_submission" => submit(door, interaction).await,
        _ => Answer::nothing(),
    }
}

/// The click is committed before Slack is answered, and dealt with afterwards.
async fn click(door: &Arc<Door>, interaction: Interaction) -> Answer {
    let Some((pressed, wish)) = interaction.actions.iter().find_map(|pressed| Some((pressed, wish(pressed)?))) else {
        return Answer::nothing();
    };
    if is_elsewhere(door, &interaction) && matches!(wish, Wish::Decide(_)) {
        let caller = caller::of_interaction(door, &interaction);
        let way = door.way_back(&interaction.response_url, &caller);
        tokio::spawn(async move { way.tell(desk::Answer::Private(Prose::words(ELSEWHERE))).await });
        return Answer::nothing();
    }
    let is_offer = pressed.action_id == reply::OFFER && matches!(wish, Wish::Decide(_));
    let ask = Ask::new(key(&interaction, pressed), caller::of_interaction(door, &interaction), wish);
    let (owned, on_page) = (door.clone(), interaction.is_on_a_view());
    let work = async move {
        match owned.desk.form(&ask).await {
            Some(form) => open(&owned, &interaction, &form).await,
            None if on_page => on_a_page(&owned, &interaction, ask).await,
            None => return remember(&owned, &interaction, &ask, is_offer).await,
        }
        None
    };
    // Slack has shown the person a failure by then, and they are about to press again.
    let late = |counted: Option<Arc<reply::Way>>| async move {
        if let Some(way) = counted {
            way.say(&reply::counted_late()).await;
        }
    };
    match in_time(door.patience, work, late).await {
        Some(_) => Answer::nothing(),
        None => Answer::not_taken(),
    }
}

/// A card stands in the one channel that is configured. What only one person sees can be pressed anywhere.
fn is_elsewhere(door: &Door, interaction: &Interaction) -> bool {
    let channel = interaction.channel_id().filter(|_| !interaction.container.is_ephemeral);
    channel.is_some_and(|channel| channel != door.channel)
}

fn wish(pressed: &Pressed) -> Option<Wish> {
    pressed.action_id.strip_prefix("rekey.").and_then(|_| Wish::from_id(&pressed.value))
}

/// Slack names every click; where it does not, the moment of the press does.
fn key(interaction: &Interaction, pressed: &Pressed) -> String {
    match interaction.trigger_id.as_str() {
        "" => format!("{}:{}:{}", interaction.user.id, pressed.action_ts, pressed.action_id),
        trigger => trigger.to_owned(),
    }
}

/// The way back to the person, if the click is committed.
async fn remember(door: &Door, interaction: &Interaction, ask: &Ask, is_offer: bool) -> Option<Arc<reply::Way>> {
    let way = Arc::new(door.way_back(&interaction.response_url, &ask.caller));
    match door.desk.accept(ask, way.clone()).await {
        Ok(_) if is_offer => {
            let note = way.clone();
            tokio::spawn(async move { note.take_note().await });
        }
        Ok(_) => {}
        Err(error) => {
            tracing::warn!(%error, "a click was not remembered");
            way.tell(reply::not_remembered()).await;
            return None;
        }
    }
    Some(way)
}

/// The trigger of the click holds three seconds, so the form is opened here.
async fn open(door: &Door, interaction: &Interaction, form: &Form) {
    if let Err(error) = door.client.open_view(&interaction.trigger_id, &modal::form(form)).await {
        let caller = caller::of_interaction(door, interaction);
        door.way_back(&interaction.response_url, &caller).say(&modal::not_opened(&error)).await;
    }
}

/// The home tab has no way back, so its answer comes as a page of its own: opened at once, filled when it is known.
async fn on_a_page(door: &Arc<Door>, interaction: &Interaction, ask: Ask) {
    match door.client.open_view(&interaction.trigger_id, &modal::loading()).await {
        Ok(opened) => {
            let door = door.clone();
            tokio::spawn(async move {
                let answer = door.desk.ask(&ask).await;
                show(&door, &opened, &answer).await;
            });
        }
        Err(error) => tracing::warn!(%error, "a page could not be opened"),
    }
}

async fn show(door: &Door, opened: &Opened, answer: &desk::Answer) {
    if let Err(error) = door.client.update_view(opened, &modal::said(answer)).await {
        tracing::warn!(%error, "an answer could not be shown to the person who asked");
    }
}

/// What was typed is dealt with at once: the form stays open until it is right.
async fn submit(door: &Arc<Door>, interaction: Interaction) -> Answer {
    let view = &interaction.view;
    let Some(wish) = modal::wish_of(view) else { return Answer::nothing() };
    let typed = |field: Field| Some((field.id().to_owned(), view.typed(field.id())?.text().to_owned()));
    let caller = caller::of_interaction(door, &interaction);
    let ask = Ask::new(&interaction.trigger_id, caller, wish);
    let ask = ask.filled_in([Field::Code, Field::Reason, Field::Because].into_iter().filter_map(typed));
    let (owned, behind) = (door.clone(), door.clone());
    let opened = Opened { id: view.id.clone(), hash: String::new() };
    let work = async move { if owned.hears_first(&ask).await { Some(owned.desk.ask(&ask).await) } else { None } };
    let late = move |answer: Option<desk::Answer>| async move {
        if let Some(answer) = answer {
            tokio::time::sleep(ACKNOWLEDGED).await;
            show(&behind, &opened, &answer).await;
        }
    };
    match in_time(door.patience, work, late).await {
        Some(None | Some(desk::Answer::Done(_))) => Answer::nothing(),
        Some(Some(desk::Answer::Wrong { field, why, .. })) => {
            Answer::with(json!({"response_action": "errors", "errors": {field.id(): why}}))
        }
        Some(Some(answer)) => update(modal::said(&answer)),
        None => update(modal::loading()),
    }
}

fn update(view: serde_json::Value) -> Answer {
    Answer::with(json!({"response_action": "update", "view": view}))
}
