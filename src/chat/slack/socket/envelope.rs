//! What comes over the socket, read leniently: only what is needed, and nothing may be missing that Slack leaves out
//! now and then.

use crate::chat::lenient::or_default;
use serde::Deserialize;
use serde_json::Value;

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A slash command.
    Command,
    /// A click, a form, a shortcut.
    Interaction,
    /// An event.
    Event,
}

/// One request of Slack.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// Unique per delivery; the acknowledgement names it.
    pub id: String,
    /// What it is about.
    pub kind: Kind,
    /// As the endpoints would get it, in JSON.
    pub payload: Value,
    /// Whether the acknowledgement may carry an answer.
    pub takes_answer: bool,
}

/// Why Slack ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is renewed now and then; or a reason that we do not know.
    Renewal,
    /// There are too many connections.
    TooMany,
    /// Socket Mode was switched off.
    SwitchedOff,
}

/// Everything that Slack says on a socket.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// The connection stands.
    Hello,
    /// It is about to end.
    Goodbye(Reason),
    /// Something to deal with and acknowledge.
    Request(Envelope),
    /// Something new; acknowledged if it can be, so that Slack does not repeat it.
    Other(Option<String>),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Frame {
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    reason: String,
    #[serde(deserialize_with = "or_default")]
    envelope_id: String,
    #[serde(deserialize_with = "or_default")]
    accepts_response_payload: bool,
    payload: Value,
}

/// Reads one message; `None` if it is no JSON object.
pub fn read(text: &str) -> Option<Said> {
    let frame: Frame = serde_json::from_str(text).ok()?;
    let kind = match frame.kind.as_str() {
        "hello" => return Some(Said::Hello),
        "disconnect" => return Some(Said::Goodbye(reason(&frame.reason))),
        "slash_commands" => Kind::Command,
        "interactive" => Kind::Interaction,
        "events_api" => Kind::Event,
        _ => return Some(Said::Other(Some(frame.envelope_id).filter(|id| !id.is_empty()))),
    };
    if frame.envelope_id.is_empty() {
        return Some(Said::Other(None));
    }
    let (id, takes_answer) = (frame.envelope_id, frame.accepts_response_payload);
    Some(Said::Request(Envelope { id, kind, payload: frame.payload, takes_answer }))
}

fn reason(word: &str) -> Reason {
    match word {
        "too_many_websockets" => Reason::TooMany,
        "link_disabled" => Reason::SwitchedOff,
        _ => Reason::Renewal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goodbye_without_details_is_understood() {
        for (word, reason) in [
            ("warning", Reason::Renewal),
            ("refresh_requested", Reason::Renewal),
            ("something_new", Reason::Renewal),
            ("too_many_websockets", Reason::TooMany),
            ("link_disabled", Reason::SwitchedOff),
        ] {
            let text = format!(r#"{{"type":"disconnect","reason":"{word}"}}"#);
            assert_eq!(read(&text), Some(Said::Goodbye(reason)));
        }
    }

    #[test]
    fn what_is_unknown_is_acknowledged_and_what_is_no_json_ignored() {
        assert_eq!(read(r#"{"type":"new","envelope_id":"e1","payload":7}"#), Some(Said::Other(Some("e1".into()))));
        assert_eq!(read(r#"{"type":"interactive","envelope_id":null}"#), Some(Said::Other(None)));
        assert_eq!(read("ping"), None);
    }
}
