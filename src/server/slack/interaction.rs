//! A click on a card. Only our own buttons count; each carries the wish with the rotation and the plan that was seen.
//! The click is committed before Slack is answered, and dealt with afterwards.

use super::{Answer, Door};
use crate::chat::slack::inbound::{Interaction, Pressed};
use crate::engine::desk::{Ask, Caller, WayBack as _};
use crate::rotation::wish::Wish;
use crate::server::patience::in_time;
use std::sync::Arc;

pub async fn answer(door: &Arc<Door>, interaction: Interaction) -> Answer {
    let wish = match interaction.kind.as_str() {
        "block_actions" => interaction.actions.iter().find_map(wish),
        _ => None,
    };
    if let Some(wish) = wish {
        let doing = remember(door.clone(), interaction, wish);
        let _in_time = in_time(door.patience, doing, |()| std::future::ready(())).await;
    }
    Answer::nothing()
}

fn wish(pressed: &Pressed) -> Option<Wish> {
    pressed.action_id.strip_prefix("rekey.").and_then(|_| Wish::from_id(&pressed.value))
}

async fn remember(door: Arc<Door>, interaction: Interaction, wish: Wish) {
    let way = Arc::new(door.way_back(&interaction.response_url));
    let ask = Ask::new(&interaction.trigger_id, caller(&interaction), wish);
    if let Err(error) = door.desk.accept(&ask, way.clone()).await {
        tracing::warn!(%error, "a click was not remembered");
        way.tell(super::reply::not_remembered()).await;
    }
}

fn caller(interaction: &Interaction) -> Caller {
    Caller {
        surface: "slack".into(),
        place: interaction.team_of_user().to_owned(),
        account: interaction.user.id.clone(),
        guest: interaction.user.is_guest(),
        roles: [].into(),
        channel: interaction.channel_id().map(str::to_owned),
    }
}
