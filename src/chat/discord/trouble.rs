//! What Discord's refusals mean for us, and what a person can do about them.

use crate::chat::ChatError;
use crate::http::CallError;
use crate::rotation::view::text;

const NAME: &str = "discord";

/// Sorts an error by what the caller can do.
pub fn failed(error: &CallError) -> ChatError {
    let messenger = NAME.to_owned();
    let Some(status) = error.status() else {
        let wait = error.retry_after();
        return ChatError::Unavailable {
            messenger,
            why: error.to_string(),
            retry_after: (!wait.is_zero()).then_some(wait),
        };
    };
    let why = error.to_string();
    match (status, error.code()) {
        // Unknown channel, guild, message; no longer able to see the channel; a message that is not ours.
        (_, Some(10_003 | 10_004 | 10_008 | 50_001 | 50_005)) => ChatError::Gone { messenger, why },
        // Too many edits of an old message within the hour: Discord wants it tried later.
        (_, Some(30_046)) => ChatError::Unavailable { messenger, why, retry_after: None },
        (404, _) => ChatError::Gone { messenger, why },
        (status, code) => ChatError::Refused { messenger, why: format!("{why}; {}", mend(status, code)) },
    }
}

fn mend(status: u16, code: Option<u64>) -> &'static str {
    match (status, code) {
        (401, _) => "reset the bot's token in the developer portal and give the new one",
        (_, Some(50_013)) => {
            "give the bot View Channel, Send Messages, Embed Links, Read Message History, Create Public Threads and Send \
             Messages in Threads in the channel"
        }
        (_, Some(50_083 | 160_005)) => "unlock the card's thread",
        (_, Some(40_002)) => "verify the account of the bot's owner",
        (403, _) => "the server's settings do not let the bot do this",
        _ => "this is a fault of rekey; please report it",
    }
}

/// An id of the configuration or of the database that is none.
pub fn bad_id(given: &str) -> ChatError {
    let given = text::cut(&text::line(given), 40);
    ChatError::Refused { messenger: NAME.into(), why: format!("\"{given}\" is no id of Discord; ids are long numbers") }
}
