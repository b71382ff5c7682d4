//! What people do, whichever way it came: the same handler for the endpoint and for the Gateway. Decisions are committed
//! before Discord is answered; everything is answered within Discord's three seconds.

use super::reply::{self, Way};
use super::{Door, commands};
use crate::chat::discord::ASKS;
use crate::chat::discord::inbound::{BUTTON, COMMAND, COMPLETE, FORM, Interaction, PING};
use crate::engine::desk::visitors::Stranger;
use crate::engine::desk::{Answer, Ask, Caller, WayBack as _};
use crate::rotation::wish::Wish;
use crate::secret::Secret;
use crate::server::patience::in_time;
use serde_json::Value;
use std::sync::Arc;
use tokio::time::timeout;

/// What Discord gets back.
pub async fn answer(door: &Arc<Door>, interaction: &Interaction) -> Value {
    let custom_id = interaction.data.custom_id.as_str();
    match interaction.kind {
        PING => reply::pong(),
        COMPLETE => complete(door, interaction).await,
        COMMAND => match commands::wish(&interaction.data) {
            Some(wish) => serve(door, interaction, asked(interaction, wish)).await,
            None => serve(door, interaction, asked(interaction, Wish::Help)).await,
        },
        BUTTON => match (custom_id.strip_prefix(ASKS), Wish::from_id(custom_id)) {
            (Some(id), _) => question(id),
            (None, Some(wish)) => press(door, interaction, asked(interaction, wish)).await,
            (None, None) => reply::heard(),
        },
        FORM => match Wish::from_id(custom_id) {
            Some(wish) => {
                let asked = asked(interaction, wish).filled_in(interaction.typed());
                serve(door, interaction, asked).await
            }
            None => reply::heard(),
        },
        _ => serve(door, interaction, asked(interaction, Wish::Help)).await,
    }
}

/// Whether a repeat would have a second effect: not so for decisions by a button, which are told apart where they are
/// remembered, and for questions and proposals, which change nothing.
pub(super) fn counts_once(interaction: &Interaction) -> bool {
    match interaction.kind {
        COMMAND | FORM => true,
        BUTTON => !interaction.data.custom_id.starts_with(ASKS) && !is_decision(interaction),
        _ => false,
    }
}

/// Whether it is a press that decides something.
pub(super) fn is_decision(interaction: &Interaction) -> bool {
    interaction.kind == BUTTON && matches!(Wish::from_id(&interaction.data.custom_id), Some(Wish::Decide(_)))
}

/// What it asks for, if it asks for anything; what was typed into a form is left out.
pub(super) fn what_was_asked(interaction: &Interaction) -> Option<Ask> {
    let wish = match interaction.kind {
        COMMAND => commands::wish(&interaction.data),
        BUTTON | FORM => {
            let id = interaction.data.custom_id.as_str();
            Wish::from_id(id.strip_prefix(ASKS).unwrap_or(id))
        }
        _ => None,
    };
    wish.map(|wish| asked(interaction, wish))
}

/// Who did it.
pub(super) fn caller(interaction: &Interaction) -> Caller {
    Caller {
        surface: "discord".into(),
        place: interaction.guild_id.clone().unwrap_or_else(|| "direct messages".into()),
        account: interaction.account().to_owned(),
        guest: false,
        roles: interaction.roles(),
        channel: interaction.channel_id.clone(),
    }
}

fn asked(interaction: &Interaction, wish: Wish) -> Ask {
    Ask::new(&interaction.id, caller(interaction), wish)
}

/// Why what was done proves nothing, if so.
fn misplaced(door: &Door, interaction: &Interaction) -> Option<Stranger> {
    if !interaction.is_in_guild() {
        let why = "rekey answers only in the channels of its own server, not in direct messages.";
        return Some(Stranger::Misplaced(why));
    }
    if interaction.guild_id.as_deref() != Some(&door.guild) {
        return Some(Stranger::Elsewhere);
    }
    if interaction.application_id != door.application {
        return Some(Stranger::Misplaced("That was meant for another application than this one."));
    }
    if is_decision(interaction)
        && !interaction.is_from_private()
        && interaction.channel_id.as_ref() != Some(&door.channel)
    {
        let why = "rekey's cards are not in this channel, so what is pressed here decides nothing.";
        return Some(Stranger::Misplaced(why));
    }
    if !interaction.is_installed_by(&door.guild) {
        let why = "This copy of rekey was installed by somebody for themselves; only the server's own one decides.";
        return Some(Stranger::Misplaced(why));
    }
    None
}

