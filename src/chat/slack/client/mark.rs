//! How a message of ours is known again. Slack has no idempotency keys, so every message carries metadata.

use serde::Deserialize;
use serde_json::{Value, json};

/// Who we are.
#[derive(Clone, Debug, Deserialize)]
pub struct Identity {
    /// The workspace.
    pub team_id: String,
    /// The organisation that the workspace belongs to.
    #[serde(default)]
    pub enterprise_id: Option<String>,
    /// Our user.
    pub user_id: String,
    /// Our bot, by which our own messages are known.
    #[serde(default)]
    pub bot_id: Option<String>,
}

/// A message as far as it matters for finding our own.
#[derive(Clone, Debug, Deserialize)]
pub struct Seen {
    /// Its name within the channel.
    pub ts: String,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    bot_id: Option<String>,
    #[serde(default)]
    metadata: Value,
}

/// What marks a message as ours: a kind and strings by which it is found again. Other apps can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The event type.
    pub kind: &'static str,
    /// Names and values, ids only.
    pub payload: Vec<(&'static str, String)>,
}

impl Mark {
    pub(super) fn json(&self) -> Value {
        let payload: serde_json::Map<String, Value> =
            self.payload.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
        json!({"event_type": self.kind, "event_payload": payload})
    }

    /// Slack gives numbers back as numbers if an app sent them so; both are understood.
    pub(super) fn is_on(&self, seen: &Seen) -> bool {
        seen.metadata["event_type"] == self.kind
            && self.payload.iter().all(|(name, value)| match &seen.metadata["event_payload"][*name] {
                Value::String(text) => text == value,
                Value::Number(number) => number.to_string() == *value,
                _ => false,
            })
    }
}

impl Seen {
    /// Anybody can put our marks on a message; only our own messages count.
    pub fn is_by(&self, who: &Identity) -> bool {
        self.user.as_deref() == Some(&who.user_id) || (who.bot_id.is_some() && self.bot_id == who.bot_id)
    }
}
