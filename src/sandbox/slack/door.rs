//! The ways to the bot, and why nothing came back.

use serde_json::Value;
use std::time::Duration;

/// Slack's patience.
pub(super) const DEADLINE: Duration = Duration::from_secs(3);

/// Which kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Commands,
    Interactions,
    Events,
}

impl Door {
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Commands => "slash_commands",
            Self::Interactions => "interactive",
            Self::Events => "events_api",
        }
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Commands => "/slack/commands",
            Self::Interactions => "/slack/interactions",
            Self::Events => "/slack/events",
        }
    }

    pub(super) fn body(self, payload: &Value) -> (&'static str, String) {
        let mut form = form_urlencoded::Serializer::new(String::new());
        match self {
            Self::Commands => {
                for (name, value) in payload.as_object().into_iter().flatten() {
                    form.append_pair(name, value.as_str().unwrap_or_default());
                }
            }
            Self::Interactions => drop(form.append_pair("payload", &payload.to_string())),
            Self::Events => return ("application/json", payload.to_string()),
        }
        ("application/x-www-form-urlencoded", form.finish())
    }
}

/// Why a click or a command had no answer, as the person would see it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The button is not there (any more).
    #[error("there is no button {0}")]
    NoButton(String),
    /// No form is open at this person's screen, or it cannot be sent as it is filled in.
    #[error("the form cannot be sent: {0}")]
    NoForm(String),
    /// No such person.
    #[error("there is nobody called {0}")]
    Nobody(String),
    /// The bot did not answer in time, or not with 200.
    #[error("the app did not respond: {0}")]
    Failed(String),
}
