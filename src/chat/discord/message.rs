//! A message as Discord takes it. Legacy parts (text, one embed, rows of buttons): the newer kind of components can
//! never be taken back from a message and shows no text in notifications.

use serde_json::{Value, json};
use serenity::builder::{CreateActionRow, CreateButton, CreateEmbed};

/// Buttons in one row.
const ROW: usize = 5;

/// Characters of a message in words alone, with room for its small print.
const LONGEST_WORDS: usize = 1_700;

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Who is notified, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pings {
    /// Users.
    pub users: Vec<String>,
    /// Everybody with one of these roles.
    pub roles: Vec<String>,
}

/// What is sent: everybody sees `content`, notifications and screen readers first of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// Markdown, at most 2,000 characters.
    pub content: String,
    /// What stands below it.
    pub embed: Option<CreateEmbed>,
    /// At most 25.
    pub buttons: Vec<CreateButton>,
    /// Who is notified by a mention in `content`; a mention of anybody else is only shown.
    pub pings: Pings,
    /// Id of the message that it answers, in the same channel.
    pub answers: Option<String>,
}

impl Message {
    /// Words alone.
    pub fn words(content: String) -> Self {
        Self { content, ..Self::default() }
    }

    /// The same in words alone, for a Discord that does not take the rest: its small print stays the last line, by which
    /// it is found again.
    pub fn plain(&self) -> Self {
        let embed = serde_json::to_value(self.embed.as_ref()).unwrap_or_default();
        let fields = embed["fields"].as_array().into_iter().flatten();
        let fields = fields.map(|field| format!("{}: {}", text_of(&field["name"]), text_of(&field["value"])));
        let head = [self.content.clone(), text_of(&embed["title"]), text_of(&embed["description"])].into_iter();
        let decide = (!self.buttons.is_empty()).then(|| "Decide with `/rekey`: it lists what can be said.".to_owned());
        let lines = head.chain(fields).chain(decide).filter(|line| !line.is_empty());
        let mut content: String = lines.collect::<Vec<_>>().join("\n").chars().take(LONGEST_WORDS).collect();
        if let Some(small) = embed["footer"]["text"].as_str() {
            content.push_str(&format!("\n-# {small}"));
        }
        Self { content, pings: self.pings.clone(), answers: self.answers.clone(), ..Self::default() }
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
            "allowed_mentions": {"parse": [], "users": self.pings.users, "roles": self.pings.roles},
        });
        if let Some(message) = &self.answers {
            body["message_reference"] = json!({"message_id": message});
        }
        body
    }
}
