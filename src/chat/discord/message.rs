//! A message as Discord takes it. Legacy parts (text, one embed, rows of buttons): the newer kind of components can
//! never be taken back from a message and shows no text in notifications.

use serde_json::{Value, json};
use serenity::builder::{CreateActionRow, CreateButton, CreateEmbed};

/// Buttons in one row.
const ROW: usize = 5;

/// What is sent: everybody sees `content`, notifications and screen readers first of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// Markdown, at most 2,000 characters.
    pub content: String,
    /// What stands below it.
    pub embed: Option<CreateEmbed>,
    /// At most 25.
    pub buttons: Vec<CreateButton>,
    /// Ids of the users who are notified by a mention in `content`; a mention of anybody else is only shown.
    pub pings: Vec<String>,
    /// Id of the message that it answers, in the same channel.
    pub answers: Option<String>,
}

impl Message {
    /// Words alone.
    pub fn words(content: String) -> Self {
        Self { content, ..Self::default() }
    }

    /// The body of a request. Every part is named, because a part that an edit leaves out would stay as it was.
    pub fn body(&self) -> Value {
        let rows: Vec<CreateActionRow> =
            self.buttons.chunks(ROW).map(|row| CreateActionRow::Buttons(row.to_vec())).collect();
        let embeds: Vec<&CreateEmbed> = self.embed.iter().collect();
        let mut body = json!({
            "content": self.content,
            "embeds": embeds,
            "components": rows,
            "allowed_mentions": {"parse": [], "users": self.pings},
        });
        if let Some(message) = &self.answers {
            body["message_reference"] = json!({"message_id": message});
        }
        body
    }
}
