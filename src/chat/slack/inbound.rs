//! What Slack sends us, read leniently: unknown fields, unknown types and absent teams are facts of life. Only what a
//! decision needs is read.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A slash command, a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// The workspace of the person.
    pub team_id: String,
    /// The person.
    pub user_id: String,
    /// Where it was typed.
    pub channel_id: String,
    /// What follows the command's name.
    pub text: String,
    /// The command's name.
    pub command: String,
    /// Where to answer later. A secret.
    pub response_url: String,
    /// Unique per command.
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
}

/// An interaction: a click, a modal, a shortcut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Interaction {
    /// `block_actions` is a click; we have no use for others.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
    /// Who.
    #[serde(deserialize_with = "or_default")]
    pub user: User,
    /// The workspace where the app is installed; absent when a whole organisation installed it.
    #[serde(deserialize_with = "or_default")]
    pub team: Named,
    /// Where.
    #[serde(deserialize_with = "or_default")]
    pub channel: Named,
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
}

/// Reads a slash command.
pub fn command(body: &[u8]) -> Command {
    let mut command = Command::default();
    for (name, value) in form_urlencoded::parse(body) {
        let field = match &*name {
            "team_id" => &mut command.team_id,
            "user_id" => &mut command.user_id,
            "channel_id" => &mut command.channel_id,
            "text" => &mut command.text,
            "command" => &mut command.command,
            "response_url" => &mut command.response_url,
            "trigger_id" => &mut command.trigger_id,
            _ => continue,
        };
        *field = value.into_owned();
    }
    command
}

/// Reads the form field in which Slack sends an interaction.
pub fn interaction(body: &[u8]) -> Option<Interaction> {
    let (_, payload) = form_urlencoded::parse(body).find(|(name, _)| name == "payload")?;
    serde_json::from_str(&payload).ok()
}

/// Whether Slack only checks our certificate.
pub fn is_ssl_check(body: &[u8]) -> bool {
    form_urlencoded::parse(body).any(|(name, value)| name == "ssl_check" && value == "1")
}

/// `null`, and a value of another shape, count as absent.
fn or_default<'de, D: Deserializer<'de>, T: Default + for<'a> Deserialize<'a>>(input: D) -> Result<T, D::Error> {
    let value = Value::deserialize(input)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}
