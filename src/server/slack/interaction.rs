//! A click on a card. Only our own buttons count; each carries the rotation and the plan that was seen.

use super::{Answer, Door, Outsider, in_time, words};
use crate::chat::slack::inbound::{Interaction, Pressed};
use crate::engine::decide::Click;
use crate::rotation::ids::{PersonId, RotationId};
use crate::rotation::view::Action;
use std::sync::Arc;

/// What our own button says.
struct Button {
    action: Action,
    rotation: RotationId,
    plan: String,
}

pub async fn answer(door: &Arc<Door>, interaction: Interaction) -> Answer {
    let button = match interaction.kind.as_str() {
        "block_actions" => interaction.actions.iter().find_map(button),
        _ => None,
    };
    if let Some(button) = button {
        let doing = decide(door.clone(), interaction, button);
        let _in_time = in_time(door.patience, doing, |()| std::future::ready(())).await;
    }
    Answer::nothing()
}

fn button(pressed: &Pressed) -> Option<Button> {
    let action = Action::from_word(pressed.action_id.strip_prefix("rekey.")?)?;
    let (rotation, plan) = pressed.value.split_once(':')?;
    Some(Button { action, rotation: rotation.into(), plan: plan.to_owned() })
}

/// Decides, and tells the person privately if it was not to be.
async fn decide(door: Arc<Door>, interaction: Interaction, button: Button) {
    let what = format!("{} {}", button.action.word(), button.rotation);
    let refusal = match door.person(interaction.team_of_user(), &interaction.user, &what).await {
        Ok(person) => match door.desk.click(click(&interaction, button, person)).await {
            Ok(_) => None,
            Err(error) => Some(words::refusal(&error)),
        },
        Err(outsider) => Some(told(outsider, &interaction)),
    };
    if let Some(text) = refusal
        && let Err(error) = door.hooks.respond(&interaction.response_url, &text).await
    {
        tracing::warn!(%error, "a refusal could not be shown to the person who clicked");
    }
}

fn told(outsider: Outsider, interaction: &Interaction) -> String {
    words::outsider(outsider, interaction.team_of_user(), &interaction.user.id)
}

fn click(interaction: &Interaction, button: Button, person: PersonId) -> Click {
    Click {
        key: interaction.trigger_id.clone(),
        rotation: button.rotation,
        action: button.action,
        person,
        via: "slack".into(),
        plan: Some(button.plan),
        snooze_seconds: None,
    }
}
