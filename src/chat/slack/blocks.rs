//! The card as Block Kit. Slack refuses a message whole if one limit is passed, so every part is cut to fit:
//! 50 blocks, 3000 characters a section, 2000 a field, and (undocumented) about 13,000 in all.

use super::mrkdwn::{block, escape_within, link, moment, value};
use super::parts::{self, header, mrkdwn, section};
use crate::rotation::record::Audience;
use crate::rotation::view::{Action, Card, Field, Step, text};
use crate::rotation::wish::{Decision, Wish};
use serde_json::{Value as Json, json};

/// What the steps may take; with all other parts at their longest a message stays below 10,000 characters.
const STEPS: usize = 2_200;

/// More than a card has.
const MOST_FIELDS: usize = 20;

/// What one field may take.
const FIELD: usize = 150;

/// What a person sees of a message: blocks, and one sentence for notifications and screen readers.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Slack reads this aloud.
    pub text: String,
    /// Block Kit.
    pub blocks: Vec<Json>,
}

/// The card. `deciders` are mentions of the people who may act, shown while they must.
pub fn message(card: &Card, deciders: &[String]) -> Message {
    let mut blocks = vec![header(&card.title), section(&headline(card, deciders))];
    if card.outcome.is_none() {
        blocks.extend(card.fields[..card.fields.len().min(MOST_FIELDS)].chunks(10).map(fields));
        blocks.extend(plan_words(card).map(|words| section(&words)));
    }
    blocks.push(section(&steps(&card.steps)));
    blocks.extend(buttons(card));
    blocks.push(small_print(card));
    Message { text: escape_within(&card.sentence(), 1_000), blocks }
}

/// What stays where the card stood before cards went to another channel.
pub fn moved(card: &Card, channel: &str, url: Option<&str>) -> Message {
    let there = url.map_or_else(|| format!("<#{channel}>"), |url| link("another channel", url));
    let text = format!("{}: continues in {there}.", escape_within(&card.title, 200));
    Message { blocks: vec![section(&text)], text }
}

/// An announcement as a reply: the words, whom it is for, and of what has just failed the end of the log.
pub fn announcement(card: &Card, index: usize, mentions: &[String]) -> Option<Message> {
    let told = card.announcements.get(index)?;
    let words = escape_within(&told.text, 2_000);
    let quiet = told.to == Audience::Followers || mentions.is_empty();
    let text = if quiet { words } else { format!("{} {words}", text::within(mentions, " ", 400, 0, text::characters)) };
    let mut blocks = vec![section(&text)];
    if let Some(why) = card.told_with(index) {
        blocks.extend(why.link.as_deref().map(|url| section(&link("Look at the job", url))));
        blocks.extend(why.log.as_deref().map(|log| section(&block(log, 2_000))));
    }
    Some(Message { text, blocks })
}

fn headline(card: &Card, deciders: &[String]) -> String {
    let status = &card.status;
    let mut lines = vec![format!("{} *{}*", status.symbol, status.word), escape_within(&status.sentence, 900)];
    if let Some(waiting) = &card.waiting {
        lines.push(format!("⏸️ Nothing moves since {}: {}", moment(waiting.since), escape_within(&waiting.why, 300)));
    }
    if !card.actions.is_empty() && !deciders.is_empty() {
        lines.push(format!("Who decides: {}", text::within(deciders, " ", 400, 0, text::characters)));
    }
    lines.join("\n")
}

/// Why it is done this way, what to know, what stays safe: what an approver weighs. Later the steps tell more.
fn plan_words(card: &Card) -> Option<String> {
    if !card.actions.contains(&Action::Decline) {
        return None;
    }
    let reasons = card.reasons.iter().map(|reason| format!("Why: {}", escape_within(reason, 300)));
    let warnings = card.warnings.iter().map(|warning| format!("⚠️ {}", escape_within(warning, 300)));
    let safety = std::iter::once(format!("🛟 {}", escape_within(&card.safety, 300)));
    let lines: Vec<String> = reasons.chain(warnings).chain(safety).collect();
    Some(text::within(&lines, "\n", 1_500, 1, text::characters))
}

fn steps(steps: &[Step]) -> String {
    let lines: Vec<String> =
        steps.iter().map(|step| format!("{} {}", step.progress.symbol(), escape_within(&step.text, 200))).collect();
    text::within(&lines, "\n", STEPS, 5, text::characters)
}

fn fields(fields: &[Field]) -> Json {
    let one = |field: &Field| mrkdwn(&format!("*{}*\n{}", field.label, value(&field.value, FIELD)));
    json!({"type": "section", "fields": fields.iter().map(one).collect::<Vec<_>>()})
}

fn small_print(card: &Card) -> Json {
    let mut parts = vec![format!("Rotation {}", card.rotation), format!("Plan {}", card.plan.short())];
    parts.extend(card.links.iter().find(|(name, _)| name == "issue").map(|(_, url)| link("Issue", url)));
    parts::context(&parts.join(" · "))
}

/// What can be decided, and a look behind the card while it is not over.
fn buttons(card: &Card) -> Option<Json> {
    let details = Wish::Details { rotation: card.rotation.0.clone() };
    let mut buttons: Vec<Json> = card.actions.iter().map(|action| button(card, *action)).collect();
    if card.outcome.is_none() {
        let spoken = format!("Details: {}", card.title);
        buttons.push(parts::button("rekey.details", "Details", &details.to_id()?, &spoken));
    }
    let block_id = format!("rekey.{}.{}", card.rotation, card.revision);
    (!buttons.is_empty()).then(|| parts::actions(&block_id, buttons))
}

/// The value binds the click to the plan that was seen.
fn button(card: &Card, action: Action) -> Json {
    let (name, label) = (format!("rekey.{}", action.word()), action.label());
    let value = wish(card, action).to_id().unwrap_or_default();
    let mut button = parts::button(&name, label, &value, &format!("{label}: {}", card.title));
    let style = style(card, action);
    if let Some(style) = style {
        button["style"] = style.into();
    }
    if let Some((question, yes)) = card.question(action) {
        button["confirm"] = parts::confirm(label, &question, yes, style == Some("danger"));
    }
    button
}

fn wish(card: &Card, action: Action) -> Wish {
    let plan = Some(card.plan.0.clone());
    let stop = Some(card.stop);
    Wish::Decide(Decision { action, rotation: card.rotation.0.clone(), plan, snooze_seconds: None, reason: None, stop })
}

/// Of an incident the yes destroys, and the no is harmless.
fn style(card: &Card, action: Action) -> Option<&'static str> {
    match action {
        Action::Approve if card.incident => Some("danger"),
        Action::Decline if card.incident => None,
        Action::Approve | Action::Retry => Some("primary"),
        Action::Decline | Action::Abandon => Some("danger"),
        Action::Snooze | Action::Restore => None,
    }
}
