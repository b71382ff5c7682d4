//! The card as one message. Discord refuses a message whole if one limit is passed, so every part is cut to fit with
//! room to spare: 2,000 characters of content, 6,000 of an embed, 1,024 of a field, 100 of a button's id.

use super::markdown::{block, escape, link, mention, mention_role, moment, value};
use super::message::{Message, Pings};
use crate::rotation::phase::Outcome;
use crate::rotation::record::Audience;
use crate::rotation::view::{Action, Card, Field, Step, text};
use crate::rotation::wish::{Decision, Wish};
use serenity::all::ButtonStyle;
use serenity::builder::{CreateButton, CreateEmbed, CreateEmbedFooter};

/// What one field may take.
const FIELD: usize = 120;
/// What the steps may take; with all other parts at their longest the embed stays below 5,600 characters.
const STEPS: usize = 1_600;
/// What one group of steps may take.
const GROUP: usize = 900;
/// What the words of an announcement may take, and the log below them.
const WORDS: usize = 700;
const LOG: usize = 400;
/// Most people who are mentioned by one message.
const MENTIONED: usize = 10;
/// Groups of other services that are named at most.
const ELSEWHERE: usize = 3;

/// What the id of a button begins with that asks whether it is really meant; then follows the id of the yes.
pub const ASKS: &str = "ask:";

/// Colours only repeat what symbol and word say.
const YELLOW: u32 = 0x00F0_B232;
const BLUE: u32 = 0x0058_65F2;
const GREEN: u32 = 0x0023_A55A;
const RED: u32 = 0x00F2_3F43;
const GREY: u32 = 0x0080_848E;

/// One who may decide, as Discord can name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decider {
    /// A user, by id.
    User(String),
    /// Everybody with a role, by its id.
    Role(String),
    /// A group of another service, in words; nobody is notified.
    Elsewhere(String),
}

/// The card. `deciders` are those who may act; they are named while they must.
pub fn message(card: &Card, deciders: &[Decider]) -> Message {
    let mut content = format!("**{}.** {}", escape(&card.title, 200), status_words(card));
    let asked: &[Decider] = if card.actions.is_empty() { &[] } else { deciders };
    let (mut named, pings) = mentions(asked);
    named.extend(asked.iter().filter_map(elsewhere).take(ELSEWHERE));
    if !named.is_empty() {
        content.push_str(&format!("\nWho decides: {}", named.join(" ")));
    }
    Message { content, embed: Some(embed(card)), buttons: buttons(card), pings, answers: None }
}

/// What stays where the card stood before cards went to another channel.
pub fn moved(card: &Card, channel: &str, url: Option<&str>) -> Message {
    let there = url.map_or_else(|| format!("<#{channel}>"), |url| link("another channel", url));
    let title = escape(&card.title, 200);
    Message::words(format!("{title}: continues in {there}.\n-# {}", mark_of_card(card)))
}

/// The card, found again as the one that took the place of that message.
pub fn in_place_of(message: &Message, card: &Card, other: &str) -> Message {
    let small = format!("{} · Plan {}", mark_of_card_for(card, other), card.plan.short());
    let embed = message.embed.clone().map(|embed| embed.footer(CreateEmbedFooter::new(small)));
    Message { embed, ..message.clone() }
}

/// An announcement as a reply: the words, whom it is for, and of what has just failed the end of the log. Its last line is
/// by what it is found again. `asked` are mentioned, unless it is for whoever follows the card.
pub fn announcement(card: &Card, index: usize, asked: &[Decider]) -> Option<Message> {
    let told = card.announcements.get(index)?;
    let (mentions, pings) = mentions(if told.to == Audience::Followers { &[] } else { asked });
    let words = escape(&told.text, WORDS);
    let mut lines = vec![if mentions.is_empty() { words } else { format!("{} {words}", mentions.join(" ")) }];
    if let Some(why) = card.told_with(index) {
        lines.extend(why.link.as_deref().map(|url| link("Look at the job", url)));
        lines.extend(why.log.as_deref().map(|log| block(log, LOG)));
    }
    lines.push(format!("-# {}", mark_of_announcement(card, index)));
    Some(Message { content: lines.join("\n"), pings, ..Message::default() })
}

/// By what a card is known among our own messages: it stands in the footer, where nothing foreign is.
pub fn mark_of_card(card: &Card) -> String {
    format!("Rotation {}", card.rotation)
}

/// By what a card is known that took the place of another message.
pub fn mark_of_card_for(card: &Card, other: &str) -> String {
    format!("{} · in place of {other}", mark_of_card(card))
}

/// By what an announcement is known.
pub fn mark_of_announcement(card: &Card, index: usize) -> String {
    format!("{} · {}", card.rotation, index + 1)
}

fn status_words(card: &Card) -> String {
    format!("{}. {}", card.status.word, escape(&card.status.sentence, 900))
}

/// Mentions that fit, and whom they ping.
fn mentions(deciders: &[Decider]) -> (Vec<String>, Pings) {
    let (mut words, mut pings) = (Vec::new(), Pings::default());
    for decider in deciders.iter().take(MENTIONED) {
        let (list, id, mention) = match decider {
            Decider::User(id) => (&mut pings.users, id, mention(id)),
            Decider::Role(id) => (&mut pings.roles, id, mention_role(id)),
            Decider::Elsewhere(_) => continue,
        };
        words.extend(mention.inspect(|_| list.push(id.clone())));
    }
    (words, pings)
}

