//! Texts with blanks: `{{token}}` is the value, the others say whose it is. How the value is spelt depends on the text
//! around it.

use crate::rotation::store::Tag;
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The blank for the value.
pub const TOKEN: &str = "{{token}}";

const KNOWN: [&str; 4] = ["token", "rotation", "token_id", "expires_at"];

/// How what fills a blank is spelt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spelling {
    /// As it is.
    Plain,
    /// As in a JSON text, without its quotes.
    Json,
    /// As in a form.
    Form,
}

impl Spelling {
    /// How a body of that content type spells a value; `None`: that is not known.
    pub fn of(content_type: &str) -> Option<Self> {
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/x-www-form-urlencoded" => Some(Self::Form),
            "text/plain" => Some(Self::Plain),
            kind if kind == "application/json" || kind.ends_with("+json") => Some(Self::Json),
            _ => None,
        }
    }

    fn spell(self, text: &str) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Plain => text.to_owned(),
            Self::Form => form_urlencoded::byte_serialize(text.as_bytes()).collect(),
            Self::Json => {
                let quoted = Zeroizing::new(serde_json::Value::from(text).to_string());
                quoted[1..quoted.len() - 1].to_owned()
            }
        })
    }
}

/// The names of all blanks in the text that nobody knows how to fill.
pub fn unknown(text: &str) -> Vec<&str> {
    blanks(text).map(|(_, name, _)| name).filter(|name| !KNOWN.contains(name)).collect()
}

/// The text with every blank filled.
pub fn filled(text: &str, spelling: Spelling, value: &Secret, tag: &Tag) -> Secret {
    let value = spelling.spell(value.expose());
    let room = text.len() + text.matches(TOKEN).count() * value.len() + 64 * blanks(text).count();
    let (mut filled, mut done) = (String::with_capacity(room), 0);
    for (start, name, end) in blanks(text) {
        filled.push_str(&text[done..start]);
        match name {
            "token" => filled.push_str(&value),
            "rotation" => filled.push_str(&spelling.spell(&tag.rotation.0)),
            "token_id" => filled.push_str(&tag.token.to_string()),
            "expires_at" => filled.push_str(&tag.expires_at.map(|day| day.to_string()).unwrap_or_default()),
            _ => filled.push_str(&text[start..end]),
        }
        done = end;
    }
    filled.push_str(&text[done..]);
    Secret::new(filled)
}

/// Start, name and end of each blank.
fn blanks(text: &str) -> impl Iterator<Item = (usize, &str, usize)> {
    let starts = text.match_indices("{{").map(|(at, _)| at);
    starts.filter_map(|start| {
        let inner = &text[start + 2..];
        let length = inner.find("}}")?;
        let name = &inner[..length];
        // A JSON object in another one is no blank.
        let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !name.is_empty();
        is_name.then_some((start, name, start + 2 + length + 2))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::ids::{RotationId, TokenId};

    fn fill(text: &str, spelling: Spelling) -> String {
        let tag = Tag { rotation: RotationId("01r".into()), attempt: 1, token: TokenId(8), expires_at: None };
        filled(text, spelling, &Secret::new("a\"b&c d".into()), &tag).expose().to_owned()
    }

    #[test]
    fn a_value_is_spelt_as_the_text_around_it_wants() {
        assert_eq!(fill("{\"a\":{\"v\":\"{{token}}\"}}", Spelling::Json), "{\"a\":{\"v\":\"a\\\"b&c d\"}}");
        assert_eq!(fill("v={{token}}&id={{token_id}}", Spelling::Form), "v=a%22b%26c+d&id=8");
        assert_eq!(fill("Bearer {{token}} of {{rotation}}", Spelling::Plain), "Bearer a\"b&c d of 01r");
    }

    #[test]
    fn a_blank_that_nobody_can_fill_is_named() {
        assert_eq!(unknown("{{token}} {{tokn}} {{}} {\"a\":{\"b\":{}}}"), ["tokn"]);
    }
}
