//! Texts inside a JSON document, hidden before the document is stored.

use super::hide::{hide, hide_in_name};
use serde_json::Value;

/// Hides every text in it. Under keys that hold words of people and servers goes whatever [`hide`] finds; elsewhere stand
/// names and dates, of which only what is known and made at random goes: a project may well be called like the beginning
/// of a token, or like somebody's password.
pub fn hide_in(value: &mut Value, holds_words: fn(&str) -> bool) {
    walk(value, false, holds_words);
}

fn walk(value: &mut Value, words: bool, holds_words: fn(&str) -> bool) {
    match value {
        Value::String(text) => {
            let hidden = if words { hide(text) } else { hide_in_name(text) };
            if hidden != *text {
                *text = hidden;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, words, holds_words)),
        Value::Object(fields) => {
            fields.iter_mut().for_each(|(key, value)| walk(value, words || holds_words(key), holds_words));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