fn elsewhere(decider: &Decider) -> Option<String> {
    match decider {
        Decider::Elsewhere(words) => Some(escape(words, 100)),
        Decider::User(_) | Decider::Role(_) => None,
    }
}

fn embed(card: &Card) -> CreateEmbed {
    let mut embed = CreateEmbed::new()
        .title(format!("{} {}", card.status.symbol, card.status.word))
        .colour(colour(card))
        .footer(CreateEmbedFooter::new(format!("{} · Plan {}", mark_of_card(card), card.plan.short())));
    if let Some(words) = description(card) {
        embed = embed.description(words);
    }
    if card.outcome.is_none() {
        embed = embed.fields(card.fields.iter().take(15).map(field));
    }
    for (number, group) in groups(&card.steps).into_iter().enumerate() {
        embed = embed.field(if number == 0 { "Steps" } else { "Steps, continued" }, group, false);
    }
    embed
}

fn colour(card: &Card) -> u32 {
    match card.outcome {
        Some(Outcome::Done | Outcome::Superseded) => GREEN,
        Some(Outcome::Declined | Outcome::Abandoned | Outcome::Withdrawn) => GREY,
        None if card.stuck.is_some() || !card.blockers.is_empty() => RED,
        None if card.actions.contains(&Action::Decline) => YELLOW,
        None => BLUE,
    }
}

/// Why nothing moves; what an approver weighs, while it is to be weighed; where the issue is.
fn description(card: &Card) -> Option<String> {
    let mut lines = Vec::new();
    if let Some(waiting) = &card.waiting {
        lines.push(format!("⏸️ Nothing moves since {}: {}", moment(waiting.since), escape(&waiting.why, 300)));
    }
    if card.actions.contains(&Action::Decline) {
        lines.extend(card.reasons.iter().map(|reason| format!("Why: {}", escape(reason, 300))));
        lines.extend(card.warnings.iter().map(|warning| format!("⚠️ {}", escape(warning, 300))));
        lines.push(format!("🛟 {}", escape(&card.safety, 300)));
    }
    let issue = card.links.iter().find(|(name, _)| name == "issue").map(|(_, url)| link("Issue", url));
    let words = text::within(&lines, "\n", 1_200, 1, text::length);
    let parts: Vec<String> = [Some(words).filter(|words| !words.is_empty()), issue].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

fn field(field: &Field) -> (&'static str, String, bool) {
    (field.label, value(&field.value, FIELD), true)
}

/// The steps in as many fields as they need.
fn groups(steps: &[Step]) -> Vec<String> {
    let line = |step: &Step| format!("{} {}", step.progress.symbol(), escape(&step.text, 200));
    let lines: Vec<String> = steps.iter().map(line).collect();
    let mut groups: Vec<String> = Vec::new();
    for line in text::within(&lines, "\n", STEPS, 5, text::length).lines() {
        match groups.last_mut() {
            Some(group) if text::length(group) + text::length(line) < GROUP => {
                group.push('\n');
                group.push_str(line);
            }
            _ => groups.push(line.to_owned()),
        }
    }
    groups
}

/// While it goes on; each id binds the click to the plan that was seen.
fn buttons(card: &Card) -> Vec<CreateButton> {
    if card.actions.is_empty() {
        return Vec::new();
    }
    let rotation = card.rotation.0.clone();
    let details = offer("Details", &Wish::Details { rotation }, ButtonStyle::Secondary);
    card.actions.iter().filter_map(|action| button(card, *action)).chain(details).collect()
}

fn button(card: &Card, action: Action) -> Option<CreateButton> {
    let (rotation, plan) = (card.rotation.0.clone(), Some(card.plan.0.clone()));
    let wish =
        Wish::Decide(Decision { action, rotation, plan, snooze_seconds: None, reason: None, stop: Some(card.stop) });
    let button = offer(action.label(), &wish, style(card, action))?;
    // What is asked for twice is asked by a button that only asks.
    Some(if card.question(action).is_some() { button.custom_id(format!("{ASKS}{}", wish.to_id()?)) } else { button })
}

/// A button that asks for something; there is none for a wish that has no id.
pub fn offer(label: &str, wish: &Wish, style: ButtonStyle) -> Option<CreateButton> {
    Some(CreateButton::new(wish.to_id()?).label(text::cut(&text::line(label), 80)).style(style))
}

/// One primary, one destructive. Of an incident the yes destroys, and the no is harmless.
fn style(card: &Card, action: Action) -> ButtonStyle {
    match action {
        Action::Approve if card.incident => ButtonStyle::Danger,
        Action::Decline if card.incident => ButtonStyle::Secondary,
        Action::Approve => ButtonStyle::Success,
        Action::Retry => ButtonStyle::Primary,
        Action::Decline | Action::Abandon => ButtonStyle::Danger,
        Action::Snooze | Action::Restore => ButtonStyle::Secondary,
    }
}