fn question(id: &str) -> Value {
    let wish = Wish::from_id(id);
    let asked = match &wish {
        Some(wish @ Wish::Decide(decision)) => reply::question(decision.action, wish),
        _ => None,
    };
    asked.unwrap_or_else(reply::heard)
}

async fn complete(door: &Arc<Door>, interaction: &Interaction) -> Value {
    let (None, Some((blank, typed))) = (misplaced(door, interaction), commands::blank(&interaction.data)) else {
        return reply::choices(&[]);
    };
    let caller = asked(interaction, Wish::Help).caller;
    let choices = timeout(door.patience, door.desk.complete(&caller, &blank, &typed)).await;
    reply::choices(&choices.unwrap_or_default())
}

/// A button: a decision is committed and dealt with afterwards; everything else is answered at once.
async fn press(door: &Arc<Door>, interaction: &Interaction, ask: Ask) -> Value {
    let decides = matches!(ask.wish, Wish::Decide(_)) && misplaced(door, interaction).is_none();
    if !decides {
        return serve(door, interaction, ask).await;
    }
    if let Some(form) = form(door, &ask).await {
        return form;
    }
    let (desk, way) = (door.desk.clone(), Arc::new(way_back(door, interaction)));
    let (for_desk, for_late) = (way.clone(), way);
    let private = interaction.is_from_private();
    let work = async move { desk.accept(&ask, for_desk).await.err().map(|error| error.to_string()) };
    let late = move |failed: Option<String>| async move {
        match failed {
            Some(error) => {
                tracing::warn!(error, "a click was not remembered");
                for_late.tell(reply::not_remembered()).await;
            }
            None if private => for_late.take_note().await,
            None => {}
        }
    };
    match in_time(door.patience, work, late).await {
        Some(Some(error)) => {
            tracing::warn!(error, "a click was not remembered");
            reply::answer(&reply::not_remembered())
        }
        Some(None) if private => reply::noted(),
        // Nothing is said of a click that is not committed yet.
        Some(None) | None => reply::heard(),
    }
}

/// Answers at once, or promises to.
async fn serve(door: &Arc<Door>, interaction: &Interaction, ask: Ask) -> Value {
    let stranger = misplaced(door, interaction);
    // A form can only be opened by the first answer, so it must not wait for anything.
    if interaction.kind != FORM
        && stranger.is_none()
        && let Some(form) = form(door, &ask).await
    {
        return form;
    }
    let (desk, way) = (door.desk.clone(), way_back(door, interaction));
    let work = async move {
        match stranger {
            Some(stranger) => desk.turn_away(&ask, &stranger).await,
            None => desk.ask(&ask).await,
        }
    };
    let late = move |answer: Answer| async move { way.keep_promise(&answer).await };
    match in_time(door.patience, work, late).await {
        // The card itself tells what came of a button or of the form that it opened.
        Some(Answer::Done(_)) if interaction.message.is_some() && !interaction.is_from_private() => reply::heard(),
        // No form opens out of a form.
        Some(Answer::Form(form)) if interaction.kind == FORM => reply::private(&reply::message(&Answer::Form(form))),
        Some(answer) => reply::answer(&answer),
        None => reply::promise(),
    }
}

async fn form(door: &Arc<Door>, ask: &Ask) -> Option<Value> {
    // This and what follows must fit into Discord's three seconds.
    let form = timeout(door.patience / 4, door.desk.form(ask)).await.ok().flatten()?;
    Some(reply::answer(&Answer::Form(Box::new(form))))
}

fn way_back(door: &Door, interaction: &Interaction) -> Way {
    Way { hooks: door.hooks.clone(), token: Secret::new(interaction.token.clone()) }
}
