//! An answer of the desk as an answer to an interaction.

use crate::chat::ChatError;
use crate::chat::discord::hooks::{EPHEMERAL, Hooks};
use crate::chat::discord::inbound::BUTTON;
use crate::chat::discord::markdown::cut;
use crate::chat::discord::{Message, message as card_message, offer, prose};
use crate::engine::desk::words::{NOTED, OPEN, outline};
use crate::engine::desk::{Answer, Choice, Field, Form, WayBack};
use crate::rotation::view::Action;
use crate::rotation::view::prose::Prose;
use crate::rotation::view::signs::LEAKED;
use crate::rotation::wish::Wish;
use crate::secret::Secret;
use async_trait::async_trait;
use serde_json::{Value, json};
use serenity::all::ButtonStyle;
use std::time::Duration;

/// A way back is open only once Discord has our first answer, which may still be on its way: the pauses between tries.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_millis(750), Duration::from_secs(2), Duration::from_secs(5)];

/// The way back to one person: the token that came with what they did. A bearer secret, kept in memory only.
pub struct Way {
    pub(super) hooks: Hooks,
    pub(super) token: Secret,
}

impl Way {
    /// Gives the answer that was promised with "thinking".
    pub async fn keep_promise(&self, answer: &Answer) {
        self.insist(&message(answer), true).await;
    }

    /// A press that was committed late: what was private to the person loses its buttons only now.
    pub async fn take_note(&self) {
        self.insist(&Message::words(NOTED.into()), true).await;
    }

    /// Says it as long as it might still be heard; a failure is logged, since nobody could be told of it.
    async fn insist(&self, message: &Message, promised: bool) {
        let mut pauses = PAUSES.iter();
        loop {
            let said = match promised {
                true => self.hooks.keep_promise(&self.token, message).await,
                false => self.hooks.follow_up(&self.token, message).await,
            };
            match (said, pauses.next()) {
                (Ok(()), _) => return,
                (Err(ChatError::Gone { .. }), Some(pause)) => tokio::time::sleep(*pause).await,
                (Err(error), _) => {
                    tracing::warn!(%error, "an answer could not be shown to the person who asked");
                    return;
                }
            }
        }
    }
}

#[async_trait]
impl WayBack for Way {
    async fn tell(&self, answer: Answer) {
        self.insist(&message(&answer), false).await;
    }
}

/// Yes, we are there.
pub fn pong() -> Value {
    json!({"type": 1})
}

/// Heard; the message stays as it is.
pub fn heard() -> Value {
    json!({"type": 6})
}

/// Heard, and what was private to the person loses its buttons.
pub fn noted() -> Value {
    json!({"type": 7, "data": Message::words(NOTED.into()).body()})
}

/// "Thinking", until [`Way::keep_promise`].
pub fn promise() -> Value {
    json!({"type": 5, "data": {"flags": EPHEMERAL}})
}

/// What may be filled in.
pub fn choices(choices: &[Choice]) -> Value {
    let choices: Vec<Value> =
        choices.iter().map(|choice| json!({"name": choice.label, "value": choice.value})).collect();
    json!({"type": 8, "data": {"choices": choices}})
}

/// The answer at once: a form, or words for this person alone.
pub fn answer(answer: &Answer) -> Value {
    match answer {
        Answer::Form(form) => modal(form),
        other => private(&message(other)),
    }
}

/// Words for one person, at once.
pub fn private(message: &Message) -> Value {
    let mut data = message.body();
    data["flags"] = EPHEMERAL.into();
    json!({"type": 4, "data": data})
}

/// The message that says it.
pub fn message(answer: &Answer) -> Message {
    match answer {
        Answer::Card(card) => card_message(card, &[]),
        Answer::Offer { prose, label, wish } => {
            let style = if matches!(wish, Wish::Decide(_)) { ButtonStyle::Danger } else { ButtonStyle::Primary };
            with_button(words(prose), label, wish, style)
        }
        Answer::Wrong { why, again, .. } => {
            with_button(words(&Prose::words(why.clone())), "Try again", again, ButtonStyle::Primary)
        }
        // Where none can be opened, its button opens one.
        Answer::Form(form) => with_button(words(&form.intro), OPEN, &form.wish, ButtonStyle::Primary),
        other => words(&outline(other)),
    }
}

fn words(words: &Prose) -> Message {
    Message::words(prose::prose(words))
}

fn with_button(message: Message, label: &str, wish: &Wish, style: ButtonStyle) -> Message {
    Message { buttons: offer(label, wish, style).into_iter().collect(), ..message }
}

/// Whether it is really meant, and the button that says so.
pub fn question(action: Action, wish: &Wish) -> Option<Value> {
    // Only the card of an incident asks before it approves.
    let of_incident = (action == Action::Approve).then_some(LEAKED);
    let (question, yes) = action.question().or(of_incident)?;
    let asked = Message::words(question.to_owned());
    Some(private(&with_button(asked, yes, wish, ButtonStyle::Danger)))
}

/// What is said when a click could not be committed.
pub fn not_remembered() -> Answer {
    Answer::Private(Prose::words("rekey could not remember this click, so nothing happened. Please press it again."))
}

/// A repeat of what was answered already.
pub fn repeated(kind: u64) -> Value {
    match kind {
        BUTTON => heard(),
        _ => private(&Message::words("I have heard this already.".into())),
    }
}

/// What is said about something that was heard too late.
pub fn heard_late(seconds: i64) -> Prose {
    Prose::words(format!(
        "What you did in the server reached me {seconds} seconds late, so I left it alone: the connection was broken, or my \
         clock is wrong. Please do it again if it is still needed."
    ))
}

/// A form: words, then a field under each label.
fn modal(form: &Form) -> Value {
    let intro = json!({"type": 10, "content": prose::prose(&form.intro)});
    let fields = form.fields.iter().map(|field| field_of(*field));
    let components: Vec<Value> = std::iter::once(intro).chain(fields).collect();
    let id = form.wish.to_id().unwrap_or_default();
    json!({"type": 9, "data": {"custom_id": id, "title": cut(form.title, 45), "components": components}})
}

fn field_of(field: Field) -> Value {
    let (least, most) = field.length();
    let style = match field {
        Field::Code => 1,
        Field::Reason | Field::Because => 2,
    };
    json!({
        "type": 18,
        "label": cut(field.label(), 45),
        "component": {
            "type": 4, "custom_id": field.id(), "style": style, "required": true,
            "placeholder": cut(field.hint(), 100), "min_length": least, "max_length": most,
        },
    })
}
