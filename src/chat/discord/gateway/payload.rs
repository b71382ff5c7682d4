//! What is said on the Gateway, in both directions, and what the end of a connection means.

use crate::chat::discord::inbound::Interaction;
use crate::secret::Secret;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Codes after which coming again is of no use: the token, the version or the wishes are refused.
const FOR_GOOD: [u16; 6] = [4_004, 4_010, 4_011, 4_012, 4_013, 4_014];
/// Codes after which the session is lost.
const LOST: [u16; 4] = [1_000, 1_001, 4_007, 4_009];

/// What comes after a connection; why, in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum After {
    /// We were told to stop.
    Stop,
    /// Another one that goes on where this one broke.
    Resume(String),
    /// Another one from the beginning.
    Anew(String),
    /// None.
    Never(String),
}

impl After {
    pub fn of_close(code: Option<u16>, reason: &str) -> Self {
        let why = match code {
            Some(code) => format!("closed with {code} {reason}").trim_end().to_owned(),
            None => "closed without a word".to_owned(),
        };
        match code {
            Some(code) if FOR_GOOD.contains(&code) => Self::Never(why),
            Some(code) if LOST.contains(&code) => Self::Anew(why),
            _ => Self::Resume(why),
        }
    }
}

/// One message of Discord's.
#[derive(Deserialize)]
pub(super) struct Payload {
    op: u64,
    #[serde(default)]
    d: Value,
    #[serde(default)]
    s: Option<u64>,
    #[serde(default)]
    t: Option<String>,
}

/// What it means for us.
pub(super) enum Heard {
    Ready { id: String, url: Option<String> },
    Interaction(Box<Interaction>),
    BeatNow,
    BeatAnswered,
    SentAway,
    Invalid { resumable: bool },
    Other,
}

impl Payload {
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// How often Discord wants to hear from us, if this is its hello.
    pub fn hello(&self) -> Option<Duration> {
        let interval = self.d["heartbeat_interval"].as_u64().filter(|interval| *interval > 0);
        interval.filter(|_| self.op == 10).map(Duration::from_millis)
    }

    /// The number of the event, if it is one.
    pub fn seq(&self) -> Option<u64> {
        self.s
    }

    pub fn heard(self) -> Heard {
        match (self.op, self.t.as_deref()) {
            (0, Some("READY")) => {
                let text = |name: &str| self.d[name].as_str().map(str::to_owned);
                text("session_id").map_or(Heard::Other, |id| Heard::Ready { id, url: text("resume_gateway_url") })
            }
            (0, Some("INTERACTION_CREATE")) => match serde_json::from_value(self.d) {
                Ok(interaction) => Heard::Interaction(Box::new(interaction)),
                Err(_) => Heard::Other,
            },
            (1, _) => Heard::BeatNow,
            (7, _) => Heard::SentAway,
            (9, _) => Heard::Invalid { resumable: self.d == true },
            (11, _) => Heard::BeatAnswered,
            _ => Heard::Other,
        }
    }
}

/// Who we are, for a new session. Interactions come without any intents.
pub(super) fn identify(token: &Secret) -> String {
    let properties = json!({"os": std::env::consts::OS, "browser": "rekey", "device": "rekey"});
    json!({"op": 2, "d": {"token": token.expose(), "intents": 0, "properties": properties}}).to_string()
}

/// Who we are, and how far we heard.
pub(super) fn resume(token: &Secret, session: &str, seq: u64) -> String {
    json!({"op": 6, "d": {"token": token.expose(), "session_id": session, "seq": seq}}).to_string()
}

/// We are alive, and heard so far.
pub(super) fn heartbeat(seq: Option<u64>) -> String {
    json!({"op": 1, "d": seq}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_close_says_whether_coming_again_is_of_use() {
        assert!(matches!(After::of_close(Some(4_004), "Authentication failed."), After::Never(why)
            if why == "closed with 4004 Authentication failed."));
        for code in FOR_GOOD {
            assert!(matches!(After::of_close(Some(code), ""), After::Never(_)));
        }
        assert!(matches!(After::of_close(Some(4_009), ""), After::Anew(_)));
        for code in [4_000, 4_001, 4_002, 4_003, 4_005, 4_008, 1_006, 1_011] {
            assert!(matches!(After::of_close(Some(code), ""), After::Resume(_)), "{code}");
        }
        assert!(matches!(After::of_close(None, ""), After::Resume(_)));
    }

    #[test]
    fn what_cannot_be_read_is_nothing_to_us() {
        assert!(Payload::read("{}").is_none() && Payload::read("[").is_none());
        let other = Payload::read(r#"{"op":0,"t":"GUILD_CREATE","s":3,"d":{}}"#).unwrap();
        assert_eq!(other.seq(), Some(3));
        assert!(matches!(other.heard(), Heard::Other));
        assert_eq!(Payload::read(r#"{"op":10,"d":{"heartbeat_interval":0}}"#).unwrap().hello(), None);
    }
}
