//! The way back that Slack gives with each command and click: five answers within half an hour, to the sender alone.

use super::refusal::{refusal, way_back_failed};
use crate::chat::ChatError;
use crate::chat::slack::Message;
use crate::http::{Api, Call};
use crate::secret::Secret;
use serde_json::{Value, json};
use std::sync::Arc;

/// Addresses to answer to. They are secrets that expire.
#[derive(Clone)]
pub struct Hooks {
    api: Arc<Api>,
    base: String,
}

impl Hooks {
    /// Addresses below `base` (`https://hooks.slack.com`) are believed, no others. `api` has the same base and no
    /// credential.
    pub fn new(api: Api, base: &str) -> Self {
        Self { api: Arc::new(api), base: format!("{}/", base.trim_end_matches('/')) }
    }

    /// Shows a message to the person who typed or clicked, and to nobody else. A repeat shows it again.
    pub async fn respond(&self, response_url: &str, message: &Message) -> Result<(), ChatError> {
        self.send(response_url, message, false).await
    }

    /// Puts a message in the place of the private one whose button was pressed. May be repeated.
    pub async fn replace(&self, response_url: &str, message: &Message) -> Result<(), ChatError> {
        self.send(response_url, message, true).await
    }

    async fn send(&self, response_url: &str, message: &Message, replace: bool) -> Result<(), ChatError> {
        let Some(path) = response_url.strip_prefix(&self.base) else {
            return Err(refusal("the address to answer to is not one of Slack's"));
        };
        let path = format!("/{path}");
        let body = body(message, replace);
        let address = Secret::new(path.clone());
        // Slack counts for each address apart; the name of the bucket must not tell the address.
        let call = Call::post(path).json(&body).bucket(address.digest().0);
        self.api.call(&call).await.map(|_| ()).map_err(|error| way_back_failed(&error))
    }
}

/// What is sent to such an address.
pub fn body(message: &Message, replace: bool) -> Value {
    let mut body = json!({"response_type": "ephemeral", "replace_original": replace, "text": message.text});
    if !message.blocks.is_empty() {
        body["blocks"] = message.blocks.clone().into();
    }
    body
}
