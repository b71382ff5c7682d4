//! What Slack sends us, read leniently: unknown fields, unknown types and absent teams are facts of life. Only what a
//! decision needs is read. The same structs come from the endpoints and from the socket.

mod typed;
mod view;

pub use typed::as_typed;
pub use view::{Typed, View};

use crate::chat::lenient::{object, or_default};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A slash command: a form at the endpoint, JSON on the socket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Command {
    /// The workspace of the person.
    #[serde(deserialize_with = "or_default")]
    pub team_id: String,
    /// The organisation of the workspace, if it belongs to one.
    #[serde(deserialize_with = "or_default")]
    pub enterprise_id: String,
    /// The person.
    #[serde(deserialize_with = "or_default")]
    pub user_id: String,
    /// Where it was typed.
    #[serde(deserialize_with = "or_default")]
    pub channel_id: String,
    /// The app that is meant.
    #[serde(deserialize_with = "or_default")]
    pub api_app_id: String,
    /// What follows the command's name.
    #[serde(deserialize_with = "or_default")]
    pub text: String,
    /// The command's name.
    #[serde(deserialize_with = "or_default")]
    pub command: String,
    /// Where to answer later. A secret.
    #[serde(deserialize_with = "or_default")]
    pub response_url: String,
    /// Unique per command.
    #[serde(deserialize_with = "or_default")]
    pub trigger_id: String,
}

/// Somebody who clicked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct User {
    /// The person.
    #[serde(deserialize_with = "or_default")]
    pub id: String,
    /// Their own workspace, in shared channels not ours.
    #[serde(deserialize_with = "or_default")]
    pub team_id: Option<String>,
    /// From another organisation.
    #[serde(deserialize_with = "or_default")]
    pub is_stranger: bool,
    /// A guest.
    #[serde(deserialize_with = "or_default")]
    pub is_restricted: bool,
    /// A guest of one channel.
    #[serde(deserialize_with = "or_default")]
    pub is_ultra_restricted: bool,
    /// Deactivated.
    #[serde(deserialize_with = "or_default")]
    pub deleted: bool,
}

impl User {
    /// Whether a workspace does not count them among its own people.
    pub fn is_guest(&self) -> bool {
        self.is_stranger || self.is_restricted || self.is_ultra_restricted || self.deleted
    }
}

/// Something with an id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Named {
    /// The id.
    #[serde(deserialize_with = "or_default")]
    pub id: String,
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Place {
    /// Its name within the channel.
    #[serde(deserialize_with = "or_default")]
    pub ts: String,
    /// The message that it replies to.
    #[serde(deserialize_with = "or_default")]
    pub thread_ts: String,
}

/// What a button is on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Container {
    /// Only one person sees it.
    #[serde(deserialize_with = "or_default")]
    pub is_ephemeral: bool,
}

/// One button that was pressed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Pressed {
    /// Which button.
    #[serde(deserialize_with = "or_default")]
    pub action_id: String,
    /// What we put into it.
    #[serde(deserialize_with = "or_default")]
    pub value: String,
    /// When.
    #[serde(deserialize_with = "or_default")]
    pub action_ts: String,
}

/// An interaction: a click, a modal, a shortcut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Interaction {
    /// `block_actions` is a click, `view_submission` a form; we have no use for others.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
    /// Who.
    #[serde(deserialize_with = "object")]
    pub user: User,
    /// The app that is meant.
    #[serde(deserialize_with = "or_default")]
    pub api_app_id: String,
    /// Where the button is.
    #[serde(deserialize_with = "object")]
    pub container: Container,
    /// The workspace where the app is installed; absent when a whole organisation installed it.
    #[serde(deserialize_with = "object")]
    pub team: Named,
    /// The organisation that installed the app, if one did.
    #[serde(deserialize_with = "object")]
    pub enterprise: Named,
    /// Where; nowhere for a form or a home tab.
    #[serde(deserialize_with = "object")]
    pub channel: Named,
    /// The message, if the button is on one.
    #[serde(deserialize_with = "object")]
    pub message: Place,
    /// The form or the home tab.
    #[serde(deserialize_with = "object")]
    pub view: View,
    /// Which buttons.
    #[serde(deserialize_with = "or_default")]
    pub actions: Vec<Pressed>,
    /// Where to answer. A secret.
    #[serde(deserialize_with = "or_default")]
    pub response_url: String,
    /// Unique per click.
    #[serde(deserialize_with = "or_default")]
    pub trigger_id: String,
}

impl Interaction {
    /// The workspace that the person belongs to.
    pub fn team_of_user(&self) -> &str {
        self.user.team_id.as_deref().unwrap_or(&self.team.id)
    }

    /// Whether it was clicked on the home tab or in a modal, not on a message.
    pub fn is_on_a_view(&self) -> bool {
        self.channel_id().is_none() && !self.view.id.is_empty()
    }

    /// Where it was clicked.
    pub fn channel_id(&self) -> Option<&str> {
        Some(self.channel.id.as_str()).filter(|id| !id.is_empty())
    }
}

/// An event, or the question whether we are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Event {
    /// `url_verification`, `event_callback` and others.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
    /// To be sent back.
    #[serde(deserialize_with = "or_default")]
    pub challenge: String,
    /// The workspace where it happened.
    #[serde(deserialize_with = "or_default")]
    pub team_id: String,
    /// The organisation of the workspace, if it belongs to one.
    #[serde(deserialize_with = "or_default")]
    pub enterprise_id: String,
    /// The app that is meant.
    #[serde(deserialize_with = "or_default")]
    pub api_app_id: String,
    /// Unique per event, the same in every repeat.
    #[serde(deserialize_with = "or_default")]
    pub event_id: String,
    /// What happened.
    #[serde(deserialize_with = "object")]
    pub event: Happening,
}

/// What happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Happening {
    /// `app_home_opened` and others.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
    /// Who did it.
    #[serde(deserialize_with = "or_default")]
    pub user: String,
    /// Which tab was opened: `home` or `messages`.
    #[serde(deserialize_with = "or_default")]
    pub tab: String,
    /// What the person sees there now.
    #[serde(deserialize_with = "object")]
    pub view: View,
}

/// Reads a slash command from a form.
pub fn command(body: &[u8]) -> Command {
    let fields = form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), value.into_owned().into()));
    from_socket(Value::Object(fields.collect::<Map<_, _>>())).unwrap_or_default()
}

/// Reads the form field in which Slack sends an interaction.
pub fn interaction(body: &[u8]) -> Option<Interaction> {
    let (_, payload) = form_urlencoded::parse(body).find(|(name, _)| name == "payload")?;
    serde_json::from_str(&payload).ok()
}

/// Reads the payload of an envelope; `None` if it is no object.
pub fn from_socket<T: for<'a> Deserialize<'a>>(payload: Value) -> Option<T> {
    serde_json::from_value(payload).ok()
}

/// Whether Slack only checks our certificate.
pub fn is_ssl_check(body: &[u8]) -> bool {
    body.split(|byte| *byte == b'&').any(|field| field == b"ssl_check=1")
}
