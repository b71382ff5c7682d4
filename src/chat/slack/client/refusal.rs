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

fn gone(why: String) -> ChatError {
    ChatError::Gone { messenger: "slack".into(), why }
}

/// A call that did not reach Slack or was not answered by it. Slack itself says in its body what is not there.
pub(super) fn failed(error: &CallError) -> ChatError {
    let wait = error.retry_after();
    match error.status() {
        Some(404 | 410) => refusal(format!("{error}; correct [slack] api_url, or the proxy on the way")),
        Some(_) => refusal(error.to_string()),
        None => unavailable(error.to_string(), (!wait.is_zero()).then_some(wait)),
    }
}

/// The same of an address to answer to, which is not there any more after half an hour.
pub(super) fn way_back_failed(error: &CallError) -> ChatError {
    match error.status() {
        Some(404 | 410) => gone(error.to_string()),
        _ => failed(error),
    }
}

/// Whether no other call with this token can go well either.
pub(super) fn is_about_the_token(answer: &Value) -> bool {
    matches!(
        answer["error"].as_str(),
        Some("invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive")
    )
}

/// Slack's own word for its refusal, and what to do about it. Slack knows more words than are listed anywhere: one that
/// we do not know is told as that.
pub(super) fn refused(answer: &Value) -> ChatError {
    let (error, messenger) = (word(&answer["error"]), "slack".to_owned());
    let mend = match error.as_str() {
        "message_not_found" | "message_deleted" | "thread_not_found" => return gone(error),
        "channel_not_found" | "is_archived" | "is_inactive" | "not_in_channel" => {
            return ChatError::Closed { messenger, why: error };
        }
        // A message that we can read and not edit is of an app that was there before us.
        "edit_window_closed" | "cant_update_message" => return ChatError::Frozen { messenger, why: error },
        form if is_about_the_form(form) => return ChatError::Form { messenger, why: error },
        "ratelimited" | "rate_limited" => return unavailable(error, Some(Duration::from_secs(30))),
        "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org"
        | "org_login_required"
        | "external_channel_migrating"
        | "" => {
            return unavailable(error, None);
        }
        "token_expired" => TOKEN_ROTATION.to_owned(),
        _ if is_about_the_token(answer) => "install the app again and give its new token".to_owned(),
        "missing_scope" => format!("add the scope {} to the app and install it again", word(&answer["needed"])),
        "user_not_found" | "users_not_found" | "user_not_visible" => "correct the id (profile, Copy member ID)".into(),
        "no_such_subteam" => "correct the id of the user group".into(),
        "expired_trigger_id" | "exchanged_trigger_id" | "trigger_expired" | "trigger_exchanged" => {
            "the click is too old for a form; press the button again".into()
        }
        "not_enabled" => "switch on the home tab of the app (App Home), as the manifest does".into(),
        "not_allowed_token_type" => "give the token of the right kind: xoxb- as token, xapp- as app_token".into(),
        "accesslimited" => {
            "an administrator of the workspace must let this address in: it is limited to networks".into()
        }
        "team_access_not_granted" | "enterprise_is_restricted" | "team_not_found" => {
            "an administrator of the organisation must grant the app access to the workspace".into()
        }
        "message_limit_exceeded" => {
            "an administrator must raise or wait for the workspace's limit of messages by apps".into()
        }
        "two_factor_setup_required" => "the account that installed the app must set up two-factor sign-in".into(),
        other if is_a_policy(other) => "an administrator of the workspace must let the app do this".into(),
        other if is_ours(other) => "this is a fault of rekey; please report it".into(),
        _ => "rekey does not know this refusal; an administrator of the workspace may, or look it up in Slack's \
              documentation"
            .into(),
    };
    refusal(format!("{error}; {mend}"))
}

/// Why a token that worked ends by itself.
pub(in crate::chat::slack) const TOKEN_ROTATION: &str = "token rotation is on for the app, by which each token ends after 12 hours, and rekey does not renew it; make an app \
     without token rotation (it cannot be switched off) and give its token";

/// What plain words may do without: blocks, metadata, length.
fn is_about_the_form(error: &str) -> bool {
    let words = [
        "invalid_blocks",
        "msg_blocks_too_long",
        "msg_too_long",
        "block_mismatch",
        "invalid_attachments",
        "too_many_attachments",
        "too_many_contact_cards",
        "no_text",
    ];
    words.iter().any(|word| error.starts_with(word)) || is_about_metadata(error)
}

/// Slack takes the message, and not what apps read of it.
pub(super) fn is_about_metadata(error: &str) -> bool {
    error.contains("metadata")
}

/// What the settings of a workspace forbid.
fn is_a_policy(error: &str) -> bool {
    let words = [
        "restricted",
        "not_allowed",
        "no_permission",
        "access_denied",
        "denied",
        "forbidden",
        "policy",
        "_disabled",
        "ekm_",
    ];
    words.iter().any(|word| error.contains(word))
}

/// What only a wrong request is answered with.
fn is_ours(error: &str) -> bool {
    let words = [
        "invalid_arg",
        "invalid_array",
        "invalid_json",
        "json_not_object",
        "invalid_form",
        "invalid_charset",
        "invalid_post",
        "missing_post_type",
        "missing_charset",
        "missing_argument",
        "unknown_method",
        "invalid_cursor",
        "invalid_view",
        "view_too_large",
        "duplicate_external_id",
        "invalid_limit",
        "too_many_",
    ];
    words.iter().any(|word| error.starts_with(word))
}

/// The way out of a channel that is closed to the bot.
pub(in crate::chat::slack) fn with_way_out(error: ChatError, channel: &str) -> ChatError {
    match error {
        ChatError::Closed { why, .. } if why == "is_archived" => {
            refusal(format!("{why}; unarchive the channel {channel}, or correct [slack] channel"))
        }
        ChatError::Closed { why, .. } => {
            refusal(format!("{why}; correct [slack] channel ({channel}), or type /invite @rekey in it"))
        }
        ChatError::Form { why, .. } => refusal(format!("{why}; this is a fault of rekey; please report it")),
        other => other,
    }
}

/// A code from Slack, never more than a code.
fn word(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "_:.,".contains(*c)).take(80).collect()
}
