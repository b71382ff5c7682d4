//! What waits for an answer, and what is counted: data alone.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::time::Instant;

/// A line that one person saw.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ephemeral {
    /// Its id.
    pub id: String,
    /// Where.
    pub channel: String,
    /// Who.
    pub user: String,
    /// Markdown.
    pub content: String,
    /// What stands below it.
    pub embeds: Vec<Value>,
    /// Rows of buttons.
    pub components: Vec<Value>,
}

/// The calls of one route in the present window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    pub(super) until: Instant,
    pub(super) used: u32,
}

/// What a person sees of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// Nothing changes, or the message itself did.
    Nothing,
    /// "Thinking …", until there is more.
    Waiting,
    /// A line for them alone.
    Private(Ephemeral),
    /// A message for everybody.
    Public(String),
    /// A form.
    Form(Value),
    /// What they may choose from.
    Choices(Vec<Value>),
}

/// Where the first answer stands.
#[derive(Clone, Debug)]
pub(super) enum Original {
    Private(String),
    Public(String),
    Promised { private: bool },
    Source,
}

/// Something that waits for an answer, or had it.
#[derive(Clone, Debug)]
pub(super) struct Interaction {
    pub id: String,
    pub kind: u64,
    pub user: String,
    pub channel: String,
    /// The message or private line that the button was on.
    pub source: Option<String>,
    pub at: Timestamp,
    pub seen: Option<Shown>,
    pub(super) original: Option<Original>,
}

impl Interaction {
    pub fn new(id: String, kind: u64, user: &str, channel: &str, source: Option<String>, at: Timestamp) -> Self {
        Self { id, kind, user: user.into(), channel: channel.into(), source, at, seen: None, original: None }
    }
}
