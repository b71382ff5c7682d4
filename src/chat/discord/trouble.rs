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
        // Unknown message; a message that is not ours, but of a bot that was there before us.
        (_, Some(10_008 | 50_005)) => ChatError::Gone { messenger, why },
        // Unknown channel, unknown guild, missing access; a thread that is locked.
        (_, Some(10_003 | 10_004 | 50_001 | 50_083 | 160_005)) => ChatError::Closed { messenger, why },
        // Too many edits of an old message within the hour: Discord wants it tried later.
        (_, Some(30_046)) => ChatError::Unavailable { messenger, why, retry_after: None },
        (status, code) => ChatError::Refused { messenger, why: format!("{why}; {}", mend(status, code)) },
    }
}

/// The same of an interaction's own token, which Discord does not know yet, or not any more.
pub fn way_back_failed(error: &CallError) -> ChatError {
    match error.status() {
        Some(404) => ChatError::Gone { messenger: NAME.to_owned(), why: error.to_string() },
        _ => failed(error),
    }
}

/// The way out of a channel that is closed to the bot.
pub fn with_way_out(error: ChatError, channel: &str) -> ChatError {
    match error {
        ChatError::Closed { messenger, why } => {
            let mend = "correct [discord] channel, or invite the bot to the server and give it View Channel in it";
            ChatError::Refused { messenger, why: format!("{why}; {mend} ({channel})") }
        }
        other => other,
    }
}

fn mend(status: u16, code: Option<u64>) -> &'static str {
    match (status, code) {
        (401, _) => "reset the bot's token in the developer portal and give the new one",
        (_, Some(50_013)) => {
            "give the bot View Channel, Send Messages, Embed Links, Read Message History, Create Public Threads and Send \
             Messages in Threads in the channel"
        }
        (_, Some(40_002)) => "verify the account of the bot's owner",
        (_, Some(10_013)) => "correct the person's id (Copy User ID)",
        // Discord gives a number of its own to everything that it does not know.
        (404, None | Some(0)) => "correct [discord] api_url, or the proxy on the way",
        (403, _) => "the server's settings do not let the bot do this",
        _ => "this is a fault of rekey; please report it",
    }
}

/// An id of the configuration or of the database that is none.
pub fn bad_id(given: &str) -> ChatError {
    let given = text::cut(&text::line(given), 40);
    ChatError::Refused { messenger: NAME.into(), why: format!("\"{given}\" is no id of Discord; ids are long numbers") }
}
