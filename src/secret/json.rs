//! Texts inside a JSON document, hidden before the document is stored.

use super::hide::{hide, hide_known};
use serde_json::Value;

/// Hides every text in it. Under keys that hold words of people and servers, what looks like a credential goes as well;
/// elsewhere stand names, and a project may well be called like the beginning of a token.
pub fn hide_in(value: &mut Value, holds_words: fn(&str) -> bool) {
    walk(value, false, holds_words);
}

fn walk(value: &mut Value, words: bool, holds_words: fn(&str) -> bool) {
    match value {
        Value::String(text) => {
            let hidden = if words { hide(text) } else { hide_known(text) };
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
