//! What went wrong with a call, sorted by what the caller can do: Slack answers 200 also when it refuses.

use crate::chat::ChatError;
use crate::http::CallError;
use serde_json::Value;
use std::time::Duration;

pub(super) fn unavailable(why: impl Into<String>, retry_after: Option<Duration>) -> ChatError {
    ChatError::Unavailable { messenger: "slack".into(), why: why.into(), retry_after }
}

pub(super) fn refusal(why: impl Into<String>) -> ChatError {
    ChatError::Refused { messenger: "slack".into(), why: why.into() }
}

/// A call that did not reach Slack or was not answered by it.
pub(super) fn failed(error: &CallError) -> ChatError {
    let wait = error.retry_after();
    match error.status() {
        Some(404 | 410) => ChatError::Gone { messenger: "slack".into(), why: error.to_string() },
        Some(_) => refusal(error.to_string()),
        None => unavailable(error.to_string(), (!wait.is_zero()).then_some(wait)),
    }
}

/// Whether no other call with this token can go well either.
pub(super) fn is_about_the_token(answer: &Value) -> bool {
    matches!(
        answer["error"].as_str(),
        Some("invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive")
    )
}

/// Slack's own word for its refusal, and what to do about it.
pub(super) fn refused(answer: &Value) -> ChatError {
    let error = word(&answer["error"]);
    let mend = match error.as_str() {
        "message_not_found"
        | "thread_not_found"
        | "channel_not_found"
        | "is_archived"
        | "is_inactive"
        | "not_in_channel"
        | "cant_update_message"
        | "message_deleted"
        | "edit_window_closed" => {
            return ChatError::Gone { messenger: "slack".into(), why: error };
        }
        "ratelimited" | "rate_limited" => return unavailable(error, Some(Duration::from_secs(30))),
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" | "team_added_to_org" | "" => {
            return unavailable(error, None);
        }
        _ if is_about_the_token(answer) => "install the app again and give its new token".to_owned(),
        "missing_scope" => format!("add the scope {} to the app and install it again", word(&answer["needed"])),
        "user_not_found" | "users_not_found" | "user_not_visible" => "correct the id (profile, Copy member ID)".into(),
        "no_such_subteam" => "correct the id of the user group".into(),
        "restricted_action" | "ekm_access_denied" => "an administrator of the workspace must let the app post".into(),
        "expired_trigger_id" | "exchanged_trigger_id" | "trigger_expired" | "trigger_exchanged" => {
            "the click is too old for a form; press the button again".into()
        }
        "not_enabled" => "switch on the home tab of the app (App Home), as the manifest does".into(),
        "not_allowed_token_type" => "give the token of the right kind: xoxb- as token, xapp- as app_token".into(),
        _ => "this is a fault of rekey; please report it".into(),
    };
    refusal(format!("{error}; {mend}"))
}

/// The channel itself cannot take a new card: that is no card that people removed, and a person must mend it.
pub(in crate::chat::slack) fn unpostable(error: ChatError, channel: &str) -> ChatError {
    match error {
        ChatError::Gone { why, .. } => {
            refusal(format!("{why}; correct [slack] channel ({channel}), or type /invite @rekey in it"))
        }
        other => other,
    }
}

/// A code from Slack, never more than a code.
fn word(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "_:.,".contains(*c)).take(80).collect()
}
