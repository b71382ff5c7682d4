//! Views: modals, which need the trigger of something that a person did within the last three seconds, and home tabs.

use super::{Client, method};
use crate::chat::ChatError;
use serde::Deserialize;
use serde_json::{Value, json};

/// A modal that is open at somebody's screen.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Opened {
    /// By which it is updated.
    pub id: String,
    /// Its version.
    #[serde(default)]
    pub hash: String,
}

/// What became of a home tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is shown; the hash names this version.
    Shown(String),
    /// Somebody showed a newer one meanwhile, and that stays.
    Overtaken,
}

#[derive(Deserialize)]
struct Answer {
    view: Opened,
}

impl Client {
    /// Opens a modal. The trigger holds three seconds and once, so this belongs into the handler of the click.
    pub async fn open_view(&self, trigger_id: &str, view: &Value) -> Result<Opened, ChatError> {
        let call = method::OPEN_VIEW.post().json(&json!({"trigger_id": trigger_id, "view": view}));
        let answer: Answer = self.ask(call).await?;
        Ok(answer.view)
    }

    /// Replaces what an open modal shows; if its version is known, only that version.
    pub async fn update_view(&self, opened: &Opened, view: &Value) -> Result<Opened, ChatError> {
        let mut body = json!({"view_id": opened.id, "view": view});
        if !opened.hash.is_empty() {
            body["hash"] = opened.hash.as_str().into();
        }
        let answer: Answer = self.ask(method::UPDATE_VIEW.post().json(&body)).await?;
        Ok(answer.view)
    }

    /// Shows a home tab to one person. With the hash of the version that it is to replace, a newer one is kept.
    pub async fn publish_home(&self, user: &str, view: &Value, replaces: Option<&str>) -> Result<Published, ChatError> {
        let mut body = json!({"user_id": user, "view": view});
        if let Some(hash) = replaces {
            body["hash"] = hash.into();
        }
        let answer = self.answer(method::PUBLISH_VIEW.post().json(&body)).await?;
        if answer["error"] == "hash_conflict" {
            return Ok(Published::Overtaken);
        }
        if answer["ok"] != true {
            return Err(self.heed(&answer));
        }
        Ok(Published::Shown(answer["view"]["hash"].as_str().unwrap_or_default().to_owned()))
    }
}
