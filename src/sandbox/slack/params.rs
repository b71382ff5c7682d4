//! Arguments of a method: from the query, a form or JSON, as Slack takes them.

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

/// What a method was called with.
pub(super) struct Params(Map<String, Value>);

impl Params {
    /// `None` if the body is not what its content type says.
    pub fn read(query: &str, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let mut all = form(query.as_bytes());
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/json") && !body.is_empty() {
            match serde_json::from_slice(body).ok()? {
                Value::Object(fields) => all.extend(fields),
                _ => return None,
            }
        } else {
            all.extend(form(body));
        }
        Some(Self(all))
    }

    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn flag(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Value::Bool(true))) || matches!(self.text(name), "true" | "1")
    }

    pub fn number(&self, name: &str) -> Option<usize> {
        match self.0.get(name)? {
            Value::Number(number) => number.as_u64().and_then(|number| usize::try_from(number).ok()),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// JSON, which a form carries as text.
    pub fn json(&self, name: &str) -> Option<Value> {
        match self.0.get(name)? {
            Value::String(text) => serde_json::from_str(text).ok(),
            value => Some(value.clone()),
        }
    }
}

fn form(bytes: &[u8]) -> Map<String, Value> {
    form_urlencoded::parse(bytes).map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect()
}
