//! `/rekey …`: the same decisions as the buttons, and a look at tokens, plans and rotations.

use super::{Answer, Door, Reply, in_time, words};
use crate::chat::slack::inbound::{self, Command};
use crate::chat::slack::message;
use crate::engine::decide::Click;
use crate::engine::{EngineError, OpenedRotation};
use crate::rotation::ids::PersonId;
use crate::rotation::record::Rotation;
use crate::rotation::view::{Action, card};
use std::sync::Arc;

/// What a person asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    Help,
    WhoAmI,
    List,
    Plan(String),
    Rotate(String),
    Status(Option<String>),
    Decide { action: Action, rotation: String, plan: Option<String>, snooze_seconds: Option<u64> },
    Unclear(String),
}

pub async fn answer(door: &Arc<Door>, command: Command) -> Answer {
    let (owned, back) = (door.clone(), (door.clone(), command.response_url.clone()));
    let name = command.command.clone();
    let work = async move { reply(&owned, &command).await };
    let late = move |reply: Reply| async move {
        let (door, address) = back;
        if let Err(error) = door.hooks.respond(&address, &reply.text).await {
            tracing::warn!(%error, "a late answer could not be shown");
        }
    };
    match in_time(door.patience, work, late).await {
        Some(reply) => Answer::private(&reply),
        None => Answer::private(&Reply::words(words::working(&name))),
    }
}

async fn reply(door: &Door, command: &Command) -> Reply {
    let user = inbound::User { id: command.user_id.clone(), ..inbound::User::default() };
    match door.person(&command.team_id, &user, &command.text).await {
        Ok(person) => {
            let wish = understand(&command.text);
            grant(door, wish, person, command).await.unwrap_or_else(|error| Reply::words(words::refusal(&error)))
        }
        Err(outsider) => Reply::words(words::outsider(outsider, &command.team_id, &command.user_id)),
    }
}

async fn grant(door: &Door, wish: Wish, person: PersonId, command: &Command) -> Result<Reply, EngineError> {
    let desk = &door.desk;
    Ok(match wish {
        Wish::Help => Reply::words(words::help()),
        Wish::Unclear(text) => Reply::words(text),
        Wish::WhoAmI => Reply::words(words::who(&person, &command.team_id, &command.user_id)),
        Wish::List => Reply::words(words::tokens(&desk.list().await?)),
        Wish::Plan(token) => Reply::words(words::plan(&desk.plan(&token).await?)),
        Wish::Rotate(token) => Reply::words(opened(&desk.rotate(&token, person).await?)),
        Wish::Status(None) => Reply::words(words::open(&desk.open().await?)),
        Wish::Status(Some(name)) => shown(&desk.show(&name).await?),
        Wish::Decide { action, rotation, plan, snooze_seconds } => {
            // A person types a beginning of the id or a token's name; the click needs the id itself.
            let rotation = desk.show(&rotation).await?.id;
            let (key, via) = (command.trigger_id.clone(), "slack".to_owned());
            let after = desk.click(Click { key, rotation, action, person, via, plan, snooze_seconds }).await?;
            Reply::words(words::standing(&after))
        }
    })
}

/// The card without buttons: those belong to the one message that is edited in place.
fn shown(rotation: &Rotation) -> Reply {
    let mut card = card(rotation);
    card.actions.clear();
    let message = message(&card, &[]);
    Reply { text: message.text, blocks: message.blocks }
}

fn opened(opened: &OpenedRotation) -> String {
    match opened {
        OpenedRotation::New(rotation) => format!("Opened. {}", words::standing(rotation)),
        OpenedRotation::Existing(rotation) => format!("There is one already. {}", words::standing(rotation)),
        OpenedRotation::NotDue(plan) => format!("Nothing to rotate yet. {}", words::plan(plan)),
    }
}

fn understand(text: &str) -> Wish {
    let mut parts = text.split_whitespace();
    let verb = parts.next().unwrap_or("help").to_ascii_lowercase();
    let (first, second) = (parts.next().map(str::to_owned), parts.next());
    match (verb.as_str(), first) {
        ("help", _) => Wish::Help,
        ("whoami", _) => Wish::WhoAmI,
        ("list", _) => Wish::List,
        ("status", rotation) => Wish::Status(rotation),
        ("plan", Some(token)) => Wish::Plan(token),
        ("rotate", Some(token)) => Wish::Rotate(token),
        (verb, Some(rotation)) if Action::from_word(verb).is_some() => decision(verb, rotation, second),
        (verb, _) => Wish::Unclear(words::usage(verb)),
    }
}

fn decision(verb: &str, rotation: String, extra: Option<&str>) -> Wish {
    let Some(action) = Action::from_word(verb) else { return Wish::Unclear(words::usage(verb)) };
    let snooze_seconds = match (action, extra) {
        (Action::Snooze, Some(text)) => match seconds(text) {
            Some(seconds) => Some(seconds),
            None => return Wish::Unclear(words::usage(verb)),
        },
        _ => None,
    };
    if action == Action::Approve && extra.is_none() {
        return Wish::Unclear(words::usage(verb));
    }
    let plan = extra.filter(|_| action != Action::Snooze).map(str::to_owned);
    Wish::Decide { action, rotation, plan, snooze_seconds }
}

/// `30m`, `12h`, `3d`, at most a year.
fn seconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit).filter(|seconds| (60..=366 * 86_400).contains(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_understood_whatever_their_case_and_spacing() {
        assert_eq!(understand("  LIST "), Wish::List);
        assert_eq!(understand(""), Wish::Help);
        assert_eq!(understand("status"), Wish::Status(None));
        assert_eq!(understand("rotate deploy-bot"), Wish::Rotate("deploy-bot".into()));
        let snooze =
            Wish::Decide { action: Action::Snooze, rotation: "r1".into(), plan: None, snooze_seconds: Some(10_800) };
        assert_eq!(understand("snooze r1 3h"), snooze);
    }

    #[test]
    fn a_typo_is_answered_with_the_nearest_command() {
        let Wish::Unclear(text) = understand("rotat deploy-bot") else { panic!() };
        assert!(text.contains("`/rekey rotate &lt;token&gt;`"), "{text}");
        let Wish::Unclear(text) = understand("approve r1") else { panic!() };
        assert!(text.contains("&lt;plan&gt;"), "{text}");
        assert!(matches!(understand("snooze r1 soon"), Wish::Unclear(_)));
        assert!(matches!(understand("<!channel>"), Wish::Unclear(text) if !text.contains("<!")));
    }

    #[test]
    fn durations_are_plain_and_bounded() {
        assert_eq!(seconds("2d"), Some(172_800));
        for wrong in ["", "d", "0d", "1w", "-1d", "9999999999d", "367d", "3é"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
