//! `/rekey …`: what was typed goes to the desk; the answer is for the sender only.

use super::{Answer, Door, reply};
use crate::chat::slack::inbound::Command;
use crate::engine::desk::{self, Ask, Caller};
use crate::rotation::view::prose::{Line, Prose};
use crate::rotation::wish::Wish;
use crate::server::patience::in_time;
use std::sync::Arc;

pub async fn answer(door: &Arc<Door>, command: Command) -> Answer {
    let name = command.command.clone();
    let (desk, ask) = (door.desk.clone(), asked(&command));
    let work = async move { desk.ask(&ask).await };
    let way = door.way_back(&command.response_url);
    let late = move |answer: desk::Answer| async move { way.say(&answer).await };
    match in_time(door.patience, work, late).await {
        Some(answer) => Answer::private(&reply::message(&answer)),
        None => Answer::private(&reply::words(&working(&name))),
    }
}

fn asked(command: &Command) -> Ask {
    let caller = Caller {
        surface: "slack".into(),
        place: command.team_id.clone(),
        account: command.user_id.clone(),
        guest: false,
        roles: [].into(),
        channel: Some(command.channel_id.clone()).filter(|channel| !channel.is_empty()),
    };
    Ask::new(&command.trigger_id, caller, Wish::parse(&command.text))
}

fn working(command: &str) -> Prose {
    Line::text("Still working on ").and_code(command).and("; the answer follows.").into()
}
