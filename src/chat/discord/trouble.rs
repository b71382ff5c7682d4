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
        (_, Some(10_008)) => ChatError::Gone { messenger, why },
        // A message that is not ours, but of a bot that was there before us.
        (_, Some(50_005)) => ChatError::Frozen { messenger, why },
        // Unknown channel, unknown guild, missing access; a thread that is locked.
        (_, Some(10_003 | 10_004 | 50_001 | 50_083 | 160_005)) => ChatError::Closed { messenger, why },
        // Too many edits of an old message within the hour: Discord wants it tried later. An overloaded one does too.
        (_, Some(30_046 | 130_000 | 20_028 | 20_016)) => ChatError::Unavailable { messenger, why, retry_after: None },
        // What is in the message is not as Discord wants it; or we do not know, and plain words may do.
        (400, code) if is_about_the_form(code) => ChatError::Form { messenger, why: told(&why, status, code) },
        (status, code) => ChatError::Refused { messenger, why: told(&why, status, code) },
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
        ChatError::Form { messenger, why } => ChatError::Refused { messenger, why },
        other => other,
    }
}

const FAULT: &str = "this is a fault of rekey; please report it";

const UNKNOWN: &str = "rekey does not know this refusal; an administrator of the server may, or what Discord \
                       documents of its number; without a number it may be a proxy on the way";

/// Discord's words and the way out. What we do not know is told with its number, and no cause is claimed.
fn told(why: &str, status: u16, code: Option<u64>) -> String {
    match (mend(status, code), code.filter(|code| *code != 0)) {
        (UNKNOWN, Some(code)) => format!("{why} (Discord's number {code}); {UNKNOWN}"),
        (UNKNOWN, None) => format!("{why} (without a number of Discord's); {UNKNOWN}"),
        (mend, _) => format!("{why}; {mend}"),
    }
}

/// Whether words without embed and buttons may be taken where these were not.
fn is_about_the_form(code: Option<u64>) -> bool {
    match code {
        Some(50_035 | 50_006 | 40_005 | 240_000) => true,
        code => mend(400, code) == UNKNOWN,
    }
}

/// Discord adds numbers as it likes: one that we do not know is told as that.
fn mend(status: u16, code: Option<u64>) -> &'static str {
    match (status, code) {
        (401, _) => "reset the bot's token in the developer portal and give the new one",
        (_, Some(50_013)) => {
            "give the bot View Channel, Send Messages, Embed Links, Read Message History, Create Public Threads and Send \
             Messages in Threads in the channel, and see that it is not in a time-out"
        }
        (_, Some(40_002)) => "verify the account of the bot's owner",
        (_, Some(10_013)) => "correct the person's id (Copy User ID)",
        (_, Some(200_000 | 200_001)) => "the server's AutoMod blocked it; let the bot's role pass that rule",
        (_, Some(160_006 | 160_007)) => "archive threads that are no longer needed: the server has as many as it may",
        (_, Some(50_024 | 50_008 | 50_068)) => "choose a text channel: one of this kind does not take it",
        (_, Some(60_003)) => "the bot's owner must switch on two-factor sign-in, as the server demands",
        (_, Some(50_009)) => "the server's verification level keeps the bot out; an administrator must lower it",
        (_, Some(30_000..=30_999)) => "the server has as many of these as it may; an administrator must remove some",
        (_, Some(50_035 | 50_006 | 40_005 | 50_109 | 50_016 | 50_027 | 50_041 | 50_046)) => FAULT,
        (_, Some(240_000)) => "the server blocks a link in it; let the bot's role pass that rule",
        // Discord gives a number of its own to everything that it does not know.
        (404, None | Some(0)) => "correct [discord] api_url, or the proxy on the way",
        _ => UNKNOWN,
    }
}

/// An id of the configuration or of the database that is none.
pub fn bad_id(given: &str) -> ChatError {
    let given = text::cut(&text::line(given), 40);
    ChatError::Refused { messenger: NAME.into(), why: format!("\"{given}\" is no id of Discord; ids are long numbers") }
}
