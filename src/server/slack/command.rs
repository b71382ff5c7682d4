//! `/rekey …`: what was typed goes to the desk; the answer is for the sender only.

use super::{Answer, Door, caller, modal, reply};
use crate::chat::slack::inbound::{Command, as_typed};
use crate::engine::desk::{self, Ask};
use crate::rotation::view::prose::{Line, Prose};
use crate::rotation::wish::Wish;
use crate::server::patience::in_time;
use std::sync::Arc;

pub async fn answer(door: &Arc<Door>, command: Command) -> Answer {
    if !door.is_ours(&command.api_app_id, "slack_command") {
        return Answer::nothing();
    }
    let name = command.command.clone();
    let ask = Ask::new(&command.trigger_id, caller::of_command(door, &command), Wish::parse(&as_typed(&command.text)));
    let way = door.way_back(&command.response_url, &ask.caller);
    let (owned, trigger) = (door.clone(), command.trigger_id.clone());
    let work = async move { if owned.hears_first(&ask).await { serve(&owned, &ask, &trigger).await } else { None } };
    let late = move |answer: Option<desk::Answer>| async move {
        if let Some(answer) = answer {
            way.say(&answer).await;
        }
    };
    match in_time(door.patience, work, late).await {
        Some(Some(answer)) => Answer::private(&reply::message(&answer)),
        Some(None) => Answer::nothing(),
        None => Answer::private(&reply::words(&working(&name))),
    }
}

/// What is to be said; nothing once a form is open, and nothing to a repeat.
async fn serve(door: &Door, ask: &Ask, trigger: &str) -> Option<desk::Answer> {
    match door.desk.ask(ask).await {
        desk::Answer::Form(form) => match door.client.open_view(trigger, &modal::form(&form)).await {
            Ok(_) => None,
            Err(error) => Some(modal::not_opened(&error)),
        },
        answer => Some(answer),
    }
}

fn working(command: &str) -> Prose {
    Line::text("Still working on ").and_code(command).and("; the answer follows.").into()
}
