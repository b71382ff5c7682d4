//! What Discord sends us, by HTTP and by the Gateway alike, read leniently: unknown fields, unknown types and absent
//! parts are facts of life. Only what a decision needs is read.

use super::EPOCH;
use crate::chat::lenient::or_default;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Whether we are there.
pub const PING: u64 = 1;
/// A command.
pub const COMMAND: u64 = 2;
/// A button.
pub const BUTTON: u64 = 3;
/// A command that is being typed.
pub const COMPLETE: u64 = 4;
/// A form.
pub const FORM: u64 = 5;

/// In a channel of a guild; others are direct messages.
const IN_GUILD: u64 = 0;
/// Marks a message that one person sees.
const EPHEMERAL: u64 = 64;
/// How deep a form's parts may lie in each other.
const DEEPEST: usize = 4;

/// Something that a person did. It cannot be printed: its token and what was typed are secrets.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Interaction {
    /// Unique, also over redeliveries.
    #[serde(deserialize_with = "or_default")]
    pub id: String,
    /// [`PING`], [`COMMAND`], …
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: u64,
    /// With it the answer is given, for a quarter of an hour. A secret.
    #[serde(deserialize_with = "or_default")]
    pub token: String,
    /// Which application it is for.
    #[serde(deserialize_with = "or_default")]
    pub application_id: String,
    /// Where; absent in direct messages.
    #[serde(deserialize_with = "or_default")]
    pub guild_id: Option<String>,
    /// Where, more exactly.
    #[serde(deserialize_with = "or_default")]
    pub channel_id: Option<String>,
    /// In which surroundings; 0 is a guild.
    #[serde(deserialize_with = "or_default")]
    pub context: Option<u64>,
    /// Who installed the application: 0 the guild, 1 the user for themselves.
    #[serde(deserialize_with = "or_default")]
    pub authorizing_integration_owners: BTreeMap<String, String>,
    /// Who, in a guild.
    #[serde(deserialize_with = "or_default")]
    pub member: Option<Member>,
    /// Who, elsewhere.
    #[serde(deserialize_with = "or_default")]
    pub user: Option<Named>,
    /// The message that the button was on.
    #[serde(deserialize_with = "or_default")]
    pub message: Option<Source>,
    /// What.
    #[serde(deserialize_with = "or_default")]
    pub data: Data,
}

/// Somebody as a member of the guild.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Member {
    /// Who.
    #[serde(deserialize_with = "or_default")]
    pub user: Named,
    /// Ids of their roles, at this moment.
    #[serde(deserialize_with = "or_default")]
    pub roles: BTreeSet<String>,
}

/// Something with an id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Named {
    /// The id.
    #[serde(deserialize_with = "or_default")]
    pub id: String,
}

/// The message that a button was on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Source {
    /// Its id.
    #[serde(deserialize_with = "or_default")]
    pub id: String,
    /// What is special about it.
    #[serde(deserialize_with = "or_default")]
    pub flags: u64,
}

/// What was done.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Data {
    /// Of a command.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Of a button or a form: what we put there.
    #[serde(deserialize_with = "or_default")]
    pub custom_id: String,
    /// Of a command: its subcommand, which has the values.
    #[serde(deserialize_with = "or_default")]
    pub options: Vec<Given>,
    /// Of a form: its parts, in the shape in which they were sent.
    #[serde(deserialize_with = "or_default")]
    components: Vec<Value>,
}

/// A subcommand or a value.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Given {
    /// As we called it.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// A text, a number, yes or no.
    pub value: Value,
    /// Whether it is being typed.
    #[serde(deserialize_with = "or_default")]
    pub focused: bool,
    /// Of a subcommand.
    #[serde(deserialize_with = "or_default")]
    pub options: Vec<Given>,
}

impl Given {
    /// The value as text.
    pub fn text(&self) -> String {
        match &self.value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        }
    }
}

impl Interaction {
    /// Who did it.
    pub fn account(&self) -> &str {
        let user = self.member.as_ref().map(|member| &member.user).or(self.user.as_ref());
        user.map_or("", |user| &user.id)
    }

    /// When it was done; ids of Discord begin with that.
    pub fn done_at(&self) -> Option<Timestamp> {
        let millis = (self.id.parse::<u64>().ok()? >> 22) + EPOCH;
        Timestamp::from_millisecond(millis.cast_signed()).ok()
    }

    /// Their roles, if it was in a guild.
    pub fn roles(&self) -> BTreeSet<String> {
        self.member.as_ref().map(|member| member.roles.clone()).unwrap_or_default()
    }

    /// Whether it happened in a channel of a guild.
    pub fn is_in_guild(&self) -> bool {
        self.context == Some(IN_GUILD) && self.guild_id.is_some() && self.member.is_some()
    }

    /// Whether the guild itself installed the application that was used; a copy that a user installed for themselves
    /// may be used in it too, and proves nothing.
    pub fn is_installed_by(&self, guild: &str) -> bool {
        self.authorizing_integration_owners.get("0").is_some_and(|owner| owner == guild)
    }

    /// Whether the button was on a message that only this person sees.
    pub fn is_from_private(&self) -> bool {
        self.message.as_ref().is_some_and(|message| message.flags & EPHEMERAL != 0)
    }

    /// What was typed into the fields of a form, by the fields' ids; rows (deprecated) and labels hold them alike.
    pub fn typed(&self) -> Vec<(String, String)> {
        let mut typed = Vec::new();
        for part in &self.data.components {
            collect(part, DEEPEST, &mut typed);
        }
        typed
    }
}

fn collect(part: &Value, deepest: usize, typed: &mut Vec<(String, String)>) {
    if let (Some(id), Some(value)) = (part["custom_id"].as_str(), part["value"].as_str()) {
        typed.push((id.to_owned(), value.to_owned()));
    }
    let inner = part["components"].as_array().into_iter().flatten().chain(part.get("component"));
    for one in inner.filter(|_| deepest > 0) {
        collect(one, deepest - 1, typed);
    }
}

/// Reads an interaction.
pub fn interaction(body: &[u8]) -> Option<Interaction> {
    serde_json::from_slice(body).ok()
}
