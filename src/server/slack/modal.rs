//! Forms and private pages as Slack's modals. What a form is for stands in its metadata, as our buttons carry it.

use super::reply;
use crate::chat::ChatError;
use crate::chat::slack::inbound::View;
use crate::chat::slack::mrkdwn::link;
use crate::chat::slack::parts::{self, plain, section};
use crate::chat::slack::{message, prose};
use crate::engine::desk::{Answer, Field, Form};
use crate::rotation::view::Card;
use crate::rotation::view::prose::Prose;
use crate::rotation::wish::Wish;
use serde_json::{Value, json};

/// By which our own forms are known.
const FORM: &str = "rekey.form";

/// Longest title and words on a button.
const TITLE: usize = 24;

/// A form to fill in.
pub fn form(form: &Form) -> Value {
    let mut blocks = vec![section(&prose::prose(&form.intro))];
    blocks.extend(form.fields.iter().enumerate().map(|(index, field)| input(*field, index == 0)));
    let mut view = modal(form.title, blocks);
    asks(&mut view, form.submit, &form.wish);
    view["close"] = plain("Cancel", TITLE);
    view
}

/// What one of our own forms asks for.
pub fn wish_of(view: &View) -> Option<Wish> {
    (view.callback_id == FORM).then(|| Wish::from_id(&view.private_metadata)).flatten()
}

/// While the answer is not known.
pub fn loading() -> Value {
    modal("rekey", vec![section("One moment …")])
}

/// An answer as a page.
pub fn said(answer: &Answer) -> Value {
    match answer {
        Answer::Card(card) => page(card),
        Answer::Form(next) => form(next),
        Answer::Offer { prose, label, wish } => {
            let mut view = modal("rekey", words(prose));
            asks(&mut view, label, wish);
            view["close"] = plain("Cancel", TITLE);
            view
        }
        other => modal("rekey", vec![section(&reply::message(other).text)]),
    }
}

/// What is said where a form could not be opened.
pub fn not_opened(error: &ChatError) -> Answer {
    tracing::warn!(%error, "a form could not be opened");
    Answer::Private(Prose::words("Slack did not open the form, so nothing happened. Please try again."))
}

fn words(words: &Prose) -> Vec<Value> {
    vec![section(&prose::prose(words))]
}

/// The card, and the way to the one message that has its buttons.
fn page(card: &Card) -> Value {
    let mut blocks = message(card, &[]).blocks;
    if let Some((_, url)) = card.links.iter().find(|(name, _)| name == "slack") {
        blocks.push(section(&link("Decide where everybody sees it", url)));
    }
    modal("Rotation", blocks)
}

fn modal(title: &str, blocks: Vec<Value>) -> Value {
    json!({"type": "modal", "title": plain(title, TITLE), "close": plain("Close", TITLE), "blocks": blocks})
}

fn asks(view: &mut Value, submit: &str, wish: &Wish) {
    view["callback_id"] = FORM.into();
    view["submit"] = plain(submit, TITLE);
    view["private_metadata"] = wish.to_id().unwrap_or_default().into();
}

fn input(field: Field, first: bool) -> Value {
    let (least, most) = field.length();
    json!({
        "type": "input",
        "block_id": field.id(),
        "label": parts::plain(field.label(), 2_000),
        "element": {
            "type": "plain_text_input",
            "action_id": "typed",
            "min_length": least,
            "max_length": most,
            "multiline": field != Field::Code,
            "focus_on_load": first,
            "placeholder": parts::plain(field.hint(), 150),
        },
    })
}
