//! The pieces of Block Kit that we use, each cut to its limit: Slack refuses a message whole if one is passed.

use crate::rotation::view::text;
use serde_json::{Value, json};

/// Longest text of a section.
pub const SECTION: usize = 3_000;

/// A heading.
pub fn header(title: &str) -> Value {
    json!({"type": "header", "text": plain(title, 150)})
}

/// Text in Slack's markup.
pub fn section(markup: &str) -> Value {
    json!({"type": "section", "text": mrkdwn(markup)})
}

/// Text in Slack's markup with a button beside it.
pub fn section_with(markup: &str, button: Value) -> Value {
    json!({"type": "section", "text": mrkdwn(markup), "accessory": button})
}

/// Small print in Slack's markup.
pub fn context(markup: &str) -> Value {
    json!({"type": "context", "elements": [mrkdwn(markup)]})
}

/// A row of buttons.
pub fn actions(block_id: &str, buttons: Vec<Value>) -> Value {
    json!({"type": "actions", "block_id": text::cut(block_id, 255), "elements": buttons})
}

/// A button: its name, the words on it, what it means, and the words that a screen reader adds.
pub fn button(action_id: &str, label: &str, value: &str, spoken: &str) -> Value {
    json!({
        "type": "button",
        "action_id": text::cut(action_id, 255),
        "text": plain(label, 75),
        "value": value,
        "accessibility_label": text::cut(&text::line(spoken), 75),
    })
}

/// A question before a button counts. Slack makes the yes green unless told otherwise.
pub fn confirm(title: &str, question: &str, yes: &str, danger: bool) -> Value {
    json!({
        "style": if danger { "danger" } else { "primary" },
        "title": plain(title, 100),
        "text": plain(question, 300),
        "confirm": plain(yes, 30),
        "deny": plain("Go back", 30),
    })
}

/// Words in which nothing is markup.
pub fn plain(words: &str, most: usize) -> Value {
    json!({"type": "plain_text", "text": text::cut(&text::line(words), most), "emoji": false})
}

/// Text in Slack's markup, with nothing turned into links or mentions that is not written as one.
pub fn mrkdwn(markup: &str) -> Value {
    json!({"type": "mrkdwn", "text": markup, "verbatim": true})
}
